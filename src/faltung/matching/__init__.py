"""Patterns in signals, images and volumes: score maps (`match`) and places (`find`)."""

from __future__ import annotations

from .scores import match
from .search import Match, find

__all__ = ["Match", "find", "match"]
