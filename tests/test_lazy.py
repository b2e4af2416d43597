"""Attributes worked out at the first look: once, and from a parent's of the same name."""

from __future__ import annotations

from faltung.lazy import cached_property


class Parent:
    calls = 0

    @cached_property
    def size(self) -> int:
        """How large it is."""
        self.calls += 1
        return 5


class Child(Parent):
    @cached_property
    def size(self) -> int:
        return super().size + 2


def test_it_is_worked_out_once() -> None:
    one = Parent()
    assert (one.size, one.size, one.calls) == (5, 5, 1)
    assert Parent.size.__doc__ == "How large it is."


def test_what_is_worked_out_from_the_parent_replaces_it() -> None:
    one = Child()
    assert (one.size, one.size, one.calls) == (7, 7, 1)
