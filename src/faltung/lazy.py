"""Attributes that are worked out at the first look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801 named as the one of functools, whose place it takes
    """As `functools.cached_property`, without its lock.

    Before Python 3.12 that lock is held while the value is worked out, by one thread for all objects; a child of fork
    that another thread's compilation caught half-way would wait for it for ever.  Two threads may work out the same
    value here; the last one stays.
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function, self.__doc__ = function, function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> cached_property[T] | T:
        if instance is None:
            return self
        # assigned, not set as a default: what is worked out from the parent's attribute of this name replaces it
        value = instance.__dict__[self.name] = self.function(instance)
        return value
