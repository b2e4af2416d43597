"""Times of a few calls in one process, taken in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def median_ms(calls: Sequence[Callable[[], Any]], budget_s: float, *, least: int = 3,
              pause_s: float = 0.0) -> list[float]:
    """The median of each call's times.

    With a pause, in which the other's threads go to sleep, each timed call follows one that is not.
    """
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    start = time.perf_counter()
    while time.perf_counter() - start < budget_s or len(times[0]) < least:
        for call, own in zip(calls, times, strict=True):
            if pause_s:
                time.sleep(pause_s)
                call()
            begin = time.perf_counter()
            call()
            own.append(time.perf_counter() - begin)
    return [1e3 * float(np.median(own)) for own in times]
