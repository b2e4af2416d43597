"""Matplotlib's settings while something of ours is drawn or written: the user's own have no part in it, and stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..errors import FaltungError
from .style import Theme, look

_FILES = frozenset({"savefig", "svg", "pdf"})
"""Kinds of settings that files depend on, but not what is drawn."""
_USERS = frozenset({"backend", "backend_fallback", "date", "docstring", "interactive", "keymap", "macosx", "pgf", "ps",
                    "timezone", "tk", "toolbar", "webagg", *_FILES})
"""Those that have nothing to do with how a picture looks."""


@contextmanager
def drawing_settings(theme: Theme, width: int) -> Iterator[None]:
    """Draw in the style of a theme and a width, in all else as Matplotlib does by itself."""
    with need_matplotlib().rc_context({**_defaults()[0], **look(theme, width)}):
        yield


@contextmanager
def file_settings(letters: str = "none") -> Iterator[None]:
    """Write files that are the same whenever the picture is; letters are those of SVG: "none" is text, or "path"."""
    own = {"svg.fonttype": letters, "svg.hashsalt": "faltung", "pdf.fonttype": 42}
    with need_matplotlib().rc_context({**_defaults()[1], **own}):
        yield


@cache
def _defaults() -> tuple[dict[str, Any], dict[str, Any]]:
    every = need_matplotlib().rcParamsDefault
    kinds = {name: name.split(".")[0] for name in every}
    return ({name: every[name] for name, kind in kinds.items() if kind not in _USERS},
            {name: every[name] for name, kind in kinds.items() if kind in _FILES})


def need_matplotlib() -> Any:
    """Matplotlib, or an error that says how to get it."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise FaltungError('show: pictures need Matplotlib; install it with: pip install "faltung[show]"') from None
    return mpl
