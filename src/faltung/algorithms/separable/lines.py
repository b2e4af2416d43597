"""Sums of samples times taps: a few outputs that lie apart, each along its own line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Function, Operand, Value, constant

UNROLLED = 17
"""Lines with more taps are summed in a loop, `CHUNK` taps (or pairs of them) at a turn."""
CHUNK = 8

Load = Callable[[Operand, int], list[Value]]
"""Vectors of the samples at a position along the line: so many behind another one."""


class LineSum:
    """Writes the sums of ``outputs`` lines, ``stride`` positions apart, of ``taps`` taps ``dilation`` positions apart.

    Each output is summed in one fixed order, the same whatever else is summed beside it.
    """

    def __init__(self, f: Function, kind: str, taps: int, weights: Value, size: int, *, outputs: int = 1,
                 stride: int = 1, dilation: int = 1) -> None:
        self.f, self.kind, self.taps, self.weights, self.size = f, kind, taps, weights, size
        self.outputs, self.stride, self.dilation = outputs, stride, dilation

    def emit(self, load: Load, kind: str, vectors: int, begun: list[list[Value]] | None = None) -> list[list[Value]]:
        """Sums of each output, added to those that were begun; ``kind`` is the type of a vector."""
        self.vector = kind
        sums: list[list[Value]] = begun or [[constant(kind, 0.0)] * vectors for _ in range(self.outputs)]
        turns = self.taps if self.kind == "plain" else self.taps // 2
        looped = turns // CHUNK if turns > UNROLLED else 0
        fresh = begun is None
        if looped:
            with self.f.loop(0, looped * CHUNK, CHUNK, carry=[one for row in sums for one in row]) as loop:
                rows = [loop.carried[row * vectors:(row + 1) * vectors] for row in range(self.outputs)]
                rows = self._turns(load, rows, loop.index, range(CHUNK), fresh=False)
                loop.carry([one for row in rows for one in row])
            assert loop.results is not None
            sums = [loop.results[row * vectors:(row + 1) * vectors] for row in range(self.outputs)]
            fresh = False
        rest = range(looped * CHUNK, turns)
        sums = self._turns(load, sums, 0, rest, fresh=fresh)
        if self.kind != "plain" and self.taps % 2:
            sums = self._middle(load, sums, fresh=fresh and not rest)
        return sums

    def _weight(self, tap: Operand) -> Value:
        element = self.vector.split(" x ")[-1].rstrip(">")
        scalar = self.f.load(element, self.f.at(self.weights, self.f.mul(tap, self.size)), align=self.size)
        lanes = int(self.vector[1:].split(" ")[0]) if self.vector.startswith("<") else 1
        return self.f.splat(scalar, lanes)

    def _add(self, total: Value, seen: Value, weight: Value, *, fresh: bool) -> Value:
        # the first product is not added to a zero, which would cost an instruction and the sign of -0
        return self.f.value(self.f.mul(seen, weight)) if fresh else self.f.fma(seen, weight, total)

    def _turns(self, load: Load, sums: list[list[Value]], first: Operand, turns: Sequence[int], *,
               fresh: bool) -> list[list[Value]]:
        if not turns:
            return sums
        if self.kind == "plain":
            return self._plain(load, sums, first, turns, fresh=fresh)
        return self._pairs(load, sums, first, turns, fresh=fresh)

    def _plain(self, load: Load, sums: list[list[Value]], first: Operand, turns: Sequence[int], *,
               fresh: bool) -> list[list[Value]]:
        """Position after position, each loaded once: to every output it comes in the order of its taps."""
        f, made = self.f, [list(row) for row in sums]
        weights = {turn: self._weight(f.add(first, turn)) for turn in turns}
        seen: dict[int, list[tuple[int, int]]] = {}
        for turn in turns:
            for output in range(self.outputs):
                seen.setdefault(output * self.stride + turn * self.dilation, []).append((output, turn))
        base = f.mul(first, self.dilation)
        for position in sorted(seen):
            values = load(base, position)
            for output, turn in seen[position]:
                made[output] = [self._add(total, value, weights[turn], fresh=fresh and turn == turns[0])
                                for total, value in zip(made[output], values, strict=True)]
        return made

    def _pairs(self, load: Load, sums: list[list[Value]], first: Operand, turns: Sequence[int], *,
               fresh: bool) -> list[list[Value]]:
        """The first and the last tap, the second and the last but one, and so on."""
        f, made = self.f, [list(row) for row in sums]
        low, high = f.mul(first, self.dilation), f.sub((self.taps - 1) * self.dilation, f.mul(first, self.dilation))
        lows: dict[int, list[Value]] = {}
        highs: dict[int, list[Value]] = {}
        join = f.add if self.kind == "even" else f.sub
        for turn in turns:
            weight = self._weight(f.add(first, turn))
            for output in range(self.outputs):
                near, far = output * self.stride + turn * self.dilation, output * self.stride - turn * self.dilation
                if near not in lows:
                    lows[near] = load(low, near)
                if far not in highs:
                    highs[far] = load(high, far)
                made[output] = [self._add(total, f.value(join(a, b)), weight, fresh=fresh and turn == turns[0])
                                for total, a, b in zip(made[output], lows[near], highs[far], strict=True)]
        return made

    def _middle(self, load: Load, sums: list[list[Value]], *, fresh: bool) -> list[list[Value]]:
        """The tap that stands alone; of an odd line it is zero, but what it multiplies may not be finite."""
        weight = self._weight(self.taps // 2)
        made = []
        for output, row in enumerate(sums):
            values = load(0, output * self.stride + self.taps // 2 * self.dilation)
            made.append([self._add(total, value, weight, fresh=fresh)
                         for total, value in zip(row, values, strict=True)])
        return made
