"""The machine: its name, its cores, its multiply-add peak, by a loop of independent chains, and its bandwidth."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHAINS = 12
"""Independent sums: more than latency times issue width (8 on common cores), fewer than 16 registers."""

ROUNDS = 4_000_000
"""Tens of milliseconds a try, so that waking a thread (up to half a millisecond) does not count."""

LEVELS = {str(2**19): 2**18, str(2**23): 2**22, "inf": 2**27}
"""Working sets, in bytes, up to which a bandwidth holds and at which it is measured: second and third cache, memory."""

COPIED = 2**27
"""Bytes that one try of a bandwidth reads and writes."""


def describe(isa: str = "") -> dict[str, Any]:
    """Return what the table's heading tells of this machine; `isa` limits the measured peak too."""
    peaks = {str(n): round(measure(lanes_of(isa=isa), n), 1) for n in (1, 2) if n <= cores()}
    return {"cpu": _cpu(), "system": f"{platform.system()} {platform.machine()}", "cores": cores(),
            "instruction_set": instruction_set(), "limited_to": isa or None,
            "peak_f32_gflops": peaks, "bandwidth_gbytes_per_s": bandwidths(), "python": platform.python_version()}


def settle(before: dict[str, Any], after: dict[str, Any], load: float) -> dict[str, Any]:
    """Return the machine with the higher of its rates before and after, and a word on how quiet it was.

    Other people's work halves every figure, and those of spinning pools even more: such a run proves nothing.
    """
    key, bytes_key = "peak_f32_gflops", "bandwidth_gbytes_per_s"
    pairs = {n: (value, after[key][n]) for n, value in before[key].items()}
    apart = max(max(pair) / min(pair) - 1 for pair in pairs.values())
    loud = load > 0.5 or apart > 0.05
    told = f"load average {load:.2f} at the start, peaks before and after {apart:.0%} apart"
    quiet = f"NO, do not trust the figures: {told}" if loud else f"yes: {told}"
    rates = {n: {limit: max(rate, after[bytes_key][n][limit]) for limit, rate in levels.items()}
             for n, levels in before[bytes_key].items()}
    return {**before, key: {n: max(pair) for n, pair in pairs.items()}, bytes_key: rates, "quiet": quiet}


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _field(name: str) -> str:
    """Return a field of the first processor, as the kernel tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _flags() -> set[str]:
    return set(_field("flags").split())


def _cpu() -> str:
    """Return the processor's name; virtual machines shorten it, so family and model stand beside it."""
    name = _field("model name") or platform.processor() or "unknown"
    family, model = _field("cpu family"), _field("model\t")
    return f"{name} (family {family}, model {model})" if family else name


def instruction_set() -> str:
    """Return the vector extensions that matter here."""
    known = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "asimd")
    return " ".join(name for name in known if name in _flags()) or platform.machine()


KINDS = {"float32": ("float", "llvm.fma.v{}f32", 1), "float64": ("double", "llvm.fma.v{}f64", 1),
         "bytes": ("i32", "llvm.x86.avx512.vpdpbusd.512", 4)}
"""Multiply-adds: an element of their sums, their name, and the products that are added to each lane."""


def _source(lanes: int, kind: str) -> str:
    """Return LLVM IR of a counted loop over CHAINS multiply-adds, none of which waits for another."""
    element, name, _ = KINDS[kind]
    vector, name, is_float = f"<{lanes} x {element}>", f"@{name.format(lanes)}", kind != "bytes"
    chains = range(CHAINS)
    phis = "\n".join(f"%a{c} = phi {vector} [zeroinitializer, %entry], [%b{c}, %loop]" for c in chains)
    added = [f"{vector} %a{c}" for c in chains]
    operands = [f"{vector} %m, {vector} %m, {one}" if is_float else f"{one}, {vector} %m, {vector} %m" for one in added]
    steps = "\n".join(f"%b{c} = call {vector} {name}({operands[c]})" for c in chains)
    stores = "\n".join(f"%p{c} = getelementptr {vector}, ptr %out, i64 {c}\nstore {vector} %b{c}, ptr %p{c}, align 4"
                       for c in chains)
    return f"""
declare {vector} {name}({vector}, {vector}, {vector})
define void @peak(ptr %out, i64 %n) #0 {{
entry:
%m = load {vector}, ptr %out, align 4
br label %loop
loop:
%i = phi i64 [0, %entry], [%j, %loop]
{phis}
{steps}
%j = add i64 %i, 1
%more = icmp ult i64 %j, %n
br i1 %more, label %loop, label %done
done:
{stores}
ret void
}}
attributes #0 = {{ "min-legal-vector-width"="512" "prefer-vector-width"="512" }}
"""


