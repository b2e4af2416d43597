"""Pictures in files: PNG, SVG and PDF, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import FaltungError
from ..images.files import beside
from .hatches import with_clear_hatches
from .settings import file_settings

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}


def write(figure: Any, path: str | os.PathLike[str], *, outlines: bool = False) -> Path:
    """Write a figure to a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What the functions of `faltung.show` return.
    path : str or path
        Its suffix says the format: .png, .svg or .pdf.
    outlines : bool
        Whether the letters of SVG are shapes, which look the same where their font is missing, but are no text.

    Returns
    -------
    Path
        The file, whole; if anything goes wrong there is none, or the one of before.
    """
    target = Path(path)
    form = FORMATS.get(target.suffix.lower())
    if form is None:
        raise FaltungError(f"show: {target} has no suffix of a picture; use {', '.join(FORMATS)}")
    # No dates, so that the same picture is the same file.
    facts = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}.get(form)
    with file_settings("path" if outlines else "none"), beside(target) as part:
        figure.savefig(part, format=form, metadata=facts)
        if form == "svg":
            part.write_bytes(with_clear_hatches(part.read_bytes().decode()).encode())
    return target
