"""What ``plan(..., measure=True)`` has learned: exported, imported, forgotten.

>>> from faltung import wisdom
>>> wisdom.export("wisdom.json"), wisdom.import_("wisdom.json")             # doctest: +SKIP
(12, 12)

Wisdom lies in the cache's folder and is used by every later plan of the same problem.  It counts for the machine
and the version with which it was measured; anything else is refused.
"""

from __future__ import annotations

from .planning.wisdom import count, export, file, forget, import_

__all__ = ["count", "export", "file", "forget", "import_"]
