"""Images: files in and out, filters that keep an image an image, edges, pyramids, and volumes larger than memory."""

from __future__ import annotations

from .blocks import filter_file
from .effects import Edges, blur, edges, sharpen
from .files import SUFFIXES, check_writable, read, write
from .filtering import Request, filter, kernel_for, request
from .pyramids import Pyramid, pyramid

__all__ = [
    "SUFFIXES", "Edges", "Pyramid", "Request", "blur", "check_writable", "edges", "filter", "filter_file", "kernel_for",
    "pyramid", "read", "request", "sharpen", "write",
]
