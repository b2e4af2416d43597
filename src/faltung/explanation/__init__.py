"""Outputs as sums, in words and numbers: every product, the border told, the engine's own value at the end."""

from .explain import Explanation, explain
from .sums import Output, Term

__all__ = ["Explanation", "Output", "Term", "explain"]
