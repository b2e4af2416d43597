"""What `faltung.show` offers by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import faltung as ft
from faltung import show


@pytest.mark.parametrize("name", show.__all__)
def test_every_name_is_a_function_or_a_class(name):
    assert callable(getattr(ft.show, name))


def test_a_function_keeps_its_name_when_its_module_is_imported():
    modules = sorted({path.stem for path in Path(show.__file__).parent.glob("*.py")} - {"__init__"})
    code = (f"import importlib; [importlib.import_module(f'faltung.show.{{name}}') for name in {modules!r}]; "
            "from faltung import show; "
            "print([name for name in show.__all__ if not callable(getattr(show, name))])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError) as caught:
        show.nothing  # noqa: B018 asked for on purpose
    assert str(caught.value) == "module 'faltung.show' has no attribute 'nothing'"
