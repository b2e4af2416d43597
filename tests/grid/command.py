"""Running the command line in this process."""

from __future__ import annotations

import pytest

from faltung import cli


def run(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    """Run a command line: exit status, output, errors."""
    try:
        status: int | str | None = cli.main(line.split())
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err
