"""``faltung find``: the table, the JSON, the picture, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import faltung as ft
from faltung.commands import find
from grid.command import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A colour scene in which its part occurs twice; it is the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    scene = rng.integers(0, 256, (80, 100, 3), np.uint8)
    scene[50:66, 60:80] = scene[10:26, 20:40]
    ft.write("scene.png", scene)
    ft.write("part.png", scene[10:26, 20:40])
    ft.write("alpha.png", np.dstack([scene[10:26, 20:40], np.full((16, 20), 9, np.uint8)]))
    ft.write("grey.png", find._grey(scene[10:26, 20:40]))
    ft.write("turned.png", np.rot90(scene[10:26, 20:40]).copy())
    ft.write("deep.tif", scene[:, :, 0].astype(np.float32) / 255)
    return tmp_path


def test_table(folder, capsys):
    status, out, err = run("find scene.png part.png", capsys)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["row", "column", "score", "size", "angle", "scale"]
    assert [line.split()[1:4] for line in lines[1:3]] == [["10.00", "20.00", "1"], ["50.00", "60.00", "1"]]
    assert len(lines) == 4
    assert lines[3].startswith("2 matches, found in ")
    status, out, _ = run("find scene.png part.png --top 1", capsys)
    assert out.splitlines()[-1].startswith("1 match, found in ")


@pytest.mark.parametrize("pattern", ["part.png", "alpha.png", "grey.png"])
def test_json(folder, capsys, pattern):
    status, out, err = run(f"find scene.png {pattern} --json --threshold 0.9", capsys)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert [one["position"] for one in found] == [[10, 20], [50, 60]]
    assert found[0]["score"] == 1
    assert found[0]["box"] == [[10, 26], [20, 40]]
    assert found[0].keys() == {"score", "position", "subpixel", "box", "angle", "scale"}


def test_nothing_found(folder, capsys):
    status, out, err = run("find scene.png turned.png", capsys)
    assert (status, err) == (0, "")
    assert out.startswith("0 matches, found in ")
    _, out, _ = run("find scene.png turned.png --angles 0:360:90 --json", capsys)
    assert [(one["position"], one["angle"]) for one in json.loads(out)] == [([10, 20], 270.0), ([50, 60], 270.0)]


@pytest.mark.parametrize("scene", ["scene.png", "deep.tif"])
def test_the_picture_shows_boxes(folder, capsys, scene):
    status, _, err = run(f"find {scene} part.png -o out.png --threshold 0.5 --coarse", capsys)
    assert (status, err) == (0, "")
    picture = ft.read("out.png")
    assert picture.shape == (80, 100, 3)
    if scene == "scene.png":
        changed = (picture != ft.read(scene)).any(axis=2)
        assert changed[10, 25]
        assert not changed[35:45, 5:15].any()


def test_corners_of_a_turned_pattern():
    one = ft.Match((10, 20), 1.0, (10.0, 20.0), (slice(10, 30), slice(20, 30)), 90.0, 1.0)
    corners = find.corners(one, (10, 20))
    np.testing.assert_allclose(sorted(corners), [(20, 10), (20, 30), (30, 10), (30, 30)], atol=1e-9)


@pytest.mark.parametrize(("line", "text"), [
    ("find none.png part.png", "faltung: read: none.png does not exist; check the path\n"),
    ("find part.png scene.png",
     "faltung: find: pattern (80, 100) is larger than the image (16, 20) along axis 0 (80 > 16); cut or shrink the "
     "pattern, or pad the image\n"),
    ("find scene.png part.png --angles 1,x",
     "faltung: --angles 1,x: not numbers; write them as 0,90,180, or as a range from:to:step\n"),
    ("find scene.png part.png --scales 1:2:0",
     "faltung: --scales 1:2:0: not numbers; write them as 0,90,180, or as a range from:to:step\n"),
    ("find scene.png part.png --score best",
     'faltung: find: score "best" is not known; use "zncc", "ncc", "correlation", "ssd" or "nssd"\n'),
    ("find scene.png part.png -o boxes.npy",
     "faltung: find: boxes.npy: the picture with the boxes is a picture; name a .png, .jpg or .tif\n"),
    ("find scene.png part.png -o nowhere/boxes.png",
     "faltung: write: nowhere/boxes.png: folder nowhere does not exist; make it first (mkdir -p)\n"),
])
def test_refusals(folder, capsys, line, text):
    assert run(line, capsys) == (2, "", text)
