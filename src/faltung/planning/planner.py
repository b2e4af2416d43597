"""From a problem to a plan: which algorithm, built for this machine."""

from __future__ import annotations

from typing import Any

from ..algorithms import boxes, definition, digits, direct, fourier, pointwise, running, separable, sparse, winograd
from ..algorithms.separable import low_rank
from ..compiler.threads import get_threads
from ..errors import PlanError
from ..machine import Machine, detect
from ..problem.extents import quote
from ..problem.layout import Layout
from ..problem.problem import Problem
from . import documents, factors, wisdom
from .candidates import Candidate, Setting, cycles, fit, is_structured, least_cycles, probe_cycles
from .exact import refined
from .measuring import measure as time_ways
from .plan import Asked, Plan, Planner
from .survey import survey
from .ways import Way

ALGORITHMS: dict[str, Any] = {
    "direct": direct,
    "fourier": fourier,
    "winograd": winograd,
    "pointwise": pointwise,
    "digits": digits,
    "separable": separable,
    **{each.NAME: each for each in low_rank.ALL},
    "running": running,
    **{each.NAME: each for each in boxes.ALL},
    "sparse": sparse,
    "reference": definition,
}
"""Every algorithm; see `candidates` for what an algorithm may offer to the planner."""

ORACLE = "reference"
"""Taken only when it is asked for by name: the definition as plain loops."""


def candidates(problem: Problem) -> dict[str, str | None]:
    """Every algorithm, with the reason why it cannot serve the problem, or None."""
    return {name: algorithm.applies(problem) for name, algorithm in ALGORITHMS.items()}


def make_plan(problem: Problem, layout: Layout, function: str = "plan", method: str = "auto",
              threads: int | None = None, kernel: Any = None, bias: Any = None, refine: bool = False,  # noqa: FBT002
              max_workspace: int | None = None, reserved_bytes: int = 0, taken: tuple[str, ...] = (), *,
              measure: bool = False) -> Plan:
    """Plan a problem.

    Parameters
    ----------
    problem, layout : Problem, Layout
        What to compute, and how the caller's arrays are seen.
    function : str
        Name that errors carry.
    method : str
        Which algorithm; "auto" takes the fastest.
    threads : int, optional
        Most threads that a call may use; None follows `get_threads` at each call.
    kernel, bias : ndarray, optional
        The caller's kernel and bias, if they are known: they are packed once.  A bias that is not may be given
        as its dtype.
    refine : bool
        Whether the values of a known kernel may choose the accumulator of integer sums.
    max_workspace : int, optional
        Most bytes of workspace, all threads together.
    reserved_bytes : int
        What the caller takes of it.
    taken : tuple of str
        The algorithms with their recipes, if they were chosen before: the labels of a loaded plan's ways.
    measure : bool
        Whether the best candidates and recipes are timed first, and their times remembered (see `wisdom`).
    """
    check_method(function, method)
    asked = Asked(problem, layout, function, method, threads, kernel, bias, refine, max_workspace, reserved_bytes)
    if refine and kernel is not None:
        problem = refined(problem, layout.see_kernel(kernel), bias)
    setting = Setting(problem, layout.output, detect(), threads or get_threads(), max_workspace, kernel is not None,
                      reserved_bytes)
    if taken:
        ways = _ways(taken, setting, function)
    elif method == "auto":
        if measure:
            _learn(setting, layout, function, kernel)
        ways = choose(setting, function)
    else:
        _check_serves(function, method, problem)
        ways = _ways((f"{method} {wisdom.recipe(wisdom.times(setting), method)}",), setting, function)
    return Plan(asked, setting, ways, Planner(make_plan, weigh, would_do))


# ---------------------------------------------------------------- the choice

def choose(setting: Setting, function: str = "plan") -> tuple[Way, ...]:
    """The algorithms to try in turn: those for structured kernels that would be quicker, and the best for any values.

    Parameters
    ----------
    setting : Setting
    function : str
        Name that an error carries.
    """
    place = documents.place()
    factors.table(place)
    settings = _fitting(setting, function)
    general = [name for name in settings if not is_structured(ALGORITHMS[name])]
    measured = wisdom.times(setting, place)
    best, least = _quickest([name for name in general if name in measured] or general, settings, measured)
    quicker, probe = [], probe_cycles(setting.problem)
    for name in settings.keys() - set(general):
        if name in measured and best in measured:
            needed = least * measured[name] / measured[best] + probe
        elif least_cycles(name, ALGORITHMS[name], settings[name]) + probe < least:
            needed = cycles(name, ALGORITHMS[name], settings[name]) + probe
        else:
            continue
        if needed < least:
            quicker.append((needed, name))
    return tuple([Way(name, ALGORITHMS[name], settings[name], wisdom.recipe(measured, name) if measured else "")
                  for name in (*[name for _, name in sorted(quicker)], best)])


