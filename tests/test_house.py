"""The house itself: floors, sizes, imports, and what must not stand in any file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "faltung"
FILES = sorted(SOURCE.rglob("*.py"))

# The longest prefix decides.  A front door may use another front door, but never in a circle.
FLOORS = {
    "errors": 0, "lazy": 0, "problem": 0, "machine": 0, "markup": 0,
    "reference": 1, "image_files": 1, "arrays": 1,  # plans too read arrays of any make
    "compiler": 2,
    "algorithms": 3,
    "planning": 4,
    "calls": 5, "lowering": 5, "layer_lowering": 5, "gradient_lowering": 5, "operations": 5, "gradients": 5,
    "plan_arguments": 5, "wisdom": 5, "asking": 5, "explanation": 5, "costs": 5,
    "kernels": 5, "images": 5, "matching": 5, "missing": 5, "periods": 5, "continuous": 5, "streaming": 5, "layers": 5,
    "": 5,
    "cli": 6, "commands": 6, "show": 6, "interop": 6,
}
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 50


def name_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def floor_of(module):
    return FLOORS[module.split(".")[0]]


def modules():
    return {name_of(path): path for path in FILES}


def imported(path):
    """Modules of the house that a module imports anywhere, and whether at its top."""
    tree = ast.parse(path.read_text())
    name, known = name_of(path), modules()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [part for part in package if part][: len([part for part in package if part]) - node.level + 1]
        elif (node.module or "").split(".")[0] == "faltung":
            base = []
        else:
            continue
        inner = (node.module or "").split(".") if node.level else (node.module or "").split(".")[1:]
        base += [part for part in inner if part]
        for alias in node.names:
            full = ".".join([*base, alias.name])
            yield (full if full in known else ".".join(base)), node in tree.body


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_stands_on_a_floor_and_imports_none_above(path):
    name = name_of(path)
    assert name.split(".")[0] in FLOORS, f"{name} stands on no floor: enter it in FLOORS"
    for target, _ in imported(path):
        # The command line asks the package for its version; nobody else looks at the front.
        assert floor_of(target) <= floor_of(name), f"{name} (floor {floor_of(name)}) imports {target} above it"


def test_no_circles():
    graph = {name: {target for target, top in imported(path) if top and target != name}
             for name, path in modules().items()}
    done = set()
    while graph.keys() - done:
        free = {name for name in graph.keys() - done if graph[name] - {""} <= done | {name}}
        assert free, f"these import each other in a circle: {sorted(graph.keys() - done)}"
        done |= free


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= LINES_OF_A_FILE, f"{path.name} is too long: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = body_lines(node)
            assert lines <= LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines: split it"


def body_lines(function):
    """Lines from the signature to the end, the docstring not counted."""
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= first.end_lineno - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_says_what_it_is(path):
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


def test_import_is_light():
    """What is not needed for the import waits until it is."""
    heavy = ("llvmlite", "scipy", "PIL", "matplotlib", "torch", "pandas", "ml_dtypes")
    code = f"import faltung, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def loaded_by(code):
    """The modules of the house that are loaded when some code has run."""
    code += "; import sys; print(*(name for name in sys.modules if name.startswith('faltung.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.removeprefix("faltung.") for name in done.stdout.split()}


def test_import_brings_no_generators_of_code():
    """Costs are imported to plan; what is built, and what generates its code, when an algorithm is built first."""
    waits = ("executable", "inside_executable", "cascade", "emit", "program", "line_program", "plane_program")
    assert not {name for name in loaded_by("import faltung") if name.split(".")[-1] in waits}
    plan = "import faltung as ft; ft.plan(ft.correlate, ft.Like((40, 40)), ft.Like((3, 4)), method='direct')"
    built = {name.removeprefix("algorithms.") for name in loaded_by(plan) if name.split(".")[-1] in waits}
    assert built <= {"compiler.emit", "direct.executable", "direct.program"}


def test_filtering_an_array_needs_no_pillow():
    code = ("import faltung as ft, numpy as np, sys; ft.filter(np.ones((4, 4)), np.ones((3, 3))); "
            "print('PIL' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_no_path_of_a_machine_and_no_registry_host_in_any_file():
    # Put together here, so that this file does not contain them.
    forbidden = ["/" + "work/", "/" + "root/", "/" + "home/", "py" + "pi.org", "python" + "hosted", "npm" + "js.",
                 "deb" + "ian.org", "index" + "-url", "find" + "-links"]
    for path in tracked():
        data = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" in data:
            continue
        text = data.decode()
        found = [word for word in forbidden if word in text]
        assert not found, f"{path.relative_to(ROOT)} contains {found}"


@pytest.mark.slow
def test_a_clean_install_needs_numpy_and_llvmlite_only(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    program = tmp_path / "venv" / "bin" / "python"
    pip = [program, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", ROOT], check=True)
    listed = subprocess.run([*pip, "list", "--format=freeze"], capture_output=True, text=True, check=True).stdout
    names = {line.split("==")[0].lower() for line in listed.splitlines()}
    assert names - {"pip", "setuptools", "wheel"} == {"faltung", "numpy", "llvmlite"}
    code = "import faltung as ft; print(ft.convolve([1.0, 2.0], [1.0, 1.0]).tolist())"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[1.0, 3.0, 2.0]\n"
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    line = [tmp_path / "venv" / "bin" / "faltung", "apply", picture, "-k", "box", "-o", tmp_path / "b.png"]
    refused = subprocess.run(line, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.endswith('need Pillow, which is not installed; pip install "faltung[images]"\n')


def test_the_tour_of_the_readme_runs(capsys):
    tour = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    exec(compile(tour, "README.md", "exec"), {})
    assert "plan of correlate" in capsys.readouterr().out
