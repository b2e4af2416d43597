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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ours
from benchmarks.cases import Case
from benchmarks.catalogue import by_name
from benchmarks.checking import Array, Operands, fault, operands, reference
from benchmarks.peers import PEERS
from benchmarks.peers.common import Call, Forms

Clock = Callable[[], float]

SAMPLE_S = 2e-3
"""A sample repeats the call until it lasts about this long, so that the clock's own cost vanishes."""

BUDGET_S = 1.0
"""A contender slower than this divided by the rounds gets fewer of them (never fewer than three)."""

FAR = 3.0
"""A peer so many times slower than the best one gets three rounds only: it decides nothing."""

LONG_S = 0.5
"""A peer that takes so long is timed once, by its first call after the check, and its other forms are not tried."""

PAUSE_S = {1: 2e-3}
LONG_PAUSE_S = 2.5e-2
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
    rounds: int = 9
    isa: str = ""
    isa_peers: bool = False
    cpu_time: bool = False


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
    pause_s: float
    clock: Clock
    samples: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Rest, warm up (half a sample: workers woken a moment ago are slow), then time a few calls."""
        call, repeats = self.call, range(self.timing.repeats)
        time.sleep(self.pause_s)
        for _ in range(len(repeats) // 2 + 2):
            call()
        start = self.clock()
        for _ in repeats:
            call()
        self.samples.append((self.clock() - start) / len(repeats))


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
    given = operands(case)
    expected = reference(case, given)
    result, runners = Result(case.name, job.threads), []
    for name in job.contenders:
        timing = Timing(name)
        runner = _prepare(timing, case, given, expected, job)
        if runner:
            runners.append(runner)
        if runner or timing.error:
            result.timings.append(timing)
    _spare(runners)
    with no_collection():
        for turn in range(job.rounds):
            for runner in runners:
                if turn < runner.timing.rounds:
                    runner.sample()
    for runner in runners:
        runner.timing.median_s, runner.timing.minimum_s = median(runner.samples), min(runner.samples)
        runner.timing.rounds = len(runner.samples)
    return result


def _spare(runners: list[Runner]) -> None:
    """Give peers that are far behind the best one fewer rounds."""
    peers = [runner.timing for runner in runners if runner.timing.contender != ours.NAME]
    best = min((timing.minimum_s or 0.0 for timing in peers), default=0.0)
    for timing in peers:
        if (timing.minimum_s or 0.0) > FAR * best:
            timing.rounds = min(timing.rounds, 3)


def _prepare(timing: Timing, case: Case, given: Operands, expected: Array, job: Job) -> Runner | None:
    """Return the fastest correct form of a contender, or nothing and the reason in `timing.error`."""
    try:
        found = _forms(timing.contender, case, given, job.threads)
    except ModuleNotFoundError as error:
        timing.error = f"not installed: {error.name}"
        return None
    except Exception as error:  # noqa: BLE001  # whatever a contender raises is its result, not the end of the run
        timing.error = _brief(error)
        return None
    timed = {}
    for form, call in found.items():
        start = time.perf_counter()
        try:
            problem = fault(case, call(), expected)
        except Exception as error:  # noqa: BLE001  # as above
            problem = _brief(error)
        first = time.perf_counter() - start
        if problem:
            timing.error = f"{timing.error}; {form}: {problem}".lstrip("; ")
        else:
            timed[form] = _estimate(call, _clock(job))
        if first > LONG_S and timing.contender != ours.NAME:
            break
    if not timed:
        return None
    timing.form = min(timed, key=timed.__getitem__)
    return _runner(timing, found[timing.form], timed[timing.form], job)


def _forms(contender: str, case: Case, given: Operands, threads: int) -> Forms:
    adapter = ours.forms if contender == ours.NAME else PEERS[contender]
    return adapter(case, given, threads)


def _runner(timing: Timing, call: Call, estimate_s: float, job: Job) -> Runner:
    sample_s = SAMPLE_S if job.threads == 1 else 2 * SAMPLE_S
    timing.repeats = max(1, round(sample_s / estimate_s))
    timing.rounds = min(job.rounds, max(3, int(BUDGET_S / max(estimate_s, sample_s))))
    timing.minimum_s = estimate_s
    if estimate_s > LONG_S and timing.contender != ours.NAME:
        timing.rounds = 0
        return Runner(timing, call, 0.0, _clock(job), [estimate_s])
    return Runner(timing, call, PAUSE_S.get(job.threads, LONG_PAUSE_S), _clock(job))


def _brief(error: Exception) -> str:
    """Return the first line of an error, short enough for a table."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]


def _clock(job: Job) -> Clock:
    """Return wall-clock time, or that of the processor, which other people's work changes much less."""
    return time.process_time if job.cpu_time else time.perf_counter


def _estimate(call: Call, clock: Clock) -> float:
    """Return the call's time: the best of a few tries within a fiftieth of a second, two at least."""
    best, spent, tries = float("inf"), 0.0, 0
    while tries < 2 or (spent < 0.02 and tries < 100):
        start = clock()
        call()
        last = clock() - start
        best, spent, tries = min(best, last), spent + last, tries + 1
        if last > 0.1:
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
    """Keep the run on so many cores (the last ones, since interrupts prefer the first); some pools count them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def _told(result: Result) -> str:
    """Return a case's progress: the best peer's time over ours."""
    known = {t.contender: t for t in result.timings if t.median_s}
    mine = known.pop(ours.NAME, None)
    best = min(known.values(), key=lambda t: t.median_s or 0.0, default=None)
    if mine is None or best is None or not mine.median_s or not best.median_s:
        return "; ".join(f"{t.contender}: {t.error}" for t in result.timings if t.error)
    return f"{mine.median_s * 1e3:10.3f} ms {mine.form:10} {best.median_s / mine.median_s:7.2f} {best.contender}"


def main(path: str, out: str) -> None:
    """Measure a job's cases one after the other, a line of JSON each."""
    job = Job(**json.loads(Path(path).read_text()))
    _pin(job.threads)
    with Path(out).open("w") as stream:
        for name in job.cases:
            result = measure(by_name(name), job)
            stream.write(json.dumps(asdict(result)) + "\n")
            stream.flush()
            print(f"  {name:44} {_told(result)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
