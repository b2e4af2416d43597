"""NEON code, run: compiled across, linked with a small driver in C, and emulated."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from math import prod
from pathlib import Path

import numpy as np
import pytest

from faltung.algorithms.direct import stages
from faltung.algorithms.direct.borders import border_tables
from faltung.algorithms.direct.executable import emitted
from faltung.algorithms.direct.frame import DirectRecipe, Stage
from faltung.algorithms.direct.packing import kernel_packer, pack_bias
from faltung.algorithms.direct.tiles import candidates
from faltung.compiler import jit
from faltung.compiler.cells import HEAD
from faltung.machine import Machine, fake
from faltung.problem.promotion import numpy_dtype
from grid.cases import Case, arrays, draw, draw_line, draw_woven, lay_out, output_view
from grid.check import compare, recipe_of

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
DRIVER = Path(__file__).with_name("driver.c")
NEON = fake("neon")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
                       reason=f"needs {COMPILER} and {EMULATOR}: run tests/cross/install.sh"),
]


def by_lanes(seed: int) -> object:
    """Lanes of every kind in turn, and any of their recipes."""
    rng, wished = np.random.default_rng(seed), ("pixels", "channels", "segments")[seed % 3]

    def choose(stage: Stage, known: Machine, _: int) -> DirectRecipe:
        found = list(candidates(stage, known))
        liked = [recipe for recipe in found if recipe.lanes == wished] or found
        return liked[int(rng.integers(len(liked)))]
    return choose


def parts_of(case: Case) -> list[stages.Part]:
    view = output_view(case.problem, channels_last=case.channels_last)
    if case.seed % 2:
        return stages.parts(case.problem, view, NEON, 1)
    with recipe_of(by_lanes(case.seed)):
        return stages.parts(case.problem, view, NEON, 1)


class Header:
    """Writes ``cases.h``: every array as bytes, every program with its own entry."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines, self.objects, self.cases, self.count = folder, [], [], [], 0

    def name(self, hint: str) -> str:
        self.count += 1
        return f"{hint}_{self.count}"

    def array(self, values: np.ndarray | bytes) -> str:
        name, content = self.name("data"), values if isinstance(values, bytes) else values.tobytes()
        text = ",".join(map(str, content)) or "0"
        self.lines.append(f"static unsigned char {name}[] __attribute__((aligned(64))) = {{{text}}};")
        return name

    def program(self, part: stages.Part, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None) -> str:
        entry, strides = self.name("entry"), self.name("strides")
        ir = emitted(part.frame).replace("@entry(", f"@{entry}(")
        path = self.folder / f"{entry}.o"
        path.write_bytes(jit.compile_object(ir, NEON))
        self.objects.append(str(path))
        self.lines.append(f"extern Entry {entry};")
        # a phase without taps looks at one zero, again and again
        steps = [0] * image.ndim if part.phase.is_empty else image.strides
        self.lines.append(f"static int64_t {strides}[] = {{{','.join(map(str, steps))}}};")
        address = f"(char *){self.array(bytes(64))}" if part.phase.is_empty else self.image(image)
        packed = f"(char *){self.array(kernel_packer(part)(kernel))}"
        offset = "NULL" if bias is None else f"(char *){self.array(pack_bias(part.frame, bias))}"
        tables = self.array(np.array(border_tables(part.frame), np.int64))
        return f"{{{entry}, {address}, {strides}, {packed}, {offset}, {tables}, {part.frame.scratch_bytes}}}"

    def image(self, image: np.ndarray) -> str:
        """The bytes from the first to the last that the view sees, and where in them it begins."""
        reach = [(n - 1) * step for n, step in zip(image.shape, image.strides, strict=True)]
        before, behind = -sum(r for r in reach if r < 0), sum(r for r in reach if r > 0) + image.itemsize
        address = image.__array_interface__["data"][0]
        memory = (np.ctypeslib.ctypes.c_uint8 * (before + behind)).from_address(address - before)
        return f"(char *){self.array(bytes(memory))} + {before}"

    def add(self, case: Case) -> None:
        image, kernel, bias = arrays(case)
        seen, name = lay_out(case, image), self.name("programs")
        programs = [self.program(part, seen, kernel, bias) for part in parts_of(case)]
        self.lines.append(f"static const Program {name}[] = {{{', '.join(programs)}}};")
        size = prod(case.problem.output_shape) * numpy_dtype(case.problem.output_dtype).itemsize
        self.cases.append(f"{{{name}, {len(programs)}, {size}}}")

    def write(self) -> None:
        self.lines.append(f"static const Case cases[] = {{{', '.join(self.cases)}}};")
        (self.folder / "cases.h").write_text("\n".join(self.lines) + "\n")


def run_all(cases: Iterable[Case], folder: Path) -> list[str]:
    header = Header(folder)
    for case in cases:
        header.add(case)
    header.write()
    program = folder / "program"
    sources = [f"-I{folder}", str(DRIVER), *header.objects]
    subprocess.run([COMPILER, "-O1", "-static", "-std=c11", *sources, "-o", str(program), "-lm"], check=True)
    done = subprocess.run([EMULATOR, str(program)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"exit {done.returncode} after {len(done.stdout.splitlines())} cases\n{done.stderr}"
    return done.stdout.splitlines()


def check_all(cases: list[Case], folder: Path) -> None:
    for case, line in zip(cases, run_all(cases, folder), strict=True):
        p, (overflowed, content) = case.problem, line.split(" ")
        view = output_view(p, channels_last=case.channels_last)
        got = view(np.frombuffer(bytes.fromhex(content), numpy_dtype(p.output_dtype)).reshape(view.shape))
        try:
            compare(p, *arrays(case), got, overflowed=overflowed != "0")
        except BaseException as error:
            error.add_note(f"{case}: {p}")
            raise


@pytest.mark.parametrize("first", range(11000, 11090, 30))
def test_the_grid_on_neon(first: int, tmp_path: Path) -> None:
    assert 8 * HEAD == 16  # what the driver's struct says
    check_all([draw(seed) for seed in range(first, first + 30)], tmp_path)


def test_long_lines_on_neon(tmp_path: Path) -> None:
    check_all([draw_line(seed) for seed in range(11100, 11118)], tmp_path)


def test_phases_on_neon(tmp_path: Path) -> None:
    check_all([draw_woven(seed) for seed in range(11200, 11218)], tmp_path)
