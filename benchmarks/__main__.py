"""Everything: `python -m benchmarks [--quick]` measures, each part in a process of its own; with --page,
`benchmarks.speed_page` then writes docs/speed.md from the results.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

PARTS = ("run", "roofline", "layers_pointwise", "training", "planning", "transforms", "memory", "overhead")
HAVE_QUICK = ("run", "memory")


def main() -> int:
    """Measure all parts; return 1 if one of them misses a target or fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the cases")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--page", action="store_true", help="write docs/speed.md and its charts at the end")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"))
    options, start, codes = parser.parse_args(), time.monotonic(), []
    for part in options.parts.split(","):
        print(f"{time.monotonic() - start:5.0f} s  benchmarks.{part} ...", file=sys.stderr, flush=True)
        words = ["--quick"] if options.quick and part in HAVE_QUICK else []
        codes.append(subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *words, "-o", str(options.output)],
                                    check=False).returncode)
    print(f"{time.monotonic() - start:5.0f} s", file=sys.stderr)
    if options.page:
        subprocess.run([sys.executable, "-m", "benchmarks.speed_page", str(options.output)], check=True)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
