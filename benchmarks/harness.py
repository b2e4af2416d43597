"""The measuring: contenders of one case interleaved in one process, checked first, medians and minima.

Run as a module it is the worker process: `python -m benchmarks.harness JOB.json`, which `run.py` starts once
for each family and thread count with a clean environment.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ours
from benchmarks.cases import Case, by_name
from benchmarks.checking import Array, Operands, fault, operands, reference
from benchmarks.peers import PEERS, Call, Forms

SAMPLE_S = 2e-3
"""A sample repeats the call until it lasts about this long, so that the clock's own cost vanishes."""

BUDGET_S = 1.5
"""A contender slower than this divided by the rounds gets fewer of them (never fewer than three)."""

PAUSE_S = {1: 3e-3}
LONG_PAUSE_S = 4e-2
"""Before each sample: the workers of the contender before go to sleep instead of spinning into this one.
OpenMP's spin for up to 20 ms, so with several threads the pause is longer."""

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Would choose another machine's kernels for the peers' matrix products."""

PEER_ISA = {"avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
                     "OPENCV_CPU_DISABLE": "AVX512-COMMON,AVX512-SKX,AVX512-ICL"}}
"""How to hold back the peers that can be held back; onnxruntime and ncnn cannot."""


@dataclass(frozen=True)
class Job:
    """What one worker process measures."""

    cases: list[str]
    threads: int
    contenders: list[str]
    rounds: int = 15
    isa: str = ""
    isa_peers: bool = False
    reuse_output: bool = False


@dataclass
class Timing:
    """One contender's figures on one case; `error` tells why there are none."""

    contender: str
    form: str = ""
    median_s: float | None = None
    minimum_s: float | None = None
    rounds: int = 0
    repeats: int = 0
    error: str = ""


@dataclass
class Result:
    """All contenders of one case at one thread count."""

    case: str
    threads: int
    timings: list[Timing] = field(default_factory=list)


@dataclass
class Runner:
    """A contender ready to be sampled."""

    timing: Timing
    call: Call
    estimate_s: float
    pause_s: float
    samples: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Rest, warm up (half a sample: workers woken a moment ago are slow), then time a few calls."""
        call, repeats = self.call, range(self.timing.repeats)
        time.sleep(self.pause_s)
        for _ in range(len(repeats) // 2 + 2):
            call()
        start = time.perf_counter()
        for _ in repeats:
            call()
        self.samples.append((time.perf_counter() - start) / len(repeats))


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of the samples."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def measure(case: Case, job: Job) -> Result:
    """Prepare, check and time every contender of one case, interleaved."""
    threads, given = job.threads, operands(case, reuse_output=job.reuse_output)
    expected = reference(case, given)
    result, runners = Result(case.name, threads), []
    for name in job.contenders:
        timing = Timing(name)
        runner = _prepare(timing, case, given, expected, threads)
        if runner:
            runners.append(runner)
        if runner or timing.error:
            result.timings.append(timing)
    with no_collection():
        for turn in range(job.rounds):
            for runner in runners:
                if turn < runner.timing.rounds:
                    runner.sample()
    for runner in runners:
        runner.timing.median_s, runner.timing.minimum_s = median(runner.samples), min(runner.samples)
        runner.timing.rounds = len(runner.samples)
    return result


def _prepare(timing: Timing, case: Case, given: Operands, expected: Array, threads: int) -> Runner | None:
    """Return the fastest correct form of a contender, or nothing and the reason in `timing.error`."""
    try:
        found = _forms(timing.contender, case, given, threads)
    except Exception as error:  # noqa: BLE001  # whatever a contender raises is its result, not the end of the run
        timing.error = _brief(error)
        return None
    timed = {}
    for form, call in found.items():
        try:
            problem = fault(case, call(), expected)
        except Exception as error:  # noqa: BLE001  # as above
            problem = _brief(error)
        if problem:
            timing.error = f"{timing.error}; {form}: {problem}".lstrip("; ")
        else:
            timed[form] = _estimate(call)
    if not timed:
        return None
    timing.form = min(timed, key=timed.__getitem__)
    return _runner(timing, found[timing.form], timed[timing.form], threads)


def _forms(contender: str, case: Case, given: Operands, threads: int) -> Forms:
    adapter = ours.forms if contender == ours.NAME else PEERS[contender]
    return adapter(case, given, threads)


def _runner(timing: Timing, call: Call, estimate_s: float, threads: int) -> Runner:
    sample_s = SAMPLE_S if threads == 1 else 3 * SAMPLE_S
    timing.repeats = max(1, round(sample_s / estimate_s))
    timing.rounds = max(3, int(BUDGET_S / max(estimate_s, sample_s)))
    return Runner(timing, call, estimate_s, PAUSE_S.get(threads, LONG_PAUSE_S))


def _brief(error: Exception) -> str:
    """Return the first line of an error, short enough for a table."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]


def _estimate(call: Call) -> float:
    """Return the call's time: the best of a few tries within a twentieth of a second, two at least."""
    best, spent, tries = float("inf"), 0.0, 0
    while tries < 2 or (spent < 0.05 and tries < 200):
        start = time.perf_counter()
        call()
        last = time.perf_counter() - start
        best, spent, tries = min(best, last), spent + last, tries + 1
        if last > 0.2:
            break
    return best


def environment(job: Job) -> dict[str, str]:
    """Return the worker's environment: pools of the same size for everybody, no foreign tuning."""
    env = {key: value for key, value in os.environ.items() if key not in UNSET}
    env.update(dict.fromkeys(POOLS, str(job.threads)))
    if job.isa:
        env["FALTUNG_ISA"] = job.isa
    if job.isa and job.isa_peers:
        env.update(PEER_ISA.get(job.isa, {}))
    return env


def run_job(job: Job) -> list[Result]:
    """Run a worker process and return its results; a worker that dies leaves what it had finished."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "job.json"), Path(folder, "results.jsonl")
        path.write_text(json.dumps(asdict(job)))
        done = subprocess.run([sys.executable, "-m", "benchmarks.harness", str(path), str(out)],
                              env=environment(job), check=False, stdout=subprocess.DEVNULL)
        lines = out.read_text().splitlines() if out.exists() else []
    results = [_load(json.loads(line)) for line in lines]
    if done.returncode:
        print(f"worker ended with {done.returncode} after {len(results)} of {len(job.cases)} cases", file=sys.stderr)
    return results


def _load(data: dict[str, Any]) -> Result:
    return Result(data["case"], data["threads"], [Timing(**timing) for timing in data["timings"]])


def _pin(threads: int) -> None:
    """Keep a single-thread run on one core (the last one, since interrupts prefer the first)."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main(path: str, out: str) -> None:
    """Measure a job's cases one after the other, a line of JSON each."""
    job = Job(**json.loads(Path(path).read_text()))
    _pin(job.threads)
    with Path(out).open("w") as stream:
        for name in job.cases:
            result = measure(by_name(name), job)
            stream.write(json.dumps(asdict(result)) + "\n")
            stream.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
