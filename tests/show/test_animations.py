"""Animations: frames as a full redraw has them, files whole or not at all, and every refusal in full."""

from __future__ import annotations

import builtins
import re
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import faltung as ft
from faltung.errors import FaltungError, ImageError
from faltung.show import gif
from faltung.show.animation import MOST_STEPS, animate
from faltung.show.drawing import Drawing
from faltung.show.frames import Frames
from faltung.show.scene import Scene, picture
from faltung.show.style import THEMES
from grid.command import run
from show.every_scene import NAMES, SCENES
from show.scenes_for_tests import Sliding, Still


def redrawn(scene, step, **options):
    """A step as a picture of its own."""
    canvas = FigureCanvasAgg(picture(scene, step, **options))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 801])
def test_a_frame_is_the_whole_picture(width, theme):
    scene = Sliding(12)
    frames = Frames(scene, width=width, theme=theme)
    assert len(frames) == 12
    for step in (0, 11, 5, 4, 5):
        np.testing.assert_array_equal(frames.frame(step), redrawn(scene, step, width=width, theme=theme))


@pytest.mark.parametrize("name", NAMES)
def test_frames_of_every_scene(name):
    scene = SCENES[name]()
    steps = [scene.steps // 2, scene.steps - 1]
    frames = Frames(scene, width=400, theme="dark", steps=steps)
    frames.frame(steps[0])
    np.testing.assert_array_equal(frames.frame(steps[1]), redrawn(scene, steps[1], width=400, theme="dark"))


def test_what_lies_over_the_moving_is_drawn_again_and_nothing_else():
    frames = Frames(Sliding(12))
    kinds = [type(artist).__name__ for artist in frames._live]
    assert "Legend" in kinds  # the window passes under it
    lower = frames._drawing.figure.axes[1]
    assert lower.xaxis not in frames._live
    assert lower.patch not in frames._live


def test_a_part_of_an_artist_cannot_move_by_itself():
    class Wrong(Still):
        def lay_out(self, stage):
            axes = stage.figure.subplots()
            label = axes.xaxis.label
            return lambda step: [label]

    with pytest.raises(FaltungError, match=re.escape("of 'A still picture' moves, but is a part of another artist; "
                                                     "return the whole of it from show")):
        Drawing(Wrong(), 400, "light")


def test_gif(tmp_path):
    path = animate(Sliding(12), tmp_path / "a.gif", width=500, rate=5)
    assert path == tmp_path / "a.gif"
    with Image.open(path) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (12, (500, 290), 0)
        durations = []
        for frame in range(12):
            image.seek(frame)
            durations.append(image.info["duration"])
        assert durations == [200] * 11 + [1500]
    assert local_palettes(path.read_bytes()) == 0, "a frame has a palette of its own"
    assert path.stat().st_size < 200_000
    assert list(tmp_path.iterdir()) == [path]


def local_palettes(data):
    """Count the images of a GIF that carry a palette."""
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    count = 0
    while data[at] != 0x3B:
        if data[at] == 0x21:
            at += 2
        else:
            flags = data[at + 9]
            count += flags >> 7
            at += 11 + (3 * 2 ** ((flags & 7) + 1) if flags >> 7 else 0)
        while data[at]:
            at += data[at] + 1
        at += 1
    return count


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_a_gif(tmp_path, theme):
    scene = Sliding(8)
    path = animate(scene, tmp_path / "a.gif", theme=theme)
    with Image.open(path) as image:
        for step in (0, 7):
            image.seek(step)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            wanted = redrawn(scene, step, theme=theme)[:, :, :3].astype(int)
            far = np.abs(pixels - wanted).max(axis=2)
            assert far.mean() < 0.5
            assert far.max() <= 40
            # Quiet areas keep their colour to the bit.
            for colour in (THEMES[theme].paper, THEMES[theme].image):
                exact = (wanted == gif._rgb(colour)).all(axis=2)
                assert exact.sum() > 50
                assert far[exact].max() == 0


def test_steps_may_be_chosen(tmp_path):
    path = animate(Sliding(12), tmp_path / "a.gif", steps=[3, 1, 8])
    with Image.open(path) as image:
        assert image.n_frames == 3


def test_one_step_is_an_animation_too(tmp_path):
    for name in ("a.gif", "a.html"):
        assert animate(Still(), tmp_path / name).stat().st_size > 1000


needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@needs_ffmpeg
def test_mp4(tmp_path):
    path = animate(Sliding(12), tmp_path / "a.mp4", width=501, rate=8)
    told = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,pix_fmt,duration",
                           "-of", "csv=p=0", path], capture_output=True, text=True, check=True).stdout
    codec, width, height, layout, seconds = told.strip().split(",")
    assert (codec, width, height, layout) == ("h264", "502", "290", "yuv420p")
    assert abs(float(seconds) - (12 / 8 + 1.5)) < 0.2
    still = tmp_path / "still.png"
    subprocess.run(["ffmpeg", "-v", "error", "-sseof", "-0.5", "-i", path, "-frames:v", "1", still], check=True)
    far = np.asarray(Image.open(still))[:290, :501, :3].astype(int) - redrawn(Sliding(12), 11, width=501)[:, :, :3]
    assert np.abs(far).mean() < 3


