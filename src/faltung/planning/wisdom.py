"""Wisdom: how long algorithms took for problems that were measured, remembered on this machine.

``ft.plan(..., measure=True)`` times the best candidates and keeps their times in a file of the cache's folder;
every later plan of the same problem uses them, in this process and in others.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..compiler import cache
from ..errors import PlanError
from . import documents
from .candidates import Setting

KIND = "wisdom 1"
MOST = 4096
"""Problems that are remembered; the oldest are forgotten first."""

Times = dict[str, float]
"""Seconds by algorithm, and by "algorithm recipe" where another recipe is faster than the algorithm's own choice."""

GAIN = 0.98
"""Another recipe is taken if it needs less than this share of the time."""


class _State:
    """What this process knows, and of which folder."""

    place: Any = None
    known: dict[str, Times] | None = None
    guard = threading.Lock()


when_changed: list[Callable[[], None]] = []
"""Called when something was learned or forgotten: whoever keeps plans drops them."""


def file() -> Path:
    """Where wisdom is kept."""
    return cache.folder() / "wisdom.json"


def times(setting: Setting, place: documents.Place | None = None) -> Times:
    """Seconds that algorithms took for a problem, on one thread; empty if it was not measured.

    ``place`` is `documents.place`, if it is known.
    """
    known = _known(place)
    return known.get(_key(setting), {}) if known else {}


def recipe(times: Times, name: str) -> str:
    """The text of the recipe that an algorithm is to take; empty for its own choice."""
    return next((label.partition(" ")[2] for label in times if label.startswith(f"{name} ")), "")


def winners(times: Times) -> Times:
    """Of the recipes of each algorithm only the fastest, if it gains anything; its time is the algorithm's."""
    found = {label: seconds for label, seconds in times.items() if " " not in label}
    for label in sorted(times.keys() - found.keys(), key=times.__getitem__):
        name = label.partition(" ")[0]
        if name in found and times[label] < GAIN * found[name] and not recipe(found, name):
            found[label] = found[name] = times[label]
    return found


def remember(setting: Setting, measured: Times) -> None:
    """Keep what was measured, here and on the disk."""
    with _State.guard:
        known = {**_recall(), _key(setting): measured}
        _State.place, _State.known = documents.place(), _newest(known)
        with contextlib.suppress(OSError):  # what cannot be written is known to this process only
            documents.write(file(), KIND, _State.known)
    _tell()


def export(path: str | Path) -> int:
    """Write all that is known to a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    int
        How many problems that are.
    """
    known = _known()
    documents.write(Path(path), KIND, known)
    return len(known)


def import_(path: str | Path) -> int:
    """Learn from a file that `export` has written on such a machine.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    int
        How many problems it knows.

    Raises
    ------
    PlanError
        The file is damaged, or was measured on another machine or with another version.
    OSError
        It cannot be read.
    """
    try:
        learned = documents.read(Path(path), KIND, _wrong)
    except documents.RefusedError as refused:
        way_out = "measure here, with plan(..., measure=True), and export that"
        raise PlanError(f"wisdom: {path} is refused, for {refused}; {way_out}") from None
    with _State.guard:
        _State.place, _State.known = documents.place(), _newest({**_recall(), **learned})
        with contextlib.suppress(OSError):
            documents.write(file(), KIND, _State.known)
    _tell()
    return len(learned)


def forget() -> int:
    """Forget all, on the disk too; how many problems were known."""
    with _State.guard:
        count = len(_recall())
        _State.place, _State.known = documents.place(), {}
        with contextlib.suppress(OSError):
            file().unlink()
    _tell()
    return count


def count() -> int:
    """How many problems are known."""
    return len(_known())


def _tell() -> None:
    for hear in when_changed:
        hear()


def _known(place: documents.Place | None = None) -> dict[str, Times]:
    known = _State.known
    if known is None or _State.place != (place or documents.place()):
        with _State.guard:
            _State.place, known = documents.place(), _recall()
            _State.known = known
    return known


def _recall() -> dict[str, Times]:
    found: dict[str, Times] = documents.recall(file(), KIND, _wrong, {})
    return found


def _newest(known: dict[str, Times]) -> dict[str, Times]:
    return dict(list(known.items())[-MOST:])


def _key(setting: Setting) -> str:
    """A problem and how its output lies in memory, as text."""
    text = repr((setting.problem, setting.output, setting.max_workspace, setting.reserved_bytes))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _wrong(content: Any) -> str | None:
    """What is wrong with a document's content, or None."""
    if not isinstance(content, dict):
        return "its content is not a table"
    for measured in content.values():
        if not isinstance(measured, dict) or not measured:
            return "an entry holds no times"
        if not all(isinstance(value, float) and 0 < value < 1e6 for value in measured.values()):
            return "a time is not a positive number of seconds"
    return None
