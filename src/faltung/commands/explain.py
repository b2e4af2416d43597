"""``faltung explain``: see convolution step by step, in words, pictures, animations and pages."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

SUBJECTS = {
    "functions": "explain_functions",
    "signal": "explain_signal",
    "image": "explain_image",
    "layer": "explain_layer",
    "network": "explain_network",
    "sums": "explain_sums",
}
"""What can be explained, and the module that knows how; each is cheap to import."""
_HELP = {
    "functions": "two functions slid over each other",
    "signal": "a pattern slid along a signal",
    "image": "a kernel on the numbers of an image",
    "layer": "stride, padding, dilation and transposition of a layer",
    "network": "a network's maps, layer by layer",
    "sums": "each output as its sum, term by term",
}

DESCRIPTION = """\
Explain convolution step by step.  Without -o the steps are told in words; with it the suffix says what is written:
a picture of one step (.png, .svg, .pdf), or all of them moving (.gif, .mp4, .html).

  faltung explain functions "box" "triangle" -o overlap.gif
  faltung explain layer --input 7x7 --kernel 3x3 --stride 2 --padding 1 -o layer.html
  faltung explain image photo.png --kernel sobel
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter the subjects, each with its own options and the common ones."""
    subjects = parser.add_subparsers(metavar="SUBJECT", required=True, dest="subject")
    for name in SUBJECTS:
        subject = _module(name)
        own = subjects.add_parser(name, help=_HELP[name], description=subject.DESCRIPTION,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        subject.add_options(own)
        if hasattr(subject, "scene"):
            _add_common(own)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--output", "-o", metavar="OUT", help="a picture (.png, .svg, .pdf) or an animation (.gif, .mp4, .html)")
    add("--width", type=int, default=800, metavar="PIXELS", help="width of what is drawn, 240 to 4000 (default: 800)")
    add("--theme", default="light", help="light (default) or dark; an .html starts with it and has both")
    add("--step", type=int, metavar="N", help="which step a picture shows, or which one is told in words")
    add("--rate", type=float, metavar="R", help="steps a second of an animation")
    add("--words", action="store_true", help="with -o: tell the steps in words too")


def run(options: argparse.Namespace) -> int:
    """Write what was asked for, or tell it."""
    subject = _module(options.subject)
    if not hasattr(subject, "scene"):  # words alone
        return int(subject.run(options))
    from ..show.animation import check_output

    if options.output is not None:
        check_output(options.output, step=options.step)
    scene = subject.scene(options)
    if options.output is not None:
        print(_written(scene, options))
    if options.output is None or options.words:
        _tell(scene, options.step)
    return 0


def _module(subject: str) -> Any:
    return import_module(f".{SUBJECTS[subject]}", __package__)


def _written(scene: Any, options: argparse.Namespace) -> str:
    """Write the file, and tell in one line what is in it."""
    from ..show.animation import animate
    from ..show.files import FORMATS, write
    from ..show.scene import picture

    target = Path(options.output)
    if target.suffix.lower() in FORMATS:
        write(picture(scene, options.step, width=options.width, theme=options.theme), target)
        steps = f"step {scene.first if options.step is None else options.step} of 0 to {scene.steps - 1}"
    else:
        animate(scene, target, width=options.width, theme=options.theme, rate=options.rate)
        steps = f"{scene.steps} steps" if scene.steps > 1 else "1 step"
    return f"{options.subject} -> {target}: {steps}, {_size(target.stat().st_size)}"


def _size(count: int) -> str:
    """Bytes in the unit that reads best.

    Examples
    --------
    >>> _size(812), _size(81_200), _size(8_120_000)
    ('812 bytes', '81 kB', '8.1 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _tell(scene: Any, step: int | None) -> None:
    """Print the words of one step, or of all."""
    from ..show.scene import check_step

    steps = range(scene.steps) if step is None else [check_step(scene, step)]
    digits = len(str(scene.steps - 1))
    if scene.title:
        print(scene.title)
    for number in steps:
        words = scene.words(number).replace("\n", "\n" + " " * (digits + 2))
        print(f"{number:>{digits}}  {words}")
