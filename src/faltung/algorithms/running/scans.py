"""Windows along a line from sums within vectors: as many operations for any length.

A line is taken vector by vector.  With ``V`` lanes and ``n - 1 = q V + r``, the window of output ``b V + j`` holds

- lanes ``j`` to ``V - 1`` of vector ``b``: a sum from its end (the *suffix*);
- the vectors ``b + 1`` to ``b + q - 1``, and ``b + q`` too where ``j + r >= V``: sums of whole vectors;
- the first lanes of the vector behind these: a sum from its beginning (the *prefix*), which lies ``n - 1`` places
  further along the line of all prefixes.

Prefixes and suffixes take ``log2(V)`` additions each.  Sums of whole vectors are windows of a line that is ``V`` times
as short, and are made by doubling.  As with van Herk's minima, nothing is taken off again.

Of integers whose sums from the beginning of a line on are exact (see `RunningFrame.exact`), a window is the difference
of two of those, which takes half the time.
"""

from __future__ import annotations

from ...compiler.emit import Function, Operand, Value, constant, lanes_of, vector
from ...compiler.values import lanes_mask
from .passes import Doubling, RunningAcross


def prefixes(f: Function, values: Value, *, backwards: bool = False) -> Value:
    """In each lane the sum of all up to it, or of all from it on."""
    lanes, shift = lanes_of(values.type), 1
    while shift < lanes:
        values = f.value(f.add(values, shifted(f, values, -shift if backwards else shift)))
        shift *= 2
    return values


def shifted(f: Function, values: Value, by: int) -> Value:
    """Lanes moved up (or down, by less than zero); zeros come after them."""
    lanes, kind = lanes_of(values.type), values.type
    bits = {"float": 32, "double": 64}.get(kind.split(" x ")[1][:-1]) or int(kind.split(" x i")[1][:-1])
    is_float = "x i" not in kind
    # whole words move by one instruction, without a table of lanes
    if bits == 16 and by % 2 == 0:
        bits, lanes, by = 32, lanes // 2, by // 2
    words = vector(f"i{bits}", lanes)
    zeros = constant(words, -(1 << (bits - 1)) if is_float else 0)  # -0.0 changes no number
    moved = [lane - by if 0 <= lane - by < lanes else lanes for lane in range(lanes)]
    return f.reinterpret(f.shuffle(f.reinterpret(values, words), zeros, moved), kind)


class ScanningAcross(RunningAcross):
    """Writes ``across(line, out, taps, bias, spare, width) -> flags``: ``width`` outputs of a block.

    An output is summed in an order that depends on its place among the vectors, so it is computed once.
    """

    def _sums(self) -> Value:
        f, fr = self.f, self.frame
        assert fr.scans is not None
        self.scans = fr.scans
        size, lanes = fr.accumulator.size, fr.lanes
        if fr.exact:
            self._from_the_beginning()
            return self._once(self._difference)
        self.totals, self.inner, self.outer = (f.at(self.spare, at) for at in self.scans.places[1:4])
        with f.loop(0, self.scans.vectors) as loop:
            place = f.mul(loop.index, lanes * size)
            sums = prefixes(f, f.load(self.kind, f.at(self.line, place), align=size))
            f.store(sums, f.at(self.spare, place), align=size)
            f.store(f.extract(sums, lanes - 1), f.at(self.totals, f.mul(loop.index, size)), align=size)
        self._whole_vectors()
        return self._once(self._vector)

    def _from_the_beginning(self) -> None:
        """Sums of all samples up to each, behind a vector of zeros."""
        f, fr, zeros = self.f, self.frame, constant(self.kind, 0)
        size, lanes = fr.accumulator.size, fr.lanes
        f.store(zeros, self.spare, align=size)
        with f.loop(0, self.scans.vectors * lanes * size, lanes * size, carry=[zeros]) as loop:
            own = prefixes(f, f.load(self.kind, f.at(self.line, loop.index), align=size))
            there = f.at(self.spare, f.add(loop.index, lanes * size))
            f.store(f.add(own, loop.carried[0]), there, align=size)
            whole = f.shuffle(own, None, [lanes - 1] * lanes)
            loop.carry([f.value(f.add(loop.carried[0], whole))])

    def _difference(self, number: Operand) -> Value:
        """The sums of a vector of outputs, from those of all samples before and up to their last ones."""
        f, fr, lanes = self.f, self.frame, self.frame.lanes
        place = f.add(f.mul(number, lanes), lanes - 1)
        before, all_ = (f.load(self.kind, f.at(self.spare, f.mul(f.add(place, taps), fr.accumulator.size)),
                               align=fr.accumulator.size) for taps in (0, fr.problem.kernel[1]))
        return f.value(f.sub(all_, before))

    def _whole_vectors(self) -> None:
        """``inner``: sums of as many vectors as every window of a vector has; ``outer``: and one more behind."""
        f, scans, size = self.f, self.scans, self.frame.accumulator.size
        doubling = Doubling(f, self.frame, self.totals, self.inner, scans.vectors, 1)
        if scans.inner:
            doubling.fill(scans.inner, doubling.last(scans.inner))
        with f.loop(0, scans.vectors, self.frame.lanes) as loop:
            total = doubling.load(self.totals, loop.index, scans.inner)
            if scans.inner:
                total = f.value(f.add(doubling.load(self.inner, loop.index, 0), total))
            f.store(total, f.at(self.outer, f.mul(loop.index, size)), align=size)

    def _vector(self, number: Operand) -> Value:
        """The sums of a vector of outputs."""
        f, fr, scans = self.f, self.frame, self.scans
        size, lanes, element = fr.accumulator.size, fr.lanes, fr.accumulator.ir
        place = f.mul(number, lanes * size)
        suffix = prefixes(f, f.load(self.kind, f.at(self.line, place), align=size), backwards=True)
        prefix = f.load(self.kind, f.at(f.at(self.spare, place), (fr.problem.kernel[1] - 1) * size), align=size)
        behind = f.mul(f.add(number, 1), size)
        few, many = (f.splat(f.load(element, f.at(sums, behind), align=size), lanes)
                     for sums in (self.inner, self.outer))
        longer = lanes_mask([lane + scans.rest >= lanes for lane in range(lanes)])
        between = f.select(longer, many, few if scans.inner else constant(self.kind, -0.0))
        return f.value(f.add(f.add(suffix, between), prefix))
