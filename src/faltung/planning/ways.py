"""One algorithm, built for a plan when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..lazy import cached_property
from . import factors

if TYPE_CHECKING:
    from ..compiler.seen import Bare
    from .candidates import Setting


BRIEF = 3
"""Work is brief below so many times that for which a second thread pays."""


class Ready(NamedTuple):
    """Operands in the order in which one way reads them, and what runs on them."""

    run: Callable[..., bool]
    kernel: Any
    bias: Any
    threads: int
    brief: bool = False

    def bare(self, image: Any) -> tuple[Bare | None, float]:
        """What runs for such an image without Python, if the executable can say it, and its predicted cycles."""
        executable = self.run.__self__  # type: ignore[attr-defined]
        if self.threads > 1 or not hasattr(executable, "bare"):
            return None, 0.0
        return executable.bare(image, self.kernel, self.bias), executable.predicted_cycles


class Way:
    """An algorithm and all that it is built for; ``executable`` compiles at the first look."""

    def __init__(self, name: str, algorithm: Any, setting: Setting, recipe: str = "") -> None:
        self.name, self.algorithm, self.setting, self.recipe = name, algorithm, setting, recipe
        self.pack = self.pack_once = self._ask_and_pack

    @property
    def label(self) -> str:
        """The algorithm's name, and the recipe if it is not the algorithm's own choice."""
        return f"{self.name} {self.recipe}".rstrip()

    @cached_property
    def executable(self) -> Any:
        """Packs kernels, and runs."""
        problem, output, machine, threads = self.setting[:4]
        options = {"recipe": self.recipe} if self.recipe else {}
        built = self.algorithm.build(problem, output, machine, threads, **options)
        self.pack, self.pack_once = built.pack, getattr(built, "pack_once", built.pack)
        return built

    @cached_property
    def run(self) -> Any:
        """Run on packed operands."""
        return self.executable.run

    @cached_property
    def predicted_cycles(self) -> float:
        """Predicted cycles of a call on one thread, as the algorithm counts them."""
        found = self.setting.known_cycles(self.algorithm)
        return float(self.executable.predicted_cycles) if found is None else found

    @cached_property
    def _cycles(self) -> float:
        """The same, corrected by what was measured."""
        return self.predicted_cycles * factors.factor(self.name, self.setting.problem)

    @cached_property
    def threads(self) -> int:
        """Most threads that are worth it."""
        return self.setting.threads if self._cycles > factors.serial_cycles() else 1

    @cached_property
    def brief(self) -> bool:
        """Whether it is done before a worker that sleeps would come."""
        return self._cycles < BRIEF * factors.serial_cycles()

    def _ask_and_pack(self, taps: Any) -> Any:
        """The taps in the algorithm's order; None if their values have not the structure that it needs.

        Before anything is compiled, the values are asked; what is built asks them itself.
        """
        return None if self.unsuited(taps) is not None else self.executable.pack(taps)

    def unsuited(self, taps: Any) -> str | None:
        """Why these values do not have the structure that the algorithm needs, or None."""
        ask = getattr(self.algorithm, "unsuited", None)
        return None if ask is None else ask(self.setting.problem, taps)