def test_mp4_without_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = tmp_path / "a.mp4"
    with pytest.raises(FaltungError) as caught:
        animate(Sliding(3), target)
    assert str(caught.value) == (f"animate: {target} needs ffmpeg, which is not on the PATH; "
                                 "install it (apt install ffmpeg), or write .gif or .html")
    assert list(tmp_path.iterdir()) == []


def test_mp4_when_ffmpeg_fails(tmp_path, monkeypatch):
    tools, out = tmp_path / "tools", tmp_path / "out"
    tools.mkdir(), out.mkdir()
    program = tools / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'Unknown encoder libx264' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    with pytest.raises(FaltungError) as caught:
        animate(Sliding(3), out / "a.mp4")
    assert str(caught.value) == (f"animate: ffmpeg could not write {out / 'a.mp4'} (Unknown encoder libx264); "
                                 "write .gif or .html")
    assert list(out.iterdir()) == []


class Breaking(Sliding):
    """A scene that fails when it has been moved some times."""

    def __init__(self, moves):
        super().__init__(30)
        self.moves = moves

    def lay_out(self, stage):
        show = super().lay_out(stage)

        def until(step):
            self.moves -= 1
            if not self.moves:
                raise FaltungError("the scene broke")
            return show(step)

        return until


# The layout, a pass that looks how far things move, 12 frames for the palette; then it breaks among the others.
@pytest.mark.parametrize(("name", "moves"), [
    ("a.gif", 1 + 30 + 12 + 3), ("a.html", 3), pytest.param("a.mp4", 1 + 30 + 3, marks=needs_ffmpeg)])
@pytest.mark.parametrize("old", [None, b"what was there before"])
def test_a_failure_leaves_no_part(tmp_path, name, moves, old):
    target = tmp_path / name
    if old:
        target.write_bytes(old)
    scene = Breaking(moves)
    with pytest.raises(FaltungError, match=r"^the scene broke$"):
        animate(scene, target)
    assert scene.moves == 0
    assert list(tmp_path.iterdir()) == ([target] if old else [])
    assert not old or target.read_bytes() == old


@pytest.mark.parametrize("suffix", ["gif", "html"])
def test_where_nothing_can_be_written(tmp_path, suffix):
    target = tmp_path / f"a.{suffix}"
    target.mkdir()
    with pytest.raises(ImageError, match=re.escape(f"write: {target} cannot be written (Is a directory); "
                                                   "check the folder's rights and the disk's space")):
        animate(Sliding(3), target)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("path", "options", "text"), [
    ("a.tga", {}, "show: a.tga has no suffix of a picture or an animation; "
                  "use .png, .svg, .pdf, .gif, .mp4, .html"),
    ("a", {}, "show: a has no suffix of a picture or an animation; use .png, .svg, .pdf, .gif, .mp4, .html"),
    ("a.png", {}, "animate: a.png is a picture of one step; use .gif, .mp4, .html"),
    ("none/a.gif", {}, "show: none/a.gif: folder none does not exist; make it first (mkdir -p)"),
    ("a.gif", {"width": 10}, "animate: width=10 is out of range; use 240 to 4000 pixels"),
    ("a.gif", {"width": 5000}, "animate: width=5000 is out of range; use 240 to 4000 pixels"),
    ("a.gif", {"theme": "blue"}, 'show: theme "blue" is not known; use "light" or "dark"'),
    ("a.gif", {"rate": 0}, "animate: rate=0 is out of range; use 0.1 to 50 steps a second"),
    ("a.gif", {"rate": float("nan")}, "animate: rate=nan is out of range; use 0.1 to 50 steps a second"),
    ("a.gif", {"rate": 1e9}, "animate: rate=1e+09 is out of range; use 0.1 to 50 steps a second"),
    ("a.gif", {"steps": []}, "animate: steps=[] names no step; name one at least"),
    ("a.gif", {"steps": [0, 20]}, "show: step 20 is not there; 'A box slides along a signal' has steps 0 to 19"),
    ("a.gif", {"steps": [0] * 2001}, "animate: 2001 steps are more than 2000; use a smaller input, "
                                     "or choose some with steps="),
    ("a.gif", {"width": 4000, "steps": [0] * 200}, "animate: 200 frames of 4000x2040 are 1632 million pixels, "
                                                   "and 500 million are the most; use a smaller width or fewer steps"),
    ("a.mp4", {"width": 4000, "steps": [0] * 200}, "animate: 200 frames of 4000x2040 are 1632 million pixels, "
                                                   "and 500 million are the most; use a smaller width or fewer steps"),
])
def test_refusals(tmp_path, monkeypatch, path, options, text):
    if path == "a.mp4" and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FaltungError) as caught:
        animate(Sliding(20), path, **options)
    assert str(caught.value) == text
    assert list(tmp_path.iterdir()) == []
    assert MOST_STEPS == 2000


