"""The compiled, callable thing: arrays in, an array out, no decisions left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import adopt
from ..compiler.threads import get_threads
from ..errors import DTypeError, ShapeError
from ..machine import Machine
from ..problem.layout import Layout
from ..problem.problem import Problem
from ..problem.promotion import numpy_dtype, overflow_error
from .describe import describe
from .exact import needs_guard, settle

SERIAL_CYCLES = 150_000.0
"""Work below this stays on one thread: handing it over would cost more than it saves."""


class Plan:
    """What is computed (``problem``), how (``recipe``), and the machine code that does it.

    A plan is made by `faltung.plan`.  Calling it is the fast path: ``plan(x)`` where the kernel is
    known, ``plan(x, k)`` or ``plan(x, w, bias)`` where it was described by a `Like`.  It may be called
    from any number of threads at once, and pickles as its recipe: the code is built where it is loaded.

    ``print(plan)`` tells what was decided, ``plan.ir()`` and ``plan.assembly()`` show the code,
    ``plan.workspace_bytes`` and ``plan.error_bound`` say what to expect.
    """

    def __init__(self, problem: Problem, layout: Layout, algorithm: Any, machine: Machine, *,
                 remake: Callable[..., Plan], function: str = "plan", method: str = "auto", threads: int | None = None,
                 most_threads: int = 1, kernel: Any = None, bias: Any = None) -> None:
        self.problem, self.layout, self.machine = problem, layout, machine
        self.function, self.method, self.threads, self._remake = function, method, threads, remake
        self.error_bound = algorithm.error_bound(problem)
        self._executable = algorithm.build(problem, layout.output, machine, most_threads)
        self._most = most_threads if self._executable.predicted_cycles > SERIAL_CYCLES else 1
        self._see = None if layout.image.is_identity else layout.image
        self._shape, self._dtype = layout.image.shape, numpy_dtype(problem.image_dtype)
        self._out_shape, self._out_dtype = layout.output.shape, numpy_dtype(problem.output_dtype)
        self._run = self._executable.run
        self._kernel, self._bias = kernel, bias
        self._packed = None if kernel is None else self._pack(kernel)
        self._packed_bias = None if bias is None else self._executable.pack_bias(self._check_bias(bias))
        taps = None if kernel is None else layout.see_kernel(kernel)
        self._guarded = needs_guard(problem, taps, _known(problem, bias))

    @property
    def recipe(self) -> Any:
        """The decision: algorithm, tile, block, vector width; of the first phase, if there are several."""
        return self._executable.recipe

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of a call, all threads together."""
        return int(self._executable.workspace_bytes)

    @property
    def predicted_cycles(self) -> float:
        """Predicted processor cycles of a call on one thread."""
        return float(self._executable.predicted_cycles)

    def __call__(self, image: Any, kernel: Any = None, bias: Any = None, *, out: Any = None,
                 threads: int | None = None) -> Any:
        """Run on arrays of the planned shapes and dtypes.

        Parameters
        ----------
        image : array_like
            Of the planned shape and dtype, any strides.
        kernel, bias : array_like, optional
            Only where the plan was made with a `Like` in their place.
        out : ndarray, optional
            C-contiguous array of the result's shape and dtype that overlaps no operand.
        threads : int, optional
            Most threads to use, no more than the plan was made for.
        """
        restore = None
        if type(image) is not np.ndarray:
            image, restore = adopt(image, self.function, "x")
        if image.shape != self._shape or image.dtype != self._dtype:
            raise self._mismatch("x", image, self._shape, self._dtype)
        if self._guarded:
            result = self._settle(image, kernel, bias, out)
            return result if restore is None else restore(result)
        packed = self._packed if kernel is None else self._pack(kernel)
        if packed is None:
            raise ShapeError(f"{self.function}: this plan was made without the kernel; pass it, plan(x, kernel)")
        offset = self._packed_bias if bias is None else self._executable.pack_bias(self._check_bias(bias))
        if offset is None and self.problem.bias:
            raise ShapeError(f"{self.function}: this plan was made without the bias; pass it, plan(x, w, bias)")
        if out is None:
            out = np.empty(self._out_shape, self._out_dtype)
        else:
            self._check_out(out)
        count = self._most
        if count > 1:
            count = min(count, threads or self.threads or get_threads())
        if self._run(image if self._see is None else self._see(image), packed, offset, out, count):
            raise overflow_error(self.function, self.problem.output_dtype)
        return out if restore is None else restore(out)

    # --- operands

    def _pack(self, kernel: Any) -> Any:
        if type(kernel) is not np.ndarray:
            kernel, _ = adopt(kernel, self.function, "k")
        shape, dtype = self.layout.kernel.shape, numpy_dtype(self.problem.kernel_dtype)
        if kernel.shape != shape or kernel.dtype != dtype:
            raise self._mismatch("k", kernel, shape, dtype)
        return self._executable.pack(self.layout.see_kernel(kernel))

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

    # --- integers whose sums nobody has proven to fit

    def _settle(self, image: Any, kernel: Any, bias: Any, out: Any) -> Any:
        if out is None:
            out = np.empty(self._out_shape, self._out_dtype)
        else:
            self._check_out(out)
        kernel = self._kernel if kernel is None else adopt(kernel, self.function, "k")[0]
        if kernel is None:
            raise ShapeError(f"{self.function}: this plan was made without the kernel; pass it, plan(x, kernel)")
        bias = self._bias if bias is None else bias
        seen, taps = self.layout.image(image), self.layout.see_kernel(kernel)

        def run(variant: Problem) -> Any:
            executable = type(self._executable)(variant, self.layout.output, *self._built_for())
            result = np.empty(self._out_shape, numpy_dtype(variant.output_dtype))
            executable.run(seen, executable.pack(taps), None if bias is None else executable.pack_bias(bias), result, 1)
            return self.layout.output(result)

        self.layout.output(out)[...] = settle(self.problem, seen, taps, bias, run, function=self.function)
        return out

    def _built_for(self) -> tuple[Any, ...]:
        return (self.machine, 1) if self._executable.recipe.algorithm == "direct" else ()

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR of the plan's programs."""
        return str(self._executable.ir())

    def assembly(self) -> str:
        """The machine code of the plan's programs, as assembly."""
        return str(self._executable.assembly())

    def __str__(self) -> str:
        return describe(self)

    def __repr__(self) -> str:
        return f"<Plan {self.function}: {self.recipe}>"

    def __reduce__(self) -> tuple[Any, ...]:
        facts = (self.problem, self.layout, self.function, self.method, self.threads, self._kernel, self._bias)
        return self._remake, facts


def _known(problem: Problem, bias: Any) -> Any:
    """The bias, or the dtype of one that is not known yet."""
    return problem.output_dtype if bias is None and problem.bias else bias
