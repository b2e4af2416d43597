"""Everything: `python -m benchmarks` runs the comparison, then the overheads; options are those of `benchmarks.run`."""

import sys

from benchmarks import overhead, run

if __name__ == "__main__":
    missed = run.main(sys.argv[1:])
    output = str(run.arguments(sys.argv[1:]).output)
    sys.exit(overhead.main(["-o", output]) or missed)
