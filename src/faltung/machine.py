"""The processor as data: instruction set, vectors, registers, caches, cores. It can be faked."""

from __future__ import annotations

import contextlib
import os
import platform
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from .errors import PlanError

CACHE_INFO = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the planner and the compiler must know of a processor.

    ``isa`` is one of "avx512", "avx2", "sse2", "neon"; ``cpu`` and ``triple`` are LLVM's names, and
    an empty ``triple`` means the machine that this runs on.
    """

    name: str
    isa: str
    vector_bytes: int
    registers: int
    cores: int
    l1_bytes: int = 32 << 10
    l2_bytes: int = 512 << 10
    l3_bytes: int = 0
    """Of the last cache, or 0 where nobody tells."""
    cpu: str = ""
    triple: str = ""
    has_dot: bool = False
    """Whether four 8-bit products can be added to a 32-bit sum at once (and bytes permuted freely)."""
    wide_pipes: int = 1
    """How many multiply-adds of 64 bytes, and loads, begin in each cycle (of shorter vectors, two do)."""

    def stores_past_caches(self, held_bytes: int) -> bool:
        """Whether outputs go to memory directly, of images and outputs of so many bytes.

        So memory is not read before it is written, which takes up to 40 % off on a Zen 4.  On another processor it took
        a third longer, and wider ones were not measured.
        """
        return self.wide_pipes == 1 and self.vector_bytes == 64 and 0 < self.l3_bytes <= held_bytes

    @property
    def vectors_per_cycle(self) -> float:
        """Whole vectors that can be multiplied and added in a cycle, or loaded."""
        return float(self.wide_pipes) if self.vector_bytes == 64 else 2.0


# cpu, vector bytes, vector registers
ISAS = {
    "avx512": ("x86-64-v4", 64, 32),
    "avx2": ("x86-64-v3", 32, 16),
    "sse2": ("x86-64", 16, 16),
    "neon": ("generic", 16, 32),
}


def fake(isa: str, **facts: object) -> Machine:
    """Describe a machine that is not there, for tests and for compiling across."""
    cpu, vector_bytes, registers = ISAS[isa]
    triple = "aarch64-unknown-linux-gnu" if isa == "neon" else "x86_64-unknown-linux-gnu"
    known = Machine(f"some {isa} machine", isa, vector_bytes, registers, cores=2, cpu=cpu, triple=triple)
    return replace(known, **facts)  # type: ignore[arg-type]


@cache
def detect() -> Machine:
    """Describe this machine; ``FALTUNG_ISA`` asks for a smaller instruction set than it has."""
    best = _best_isa()
    isa = os.environ.get("FALTUNG_ISA", "") or best
    usable = _usable(best)
    if isa not in usable:
        raise PlanError(f"FALTUNG_ISA={isa} is not an instruction set of this machine; use one of {', '.join(usable)}")
    cpu, vector_bytes, registers = ISAS[isa]
    flags = set(_cpuinfo("flags").split())
    return Machine(_cpu_name(), isa, vector_bytes, registers, _cores(), *_cache_bytes(),
                   cpu="" if isa == best and isa != "sse2" else cpu,
                   has_dot=isa == "avx512" and {"avx512_vnni", "avx512_vbmi", "avx512vbmi"} & flags > {"avx512_vnni"},
                   wide_pipes=_wide_pipes())


def _wide_pipes() -> int:
    """Two in Zen 5 but for its mobile models, and in Intel's processors for servers."""
    if _cpuinfo("vendor_id") == "AuthenticAMD":
        family, model = (int(_cpuinfo(name) or 0) for name in ("cpu family", "model"))
        return 2 if family > 26 or (family == 26 and model >> 4 not in (2, 6)) else 1
    return 2 if "Xeon" in _cpu_name() else 1


def _usable(best: str) -> tuple[str, ...]:
    if best == "neon":
        return ("neon",)
    order = ("avx512", "avx2", "sse2")
    return order[order.index(best):]


def _best_isa() -> str:
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "neon"
    flags = set(_cpuinfo("flags").split())
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma", "f16c", "bmi2"} <= flags else "sse2"


@cache
def _cpuinfo_text() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpuinfo(field: str) -> str:
    for line in _cpuinfo_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == field:
            return value.strip()
    return ""


def _cpu_name() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _cache_bytes() -> tuple[int, int, int]:
    """Of each level, as far as it is told."""
    found = {1: 32 << 10, 2: 512 << 10, 3: 0}
    with contextlib.suppress(OSError):
        for entry in sorted(CACHE_INFO.iterdir(), reverse=True):
            with contextlib.suppress(OSError, ValueError):
                level, kind, size = (_line(f"{entry}/{name}") for name in ("level", "type", "size"))
                if kind != "Instruction":
                    found[int(level)] = int(size.rstrip("K")) << 10
    return found[1], found[2], found[3]


def _line(path: str) -> str:
    """A short file; a Python file for it would take several times as long to make."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 64).decode().strip()
    finally:
        os.close(file)