def test_a_page_that_is_too_large(tmp_path):
    class Noisy(Still):
        steps = 40

        def lay_out(self, stage):
            image = stage.figure.subplots().imshow(np.zeros((64, 64, 3)), interpolation="none")

            def show(step):
                image.set_data(np.random.default_rng(step).random((64, 64, 3)))
                return [image]

            return show

    with pytest.raises(FaltungError) as caught:
        animate(Noisy(), tmp_path / "a.html")
    found = re.fullmatch(rf"animate: {tmp_path / 'a.html'} would have (1\.\d) MB, and 1 MB is the most for a page; "
                         r"use fewer steps or a smaller input, or write \.mp4", str(caught.value))
    assert found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("module", "path", "text"), [
    ("matplotlib", "a.gif", 'show: pictures need Matplotlib; install it with: pip install "faltung[show]"'),
    ("matplotlib", "a.html", 'show: pictures need Matplotlib; install it with: pip install "faltung[show]"'),
    ("PIL", "a.gif", 'animate: a.gif needs Pillow; install it with: pip install "faltung[show]"'),
])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, module, path, text):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.split(".")[0] == module:
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FaltungError) as caught:
        animate(Sliding(3), path)
    monkeypatch.undo()
    assert str(caught.value) == text


def test_nothing_of_matplotlib_is_loaded_until_it_draws():
    code = ("import sys, faltung.show.animation, faltung.show.gif, faltung.show.mp4, faltung.show.page, faltung.cli; "
            "faltung.show.animate; faltung.cli._parser(); "
            "print([name for name in ('matplotlib', 'PIL', 'fontTools', 'rich') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_are_not_those_of_modules():
    """Else the name would mean the module as soon as someone has imported it."""
    from faltung.show import _LATE

    for name, module in _LATE.items():
        if name == module:
            assert callable(getattr(ft.show, name)), f"ft.show.{name} is the module"


LAYER = "explain layer --input 5 --kernel 3 --padding 1"


def test_explain_in_words(capsys):
    status, out, err = run(LAYER, capsys)
    assert (status, err) == (0, "")
    title, *lines = out.splitlines()
    assert title == "input 5, kernel 3, stride 1, padding 1, dilation 1"
    assert [line.split(" ")[0] for line in lines] == ["0", "1", "2", "3", "4"]
    assert lines[1].startswith("1  y[1] = w[0] x[0] + w[1] x[1] + w[2] x[2]")
    status, one, err = run(f"{LAYER} --step 1", capsys)
    assert one.splitlines() == [title, lines[1]]


@pytest.mark.parametrize(("name", "told"), [
    *((name, r"step 2 of 0 to 4, \d+ kB") for name in ("a.png", "a.svg", "a.pdf")),
    ("a.gif", r"5 steps, \d+ kB"), ("a.html", r"5 steps, \d+ kB")])
def test_explain_writes_what_the_suffix_says(tmp_path, monkeypatch, capsys, name, told):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(f"{LAYER} -o {name} --width 400 --theme dark", capsys)
    assert (status, err) == (0, "")
    assert re.fullmatch(rf"layer -> {re.escape(name)}: {told}\n", out)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_explain_writes_and_tells(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(f"{LAYER} -o a.png --step 2 --words", capsys)
    first, title, words = out.splitlines()
    assert first.startswith("layer -> a.png: step 2 of 0 to 4, ")
    assert title.startswith("input 5")
    assert words.startswith("2  y[2] = ")


@pytest.mark.parametrize(("rest", "text"), [
    ("--step 5", "show: step 5 is not there; 'input 5, kernel 3, stride 1, padding 1, dilation 1' has steps 0 to 4"),
    ("-o a.gif --step 1", "show: a.gif shows all steps, not step 1 alone; leave the step out, or use .png, .svg, .pdf"),
    ("-o a.bmp", "show: a.bmp has no suffix of a picture or an animation; use .png, .svg, .pdf, .gif, .mp4, .html"),
    ("-o a.gif --width 100", "animate: width=100 is out of range; use 240 to 4000 pixels"),
    ("-o a.png --width 9999", "show: width 9999 is out of range; use 240 to 4000 pixels"),
    ("-o no/a.png", "show: no/a.png: folder no does not exist; make it first (mkdir -p)"),
    ("-o a.gif --rate 1000", "animate: rate=1000 is out of range; use 0.1 to 50 steps a second"),
    ("-o a.gif --theme red", 'show: theme "red" is not known; use "light" or "dark"'),
])
def test_explain_refuses(tmp_path, monkeypatch, capsys, rest, text):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(f"{LAYER} {rest}", capsys)
    assert (status, err) == (2, f"faltung: {text}\n")
    assert out in ("", "input 5, kernel 3, stride 1, padding 1, dilation 1\n")
    assert list(tmp_path.iterdir()) == []


def test_a_scene_is_a_scene():
    with pytest.raises(TypeError, match="abstract"):
        Scene()
