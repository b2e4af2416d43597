"""JSON files in the cache's folder: what was measured here.  Written atomically, checked when read."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..compiler.digest import generator_digest
from ..machine import Machine, detect

PLACES = "FALTUNG_CACHE_DIR", "XDG_CACHE_HOME"

Place = tuple[str | None, ...]
"""What decides where the cache's folder is."""

_reported: set[str] = set()


class RefusedError(Exception):
    """A document that is not used; the text says why."""

    def __init__(self, reason: str, *, damaged: bool = True) -> None:
        super().__init__(reason)
        self.damaged = damaged


def fingerprint(machine: Machine | None = None) -> str:
    """What measurements depend on, of a machine."""
    m = machine or detect()
    return f"{m.name}, {m.isa}, {m.cores} cores, caches of {m.l1_bytes >> 10} and {m.l2_bytes >> 10} KiB"


def head(kind: str) -> dict[str, str]:
    """What every document of a kind begins with, if it was made here and now."""
    return {"faltung": kind, "code": generator_digest()[:16], "machine": fingerprint()}


def write(path: Path, kind: str, content: Any) -> None:
    """Write a document, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        temporary.write_text(json.dumps({**head(kind), "content": content}, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: Path, kind: str, check: Callable[[Any], str | None]) -> Any:
    """The content of a document.

    Parameters
    ----------
    path : Path
    kind : str
    check : callable
        Says what is wrong with the content, or None.

    Raises
    ------
    RefusedError
        It is damaged, or was made for another machine or by another version.
    OSError
        It cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RefusedError("it is not JSON") from None
    if not isinstance(document, dict) or document.get("faltung") != kind or "content" not in document:
        raise RefusedError(f'it is not a document of the kind "{kind}"')
    wrong = check(document["content"])
    if wrong is not None:
        raise RefusedError(wrong)
    here = head(kind)
    if document.get("machine") != here["machine"]:
        raise RefusedError(f"it was measured on another machine ({document.get('machine')}; this is {here['machine']})",
                      damaged=False)
    if document.get("code") != here["code"]:
        raise RefusedError("it was measured with another version of faltung", damaged=False)
    return document["content"]


def recall(path: Path, kind: str, check: Callable[[Any], str | None], empty: Any) -> Any:
    """The same for a file of our own: what is stale is ignored, what is damaged reported once and rewritten."""
    try:
        return read(path, kind, check)
    except OSError:
        return empty
    except RefusedError as refused:
        if refused.damaged and str(path) not in _reported:
            _reported.add(str(path))
            warnings.warn(f"{path}: damaged, for {refused}; it is ignored and written anew", UserWarning, stacklevel=2)
            with contextlib.suppress(OSError):
                write(path, kind, empty)
        return empty


def place() -> Place:
    """What decides where the cache's folder is; quicker to compare than the folder itself."""
    # asked at every look into a table: an absent variable is told by `in` at a fraction of what `get` takes
    env = os.environ
    return tuple([env[name] if name in env else None for name in PLACES])  # noqa: SIM401
