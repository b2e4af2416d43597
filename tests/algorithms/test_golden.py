"""The generated code of a few small problems, in full.

After a change that is meant: ``FALTUNG_REGENERATE_GOLDEN=1 python -m pytest tests/algorithms/test_golden.py``,
and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faltung.algorithms.direct import stages
from faltung.algorithms.direct.frame import DirectRecipe, Frame
from faltung.algorithms.direct.program import emit_program
from faltung.compiler import jit
from faltung.machine import fake
from faltung.problem.problem import Problem
from grid.cases import output_view

FOLDER = Path(__file__).parent / "golden"
TARGETS = {"x86-64-v3": fake("avx2"), "aarch64": fake("neon")}
IMAGE = Problem((), 1, 1, 1, (6, 40), (3, 3), (6, 40), (-1, -1), (1, 1), (1, 1), (1, 1),
                (("reflect", "reflect"), ("reflect", "reflect")))
# Recipes are held still: what the schedule would choose is no business of this test.
PROBLEMS = {
    "image-reflect": (IMAGE, ("pixels", (1, 3, 2), (6, 40), 3)),
    "layer-channels": (
        Problem((2,), 1, 3, 20, (7, 7), (3, 3), (4, 4), (-1, -1), (2, 2), (1, 1), (1, 1), ((0, 0), (0, 0)), bias=True,
                activation="relu"),
        ("channels", (1, 1, 4), (4, 4), 1)),
    "bytes-saturate": (
        Problem((), 1, 1, 1, (50,), (5,), (46,), (0,), (1,), (1,), (1,), ((0, 0),), "uint8", "int8", "int32", "uint8",
                "saturate"),
        ("pixels", (1, 1, 2), (1, 46), 1)),
}


def frame_of(name: str, target: str) -> Frame:
    problem, (lanes, tile, block, chunk) = PROBLEMS[name]
    machine = TARGETS[target]
    stage = stages.parts(problem, output_view(problem), machine, 1)[0].frame.stage
    return Frame(stage, DirectRecipe(lanes, machine.vector_bytes, tile, block, chunk), machine)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_generated_code(name: str, target: str) -> None:
    path, written = FOLDER / f"{name}.{target}.ll", emit_program(frame_of(name, target))
    if os.environ.get("FALTUNG_REGENERATE_GOLDEN"):
        path.write_text(written)
    assert written == path.read_text(), f"{path.name} has changed; see this file's text if that is meant"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_golden_code_compiles_for_its_target(name: str, target: str) -> None:
    image = jit.compile_object((FOLDER / f"{name}.{target}.ll").read_text(), TARGETS[target])
    machine_number = int.from_bytes(image[18:20], "little")
    assert image[:4] == b"\x7fELF"
    assert machine_number == {"x86-64-v3": 62, "aarch64": 183}[target]


def test_fused_multiply_adds_and_no_others() -> None:
    for target, fused in (("x86-64-v3", "vfmadd"), ("aarch64", "fmla")):
        text = jit.assembly(emit_program(frame_of("layer-channels", target)), TARGETS[target])
        assert fused in text


def test_emission_never_uses_integers_as_addresses_nor_fast_math() -> None:
    for name in PROBLEMS:
        written = emit_program(frame_of(name, "x86-64-v3"))
        for forbidden in ("ptrtoint", "inttoptr", " fast ", "reassoc", "nnan", "ninf"):
            assert forbidden not in written, (name, forbidden)
