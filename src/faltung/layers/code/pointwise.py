"""Activations element by element, and their derivatives times the gradient that comes from above."""

from __future__ import annotations

import math

from ...compiler.emit import Operand, Value
from ...machine import Machine
from .frame import Writer
from .functions import exp, logistic, normal, tanh

SOURCE, ABOVE, OUT, COUNT, CHUNK, SLOPE = range(6)
"""Cells.  SOURCE is what ``backward`` needs: the result of `FROM_RESULT`, the operand of the others."""
FROM_RESULT = ("relu", "relu6", "sigmoid", "tanh")
KINDS = (*FROM_RESULT, "leaky_relu", "silu", "gelu")


def emit_forward(kind: str, dtype: str, machine: Machine) -> str:
    """Write ``out = activation(source)``."""
    return _Pointwise(dtype, machine).emit(kind, backward=False)


def emit_backward(kind: str, dtype: str, machine: Machine) -> str:
    """Write ``out = above * activation'``."""
    return _Pointwise(dtype, machine).emit(kind, backward=True)


class _Pointwise(Writer):
    def emit(self, kind: str, *, backward: bool) -> str:
        f = self.begin_work(self.module)
        first = f.mul(self.item, self.cell(CHUNK))
        count = f.smaller(self.cell(CHUNK), f.sub(self.cell(COUNT), first))
        source, above, out = (self.place(self.pointer(at), first) for at in (SOURCE, ABOVE, OUT))
        self.slope = self.spread(self.number(SLOPE))

        def body(index: Operand, mask: Value | None) -> None:
            x = self.load(self.place(source, index), mask)
            if backward:
                result = self.derivative(kind, x, self.load(self.place(above, index), mask))
            else:
                result = self.function(kind, x)
            self.store(result, self.place(out, index), mask)

        self.stretch(count, body)
        f.finish()
        return self.finish()

    def function(self, kind: str, x: Value) -> Value:
        """The activation; a NaN stays one."""
        f, zero, six = self.f, self.like(x, 0), self.like(x, 6)
        if kind in ("relu", "relu6"):
            x = f.select(f.compare("olt", x, zero), zero, x)
            return x if kind == "relu" else f.select(f.compare("ogt", x, six), six, x)
        if kind == "leaky_relu":
            return f.select(f.compare("ogt", x, zero), x, self.product(x, self.slope))
        if kind == "sigmoid":
            return logistic(f, x, self.machine)
        if kind == "silu":
            return self.over(x, self.sum(self.like(x, 1), exp(f, f.neg(x), self.machine)))
        return tanh(f, x, self.machine) if kind == "tanh" else self.product(x, normal(f, x, self.machine))

    def derivative(self, kind: str, x: Value, above: Value) -> Value:
        """``above`` times the derivative; ``x`` is the result where that is enough."""
        f, zero, one = self.f, self.like(x, 0), self.like(x, 1)
        if kind == "relu":
            return f.select(f.compare("ole", x, zero), zero, above)
        if kind == "relu6":
            outside = f.bits("or", f.compare("ole", x, zero), f.compare("oge", x, self.like(x, 6)))
            return f.select(outside, zero, above)
        if kind == "leaky_relu":
            return f.select(f.compare("ogt", x, zero), above, self.product(above, self.slope))
        if kind in ("sigmoid", "tanh"):
            return self.product(above, self.minus(one, x), x if kind == "sigmoid" else self.sum(one, x))
        if kind == "silu":
            s = logistic(f, x, self.machine)
            return self.product(above, s, self.sum(one, self.product(x, self.minus(one, s))))
        gauss = exp(f, self.product(x, x, self.like(x, -0.5)), self.machine)
        density = self.product(gauss, self.like(x, 1 / math.sqrt(2 * math.pi)))
        return self.product(above, f.fma(x, density, normal(f, x, self.machine)))
