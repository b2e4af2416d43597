"""``faltung wisdom``: what plans that were measured have learned; exported, imported, forgotten."""

from __future__ import annotations

import argparse

from ..errors import PlanError

DESCRIPTION = """\
Show, export, import or forget what `faltung plan --measure` and ft.plan(..., measure=True) have learned.

  faltung wisdom
  faltung wisdom export known.json
  faltung wisdom import known.json
  faltung wisdom forget
"""
ACTIONS = ("show", "export", "import", "forget")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("action", nargs="?", default="show", metavar="ACTION",
                        help="show (default), export, import or forget")
    parser.add_argument("file", nargs="?", metavar="FILE", help="what is written, or read")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for, and print how many problems are known."""
    from ..planning import wisdom

    action, file = options.action, options.file
    if action not in ACTIONS:
        raise PlanError(f"wisdom: action {action!r} is unknown; use one of {', '.join(ACTIONS)}")
    if (file is None) == (action in ("export", "import")):
        raise PlanError(f"wisdom: {action} takes {'a file' if file is None else 'no file'}, as in faltung wisdom "
                        f"{action}{' known.json' if file is None else ''}")
    if action == "export":
        print(f"{file}: {_problems(wisdom.export(file))}")
    elif action == "import":
        print(f"{file}: {_problems(wisdom.import_(file))} learned")
    elif action == "forget":
        print(f"{wisdom.file()}: {_problems(wisdom.forget())} forgotten")
    else:
        print(f"{wisdom.file()}: {_problems(wisdom.count())}")
    return 0


def _problems(count: int) -> str:
    return f"{count} problem{'s' * (count != 1)}"
