"""The compiled, callable thing: arrays in, an array out, no decisions left."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..algorithms.direct.stages import copied_bytes
from ..arrays import adopt
from ..compiler.results import fresh
from ..compiler.seen import Output, Table, lock
from ..compiler.threads import get_threads, sharers
from ..errors import DTypeError, PlanError, ShapeError
from ..problem.layout import Layout
from ..problem.problem import Problem
from ..problem.promotion import numpy_dtype, overflow_error
from .candidates import Candidate, Setting, bytes_beside
from .describe import describe
from .exact import needs_guard, refined
from .guarded import Guard, proven
from .ways import Ready, Way

__all__ = ["Asked", "Plan", "Planner"]


class Asked(NamedTuple):
    """What a plan was made from; see `planner.make_plan`."""

    problem: Problem
    layout: Layout
    function: str
    method: str
    threads: int | None
    kernel: Any
    bias: Any
    refine: bool
    max_workspace: int | None
    reserved_bytes: int = 0


class Planner(NamedTuple):
    """What a plan asks of its maker; see `planner`."""

    make: Callable[..., Plan]
    weigh: Callable[[Plan], list[Candidate]]
    would_do: Callable[[Problem], str]


RECENT, RECENT_BYTES = 4, 1 << 18
"""So many kernels that are passed at each call are remembered, of so few bytes together: one of them is neither probed
nor packed again.  They are compared, byte by byte until one differs, and never hashed."""


class Plan:
    """What is computed (``problem``), how (``recipe``), and the machine code that does it.

    A plan is made by `faltung.plan`.  Calling it is the fast path: ``plan(x)`` where the kernel is
    known, ``plan(x, k)`` or ``plan(x, w, bias)`` where it was described by a `Like`.  It may be called
    from any number of threads at once, and pickles as what was decided: the code is built where it is loaded.

    ``plan.update(k)`` puts other weights in the place of a known kernel's.  ``print(plan)`` tells what was decided
    and what else was weighed, ``plan.ir()`` and ``plan.assembly()`` show the code, ``plan.workspace_bytes`` and
    ``plan.error_bound`` say what to expect.
    """

    def __init__(self, asked: Asked, setting: Setting, ways: tuple[Way, ...], planner: Planner) -> None:
        self.asked, self.setting, self.ways, self._planner = asked, setting, ways, planner
        self.problem, self.layout, self.machine = setting.problem, asked.layout, setting.machine
        self.function, self.method, self.threads = asked.function, asked.method, asked.threads
        layout, problem = self.layout, self.problem
        self._see = layout.image.quickest
        self._capped = setting.max_workspace is not None
        self._shape, self._dtype = layout.image.shape, numpy_dtype(problem.image_dtype)
        self._out_shape, self._out_dtype = layout.output.shape, numpy_dtype(problem.output_dtype)
        self._kernel_shape, self._kernel_dtype = layout.kernel.shape, numpy_dtype(problem.kernel_dtype)
        # most kernels need neither be flipped nor conjugated
        self._see_kernel = layout.see_kernel if layout.flip or layout.conjugate else layout.kernel
        kernel_bytes = prod(self._kernel_shape) * self._kernel_dtype.itemsize
        self._remembers = min(RECENT, RECENT_BYTES // max(1, kernel_bytes)) if asked.kernel is None else 0
        self._recent: tuple[tuple[bytes, Ready], ...] = ()
        self._others: dict[Problem, Plan] = {}
        self._table = Table()
        self.bias = None if asked.bias is None or isinstance(asked.bias, str) else self._check_bias(asked.bias)
        self._guards = needs_guard(problem, None, _offset(asked.bias, problem))
        self.taps: Any = None
        self.way = ways[-1]
        self._packed: tuple[Way, Any] | None = None
        self._ready: Ready | None = None
        if asked.kernel is None:
            self.way.executable  # noqa: B018  # compiled now, not at the first call
        else:
            self._hold(self._check_kernel(asked.kernel), self.bias)

    def __call__(self, image: Any, kernel: Any = None, bias: Any = None, *, out: Any = None,
                 threads: int | None = None) -> Any:
        """Run on arrays of the planned shapes and dtypes.

        Parameters
        ----------
        image : array_like
            Of the planned shape and dtype, any strides.
        kernel, bias : array_like, optional
            Where the plan was made with a `Like` in their place; or in the place of the known ones, for this call.
        out : ndarray, optional
            C-contiguous array of the result's shape and dtype that overlaps no operand.
        threads : int, optional
            Most threads to use, no more than the plan was made for.
        """
        plain = out is threads is None
        if plain:
            result = self._table.call(image, kernel, bias)
            if result is not None:
                return result
        restore = None
        if type(image) is not np.ndarray:
            image, restore = adopt(image, self.function, "x")
        if image.shape != self._shape or image.dtype != self._dtype:
            raise self._mismatch("x", image, self._shape, self._dtype)
        ready = self._ready
        if ready is None or kernel is not None or bias is not None:
            ready = self._prepare(kernel, bias)
        if out is not None:
            self._check_out(out)
        result = self._fill(ready, image, out, threads)
        if plain and self._table.misses():
            self.teach(self._table, image, kernel, bias)
        return result if restore is None else restore(result)

    def once(self, image: Any, kernel: Any, bias: Any = None, *, out: Any = None) -> Any:
        """Call with arrays of the planned shapes and dtypes, and a kernel that will not come again as it is.

        It is neither compared with those that came before nor remembered.
        """
        ready = self.order(self._see_kernel(self._check_kernel(kernel)), self._bias_of(bias), once=True)
        return self._fill(ready, image, out, None)

    def compute(self, image: Any, kernel: Any) -> Any:
        """Call with ndarrays that are known to have the planned shapes and dtypes."""
        recent = self._recent
        seen = recent and recent[0][0] == kernel.tobytes()
        return self._fill(recent[0][1] if seen else self._prepare(kernel, None), image, None, None)

    def teach(self, table: Table, image: Any, kernel: Any, bias: Any, words: tuple[Any, ...] = ()) -> None:
        """Have a table know the call with operands of the planned shapes and dtypes, if they are kept."""
        own = kernel is None and bias is None
        if not own:
            if not self._remembers or not _in_order(kernel) or not (bias is None or _in_order(bias)):
                return
            # what is packed and what is compared must be the same, even if others write to it meanwhile
            kernel, bias = kernel.copy(), None if bias is None else bias.copy()
        ready = self._ready if own else self._prepare(kernel, bias)
        if ready is None:
            return
        view = image if self._see is None else self._see(image)
        bare, cycles = ready.bare(view)
        with lock:
            if bare is not None and (not own or ready is self._ready):  # others may update the plan
                table.add(bare, image, view, (kernel, bias), words, Output(self._out_shape, self._out_dtype), cycles)

    def _fill(self, ready: Ready, image: Any, out: Any, threads: int | None) -> Any:
        """Run on operands in order; fill ``out``, or a new array."""
        run, packed, offset, count, brief = ready
        if self._see is not None:
            image = self._see(image)
        if self._capped:
            self._check_copy(image)
        if count > 1:
            count = min(count, threads or self.threads or get_threads())
            count = sharers(count) if brief else count
        if out is None:
            out = fresh(self._out_shape, self._out_dtype, count)
        if run(image, packed, offset, out, count):
            raise overflow_error(self.function, self.problem.output_dtype)
        return out

    def _check_copy(self, image: Any) -> None:
        """Channels of a photograph that do not lie side by side would be copied first; no prediction knows of that."""
        copied, most = copied_bytes(self.problem, self.layout.output, image), self.setting.max_workspace
        if copied and most is not None and self.workspace_bytes + copied > most:
            raise PlanError(f"{self.function}: the channels of x (strides {image.strides}) do not lie side by side; "
                            f"the {copied} bytes of a copy do not fit max_workspace={most}: pass "
                            "np.ascontiguousarray(x)")

    def update(self, kernel: Any, bias: Any = None) -> None:
        """Put other weights in the place of the known ones.

        Calls that run meanwhile, in other threads, use either the old weights or the new ones, never a mixture.

        Parameters
        ----------
        kernel : array_like
            Of the planned shape and dtype.
        bias : array_like, optional
            The same for the bias; without it, the old one stays.

        Raises
        ------
        ShapeError, DTypeError
            Another shape or dtype, or a plan that was made without its kernel.

        Examples
        --------
        >>> import numpy as np, faltung as ft
        >>> plan = ft.plan(ft.correlate, ft.Like((4,), "float64"), np.array([0.5, 0.5]), "valid")
        >>> plan.update(np.array([1.0, -1.0]))
        >>> plan(np.array([1.0, 3.0, 5.0, 7.0]))
        array([-2., -2., -2.])
        """
        if self.taps is None:
            raise ShapeError(f"{self.function}: this plan was made without the kernel, so there is none to update; "
                             "pass it at each call, plan(x, kernel)")
        kernel = self._check_kernel(kernel)
        given = self.bias if bias is None else self._check_bias(bias)
        if self.asked.refine and refined(self.asked.problem, self.layout.see_kernel(kernel),
                                         _offset(given, self.problem)) != self.problem:
            # integers that need another accumulator: another plan
            other = self._planner.make(*self.asked._replace(kernel=kernel, bias=given))
            with lock:
                vars(self).update(vars(other))
            return
        self._hold(kernel, given)

    def _hold(self, kernel: Any, bias: Any) -> None:
        """Know this kernel and bias from now on."""
        kernel, bias = kernel.copy(), None if bias is None else bias.copy()
        taps = self.layout.see_kernel(kernel)
        packed = self.pack(taps)
        ready = None if self.problem.bias and bias is None else self.order(taps, bias, packed)
        with lock:
            self.asked = self.asked._replace(kernel=kernel, bias=self.asked.bias if bias is None else bias)
            self.taps, self.bias, self.way, self._packed, self._ready = taps, bias, packed[0], packed, ready
            self._table.clear()

    # --- operands

    def _prepare(self, kernel: Any, bias: Any) -> Ready:
        """Bring the operands of a call into order; None stands for a known one."""
        if self._remembers and kernel is not None:
            return self._recall(self._check_kernel(kernel), self._bias_of(bias))
        packed, taps = self._packed, self.taps
        if kernel is not None:
            taps, packed = self._see_kernel(self._check_kernel(kernel)), None
        elif taps is None:
            raise ShapeError(f"{self.function}: this plan was made without the kernel; pass it, plan(x, kernel)")
        bias = self._bias_of(bias)
        if self.taps is not None and self.asked.refine:
            problem = refined(self.asked.problem, taps, bias)
            if problem != self.problem:
                return self.other(problem)._prepare(self.taps if kernel is None else kernel, bias)
        return self.order(taps, bias, packed, once=kernel is not None)

    def _bias_of(self, bias: Any) -> Any:
        """The bias of a call: that which is passed, or the known one."""
        if bias is not None:
            return self._check_bias(bias)
        if self.problem.bias and self.bias is None:
            raise ShapeError(f"{self.function}: this plan was made without the bias; pass it, plan(x, w, bias)")
        return self.bias

    def _recall(self, kernel: Any, bias: Any) -> Ready:
        """A kernel and a bias in order: those of a recent call, if their bytes are the same."""
        recent, given = self._recent, kernel.tobytes()
        if bias is not None:
            given += bias.dtype.char.encode() + bias.tobytes()
        for place, (known, ready) in enumerate(recent):
            if known == given:
                if place:
                    self._recent = (recent[place], *recent[:place], *recent[place + 1:])
                return ready
        ready = self.order(self._see_kernel(kernel.copy()), bias)
        self._recent = ((given, ready), *recent[:self._remembers - 1])
        return ready

    def order(self, taps: Any, bias: Any, packed: tuple[Way, Any] | None = None, *,
              once: bool = False) -> Ready:
        """Bring operands as the engine sees them into order, of which the kernel may be packed already."""
        if self._guards and needs_guard(self.problem, taps, bias):
            return Ready(Guard(self, taps, bias, packed).run, None, None, self.setting.threads)
        return self.ready(packed or self.pack(taps, once=once), bias)

    @staticmethod
    def ready(packed: tuple[Way, Any], bias: Any) -> Ready:
        """What runs on a packed kernel, whatever the image."""
        way, kernel = packed
        return Ready(way.run, kernel, None if bias is None else way.executable.pack_bias(bias), way.threads, way.brief)

    def pack(self, taps: Any, *, once: bool = False) -> tuple[Way, Any]:
        """The first way that suits these taps, and the taps in its order; ``once``: for one call."""
        for way in self.ways:
            packed = way.pack_once(taps) if once else way.pack(taps)
            if packed is not None:
                return way, packed
        way = self.ways[0]
        raise PlanError(f'{self.function}: method "{way.name}" cannot serve this kernel: {way.unsuited(taps)}; '
                        f"{self._planner.would_do(self.problem)}")

    def other(self, problem: Problem) -> Plan:
        """The plan for other values than were planned: integer sums may need another dtype."""
        other = self._others.get(problem)
        if other is None:
            asked = self.asked._replace(problem=problem, kernel=None, bias=None, refine=False)
            other = self._others[problem] = self._planner.make(*asked)
        return other

    def _check_kernel(self, kernel: Any) -> Any:
        if type(kernel) is not np.ndarray:
            kernel, _ = adopt(kernel, self.function, "k")
        if kernel.shape != self._kernel_shape or kernel.dtype != self._kernel_dtype:
            raise self._mismatch("k", kernel, self._kernel_shape, self._kernel_dtype)
        return kernel

    def _check_bias(self, bias: Any) -> Any:
        bias, _ = adopt(bias, self.function, "bias")
        shape = (self.problem.groups * self.problem.channels_out,)
        if bias.shape != shape:
            raise ShapeError(f"{self.function}: bias {bias.shape} does not have the planned shape {shape}")
        return bias

    def _check_out(self, out: Any) -> None:
        if not isinstance(out, np.ndarray) or out.shape != self._out_shape or out.dtype != self._out_dtype:
            raise self._mismatch("out", np.asarray(out), self._out_shape, self._out_dtype)
        if not (out.flags.c_contiguous and out.flags.writeable):
            raise ShapeError(f"{self.function}: out must be C-contiguous and writeable for a plan; "
                             f"pass another array, or assign: out[...] = plan(x)")

    def _mismatch(self, name: str, array: Any, shape: tuple[int, ...], dtype: Any) -> Exception:
        if array.shape != shape:
            return ShapeError(f"{self.function}: {name} {array.shape} does not have the planned shape {shape}; "
                              f"make another plan for it")
        return DTypeError(f"{self.function}: {name} has dtype {array.dtype}, but {dtype} was planned; "
                          f"make another plan for it, or convert {name}")

    # --- what a plan tells

    @property
    def recipe(self) -> Any:
        """The decision: algorithm, tile, block, vector width; of the first phase, if there are several."""
        return self.way.executable.recipe

    @property
    def candidates(self) -> list[Candidate]:
        """Every `Candidate`: predicted time, workspace, error bound, and why it was not taken."""
        return self._planner.weigh(self)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of a call, all threads together."""
        most = max(int(way.executable.workspace_bytes) + bytes_beside(way.algorithm, self.setting)
                   for way in self._possible())
        return max(most, *(plan.workspace_bytes for plan in proven(self))) if self._guards else most

    @property
    def error_bound(self) -> float:
        """The published ``c``: |error| <= c * u * max|x| * sum|k|."""
        return max(float(way.algorithm.error_bound(self.problem)) for way in self._possible())

    @property
    def predicted_cycles(self) -> float:
        """Predicted processor cycles of a call on one thread."""
        return self.way.predicted_cycles

    def _possible(self) -> tuple[Way, ...]:
        """The ways that a call may take: one, if the kernel is known."""
        return self.ways if self.taps is None else (self.way,)

    def ir(self) -> str:
        """The LLVM IR of the plan's programs."""
        return str(self.way.executable.ir())

    def assembly(self) -> str:
        """The machine code of the plan's programs, as assembly."""
        return str(self.way.executable.assembly())

    def __str__(self) -> str:
        return describe(self)

    def _repr_html_(self) -> str:
        from .page import plan_html

        return plan_html(self)

    def __repr__(self) -> str:
        return f"<Plan {self.function}: {self.recipe}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._planner.make, (*self.asked, tuple(way.label for way in self.ways))


def _in_order(operand: Any) -> bool:
    """Whether an operand is an ndarray whose bytes follow each other."""
    return type(operand) is np.ndarray and operand.flags.c_contiguous


def _offset(bias: Any, problem: Problem) -> Any:
    """The bias, or the dtype of one that is not known yet."""
    return problem.output_dtype if bias is None and problem.bias else bias