def _quickest(names: list[str], settings: dict[str, Setting], measured: dict[str, float]) -> tuple[str, float]:
    """The algorithm that needs the fewest cycles, measured or predicted, and these; the hopeless are not asked."""
    if names[0] in measured:
        best = min(names, key=measured.__getitem__)
        return best, cycles(best, ALGORITHMS[best], settings[best])
    bounds = sorted((least_cycles(name, ALGORITHMS[name], settings[name]), name) for name in names)
    best, fewest = "", float("inf")
    for bound, name in bounds:
        if bound >= fewest:
            break
        needed = cycles(name, ALGORITHMS[name], settings[name])
        if needed < fewest:
            best, fewest = name, needed
    return best, fewest


def _fitting(setting: Setting, function: str) -> dict[str, Setting]:
    """The algorithms that serve and whose workspace fits, with the settings in which it does."""
    serving = {name: algorithm for name, algorithm in ALGORITHMS.items()
               if name != ORACLE and algorithm.applies(setting.problem) is None}
    if setting.max_workspace is None:
        return dict.fromkeys(serving, setting)
    fits = {name: fit(algorithm, setting) for name, algorithm in serving.items()}
    settings = {name: found.setting for name, found in fits.items() if found.setting is not None}
    if all(is_structured(ALGORITHMS[name]) for name in settings):
        least, name = min((found.least_bytes, name) for name, found in fits.items()
                          if not is_structured(ALGORITHMS[name]))
        raise PlanError(f"{function}: no method fits max_workspace={setting.max_workspace} bytes; the least is "
                        f'{least} bytes, of "{name}": use max_workspace={least} or more')
    return settings


FEW, HOPELESS = 4, 8.0
"""So many candidates are measured, none of them predicted to take so many times as long as the best."""


def _learn(setting: Setting, layout: Layout, function: str, kernel: Any) -> None:
    """Time the best candidates, and remember how long they took."""
    factors.table()
    settings = _fitting(setting, function)
    predicted = sorted((cycles(name, ALGORITHMS[name], settings[name]), name) for name in settings)
    names = [name for needed, name in predicted[:FEW] if needed < HOPELESS * predicted[0][0]]
    if all(is_structured(ALGORITHMS[name]) for name in names):
        names.append(next(name for _, name in predicted if not is_structured(ALGORITHMS[name])))
    ways = [Way(name, ALGORITHMS[name], settings[name], recipe)
            for name in names for recipe in ("", *_other_recipes(name, setting))]
    taps = None if kernel is None else layout.see_kernel(kernel)
    wisdom.remember(setting, wisdom.winners(time_ways(ways, layout, taps)))


def _other_recipes(name: str, setting: Setting) -> list[str]:
    """Recipes that are timed beside an algorithm's own choice; none where workspace is short."""
    ask = getattr(ALGORITHMS[name], "recipes", None)
    if ask is None or setting.max_workspace is not None:
        return []
    found: list[str] = ask(*setting[:3])[1:]
    return found


def _ways(labels: tuple[str, ...], setting: Setting, function: str) -> tuple[Way, ...]:
    """The algorithms of these labels, which are known to serve."""
    found = []
    for name, _, recipe in (label.partition(" ") for label in labels):
        fits = fit(ALGORITHMS[name], setting)
        if fits.setting is None:
            raise PlanError(f'{function}: method "{name}" does not fit max_workspace={setting.max_workspace} bytes; '
                            f"it needs {fits.least_bytes}: use max_workspace={fits.least_bytes} or more, or "
                            'method="auto"')
        found.append(Way(name, ALGORITHMS[name], fits.setting, recipe))
    return tuple(found)


def fastest(problem: Problem, layout: Layout, machine: Machine) -> str:
    """Name of the algorithm that is predicted to be the fastest for any kernel's values."""
    return choose(Setting(problem, layout.output, machine))[-1].name


# ---------------------------------------------------------------- methods by name

def check_method(function: str, method: Any) -> None:
    """Refuse an unknown ``method=``."""
    if not isinstance(method, str) or (method != "auto" and method not in ALGORITHMS):
        raise PlanError(f'{function}: method {quote(method)} is not known; use {listed(("auto", *ALGORITHMS), "or")}')


def _check_serves(function: str, method: str, problem: Problem) -> None:
    reason = ALGORITHMS[method].applies(problem)
    if reason is not None:
        raise PlanError(f'{function}: method "{method}" cannot serve this problem: {reason}; {would_do(problem)}')


def would_do(problem: Problem, but: str = "") -> str:
    """Say which methods would serve a problem, whatever the kernel's values."""
    names = [name for name, reason in candidates(problem).items()
             if reason is None and name != but and not is_structured(ALGORITHMS[name])]
    return f'{listed(tuple(names), "and")} would do, and method="auto" takes the fastest'


def listed(names: tuple[str, ...], word: str) -> str:
    """Names in quotation marks, the last two joined by a word."""
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f'{", ".join(quoted[:-1])} {word} {quoted[-1]}'


# ---------------------------------------------------------------- all that was weighed

def weigh(plan: Plan) -> list[Candidate]:
    """Every candidate for a plan's problem in full: those that it holds first, then by predicted time."""
    return survey(ALGORITHMS, plan, ORACLE)
