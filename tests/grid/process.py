"""Run Python in a process of its own, with the library and these helpers on its path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import faltung

PATHS = (str(Path(__file__).resolve().parents[1]), str(Path(faltung.__file__).resolve().parents[1]))


def python(*arguments: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python *arguments``; the environment is ours plus ``environment``."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), **environment}
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=timeout,
                          check=False)


def succeed(*arguments: str, timeout: float = 120, **environment: str) -> str:
    """Run ``python *arguments``, which must end well; what it printed."""
    done = python(*arguments, timeout=timeout, **environment)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
