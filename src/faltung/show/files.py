"""Pictures in files: PNG, SVG and PDF, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import FaltungError
from ..images.files import beside
from .scene import need_matplotlib

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}


def write(figure: Any, path: str | os.PathLike[str]) -> Path:
    """Write a figure to a file whose suffix says the format: .png, .svg or .pdf."""
    target = Path(path)
    form = FORMATS.get(target.suffix.lower())
    if form is None:
        raise FaltungError(f"show: {target} has no suffix of a picture; use {', '.join(FORMATS)}")
    # No dates, so that the same picture is the same file; text stays text.
    facts = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}.get(form)
    with need_matplotlib().rc_context({"svg.fonttype": "none", "svg.hashsalt": "faltung", "pdf.fonttype": 42}), \
            beside(target) as part:
        figure.savefig(part, format=form, metadata=facts)
    return target
