"""Memory of pattern matching, beyond the operands: faltung, OpenCV and scikit-image, each in a process of its own.

Run as ``python -m benchmarks.memory [--quick] [-o FOLDER]``, which writes memory.json; what is not installed is left
out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

_PEAK = """
from benchmarks.checking import scene
image = scene({size}, {dtype!r})
pattern = image[50 : 50 + {extent}, 60 : 60 + {extent}].copy()
{setup}
def resident(name):
    return int(open("/proc/self/status").read().split(name + ":")[1].split()[0])
match(image[:300, :300], pattern)
open("/proc/self/clear_refs", "w").write("5")  # forget the peak until now
before = resident("VmRSS")
match(image, pattern)
print(resident("VmHWM") - before)
"""
_SETUPS = {
    "faltung": "import faltung as ft\nmatch = ft.match",
    "opencv": "import cv2\nmatch = lambda x, t: cv2.matchTemplate(x, t, cv2.TM_CCOEFF_NORMED)",
    "skimage": "from skimage.feature import match_template as match",
}


def growth_mib(size: int, extent: int, dtype: str) -> dict[str, float]:
    """Return by how much each raises the largest resident set."""
    grown = {}
    for name, setup in _SETUPS.items():
        code = _PEAK.format(size=size, dtype=dtype, extent=extent, setup=setup)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            grown[name] = int(done.stdout) / 1024
    return grown


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    options, extent = parser.parse_args(), 64
    size, found = 2048 if options.quick else 4096, []
    for dtype in ("uint8", "float32"):
        grown = growth_mib(size, extent, dtype)
        found.append({"size": size, "extent": extent, "dtype": dtype, "mib": grown})
        told = ", ".join(f"{name} {value:.0f} MiB" for name, value in grown.items())
        print(f"{size}x{size} {dtype}, pattern {extent}: {told}", flush=True)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "memory.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