COPY = """
define void @copy(ptr %out, ptr %in, i64 %n) #0 {
entry:
br label %loop
loop:
%i = phi i64 [0, %entry], [%j, %loop]
%p = getelementptr i8, ptr %in, i64 %i
%q = getelementptr i8, ptr %out, i64 %i
%v = load <32 x i8>, ptr %p, align 1
store <32 x i8> %v, ptr %q, align 32, !nontemporal !0
%j = add i64 %i, 32
%more = icmp ult i64 %j, %n
br i1 %more, label %loop, label %done
done:
fence seq_cst
ret void
}
attributes #0 = { "min-legal-vector-width"="256" }
!0 = !{i32 1}
"""
"""A copy of n bytes, a multiple of 32, whose stores go past the caches; the target is aligned to 32 bytes."""


def _compile(source: str, name: str, *kinds: Any) -> tuple[Any, Any]:
    """Return the engine, which owns the code, and the callable (ctypes releases the interpreter's lock)."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(source), target)
    engine.finalize_object()
    return engine, ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address(name))


def lanes_of(kind: str = "float32", isa: str = "") -> int:
    """Return the lanes of the widest vector of sums, if the processor has such multiply-adds; `isa` limits it."""
    wide = "avx512f" in _flags() and isa in ("", "avx512")
    if kind == "bytes":
        return 16 if wide and "avx512_vnni" in _flags() else 0
    return (16 if wide else 8) // (2 if kind == "float64" else 1)


def measure(lanes: int, threads: int, kind: str = "float32", clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the best GFLOP/s of ten tries with `threads` threads at once; two operations for each product."""
    engine, run = _compile(_source(lanes, kind), "peak", ctypes.c_void_p, ctypes.c_int64)
    buffers = [ctypes.create_string_buffer(CHAINS * 64) for _ in range(threads)]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(10):
            start = clock()
            list(pool.map(lambda buffer: run(ctypes.addressof(buffer), ROUNDS), buffers))
            best = min(best, clock() - start)
    del engine
    return 2 * lanes * KINDS[kind][2] * CHAINS * ROUNDS * threads / best * 1e-9


class Copies:
    """Copies of as many bytes as are read and written in all: NumPy's, and one whose stores go past the caches."""

    def __init__(self, moved: int) -> None:
        import numpy as np

        self.size = max(64, moved // 2 // 64 * 64)
        self.engine, self.run = _compile(COPY, "copy", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        source, held = np.ones(self.size, np.uint8), np.zeros(self.size + 64, np.uint8)
        first = -held.ctypes.data % 64
        target = held[first:first + self.size]
        addresses = target.ctypes.data, source.ctypes.data
        self.calls = (lambda: np.copyto(target, source), lambda: self.run(*addresses, self.size))


def bandwidths() -> dict[str, dict[str, float]]:
    """Return GB/s of copies, read and written bytes together, by thread count and by the size up to which they hold."""
    return {str(n): {limit: round(bandwidth(size, n), 1) for limit, size in LEVELS.items()}
            for n in (1, 2) if n <= cores()}


def bandwidth(size: int, threads: int) -> float:
    """Return the best GB/s of ten tries of `threads` threads that share `size` bytes, and copy the half of them."""
    import numpy as np

    part = size // (2 * threads)
    pairs = [(np.ones(part, np.uint8), np.zeros(part, np.uint8)) for _ in range(threads)]
    turns = max(1, COPIED // size)

    def copy(pair: Any) -> None:
        for _ in range(turns):
            np.copyto(pair[1], pair[0])

    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(10):
            start = time.perf_counter()
            list(pool.map(copy, pairs))
            best = min(best, time.perf_counter() - start)
    return turns * size / best * 1e-9
