"""The command line: ``faltung apply``, ``plan``, ``find``, ``kernels``, ``train``, ``explain``, ``cost`` and more.

Whatever goes wrong is told in one line on the error stream, with exit status 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from . import __version__
from .errors import FaltungError

PROGRAM = "faltung"
TOLD = (FaltungError, OSError, OverflowError, MemoryError)
"""Errors that speak to the user; any other is a bug, and is shown whole."""
BORDERS = "a number, edge, reflect, symmetric or wrap"


class Parser(argparse.ArgumentParser):
    """A parser that tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message, and where to read on; exit with status 2."""
        self.exit(2, f"{PROGRAM}: {' '.join(message.split())} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, or 2 if anything went wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # Whoever read our output has enough; the interpreter must not try to flush it again.
        sys.stdout = None
        return 0
    except KeyboardInterrupt:
        return 130
    except TOLD as error:
        tell(error)
        return 2


def tell(error: BaseException) -> None:
    """Print an error in one line; one that points at a place with a caret stands as it is."""
    text = str(error)
    if not text.endswith("^"):
        text = " ".join(text.split()) or type(error).__name__
    print(f"{PROGRAM}: {text}", file=sys.stderr)


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description="Convolve images and arrays, and show how it is done.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_apply(commands.add_parser("apply", help="filter image files", description=_APPLY,
                                   formatter_class=argparse.RawDescriptionHelpFormatter))
    _add_plan(commands.add_parser("plan", help="show problem, recipe and machine code", description=_PLAN,
                                  formatter_class=argparse.RawDescriptionHelpFormatter))
    _add_find(commands.add_parser("find", help="find a pattern in a picture", description=_FIND,
                                  formatter_class=argparse.RawDescriptionHelpFormatter))
    _add_kernels(commands.add_parser("kernels", help="list, show, describe and fit kernels", description=_KERNELS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter))
    _add_train(commands.add_parser("train", help="train a network, or learn one kernel", description=_TRAIN,
                                   formatter_class=argparse.RawDescriptionHelpFormatter))
    classify = commands.add_parser("classify", help="tell what is on pictures, by a trained network")
    _add_classify(classify)
    _add_explain(commands)
    _add_cost(commands)
    for name, help_ in (("calibrate", "measure this machine"), ("wisdom", "what measured plans have learned")):
        _add_by_module(commands, name, help_)
    doctor = commands.add_parser("doctor", help="show the processor and what it can do")
    doctor.set_defaults(run=_doctor)
    cache = commands.add_parser("cache", help="show or clear the folder of compiled code")
    cache.add_argument("--clear", action="store_true", help="remove all compiled code")
    cache.set_defaults(run=_cache)
    return parser


_APPLY = """\
Filter image files: PNG, JPEG, TIFF and .npy, 8- and 16-bit and float, grey, RGB and RGBA.

The result has the depth of the image, rounded and clipped to its range; colour channels are
filtered each on its own, alpha is kept.  Negative results, as of sobel, are clipped to 0 on
unsigned pixels: --absolute shows their size, --dtype float32 with a .tif or .npy keeps them.

  faltung apply photo.jpg --kernel gaussian:sigma=3 -o soft.png
  faltung apply *.png --kernel sharpen -o sharp/
  faltung apply volume.npy --kernel gaussian:sigma=2,ndim=3 -o soft.npy --memory 1G
"""


def _add_apply(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="image files")
    add("--kernel", "-k", required=True, metavar="NAME-or-FILE",
        help="a name (faltung kernels lists them), with parameters as in gaussian:sigma=2,size=9; "
             "or a file: .npy, or numbers as text (.txt, .csv)")
    add("--output", "-o", required=True, metavar="OUT", help="a file for one image; a folder for one or several")
    add("--mode", default="same", help="same (default), valid, full or causal")
    add("--border", default="reflect", help=f"{BORDERS} (default: reflect)")
    add("--stride", default="1", help="step between outputs: 2, or 2x1 for one per axis")
    add("--dilation", default="1", help="step between taps: 2, or 2x1 for one per axis")
    add("--repeat", type=int, default=1, metavar="N", help="filter N times")
    add("--dtype", help="dtype of the result (default: that of the image)")
    add("--absolute", action="store_true", help="take the absolute value before it is rounded and clipped")
    add("--method", default="auto", help="algorithm (default: auto)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--picture", metavar="OUT", help="draw before, kernel and after: .png, .svg or .pdf")
    add("--memory", default="256M", metavar="SIZE",
        help="a .npy file that is larger is filtered block by block within this, into .npy (default: 256M)")
    parser.set_defaults(run=_apply)


_PLAN = """\
Show how an operation would be computed: the problem, the recipe, every method that was weighed, the machine code.

  faltung plan correlate --image 512x512 --kernel 7x7 --mode same --border reflect
  faltung plan conv --image 1x64x56x56 --kernel 64x64x3x3 --padding 1 --assembly
"""


def _add_plan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("operation", metavar="OPERATION", help="convolve, correlate, conv or conv_transpose")
    add("--image", required=True, metavar="SHAPE", help="as 512x512")
    add("--kernel", required=True, metavar="SHAPE-or-NAME",
        help="as 7x7; or gaussian:sigma=2, whose taps are then known")
    add("--dtype", default="float32", help="dtype of the image (default: float32)")
    add("--kernel-dtype", help="dtype of the kernel (default: that of the image)")
    for name in ("mode", "border", "stride", "dilation", "padding", "groups", "activation", "layout", "output-padding",
                 "overflow"):
        add(f"--{name}", default=argparse.SUPPRESS, help="as the operation's argument")
    add("--method", default="auto", help="algorithm (default: auto)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--measure", action="store_true", help="time the best methods, and remember the fastest")
    add("--max-workspace", metavar="SIZE", help="most workspace of a call: bytes, or as 64K or 2M")
    add("--ir", action="store_true", help="print the LLVM IR too")
    add("--assembly", action="store_true", help="print the assembly too")
    parser.set_defaults(run=_plan)


_FIND = """\
Find a pattern in a picture: a table of places, the best first; with boxes drawn on request.

Places are those of the pattern's first pixel, between pixels by a quadratic fit.  Alpha is left out; if only one of
the two pictures has colour, both are searched in grey.

  faltung find page.png letter.png -o found.png
  faltung find scene.jpg part.png --angles 0:360:10 --scales 0.8,1,1.25 --top 3 --json
"""


def _add_find(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("scene", metavar="SCENE", help="the picture that is searched")
    add("pattern", metavar="PATTERN", help="the picture that is looked for")
    add("--threshold", type=float, metavar="SCORE", help="least score (default: 0.8), or greatest for ssd and nssd")
    add("--top", type=int, metavar="N", help="at most so many places")
    add("--score", default="zncc", help="zncc (default), ncc, correlation, ssd or nssd")
    add("--min-distance", type=float, metavar="PIXELS", help="least distance of two places (default: by overlap)")
    add("--angles", metavar="DEGREES",
        help="turn the pattern anticlockwise: 0,90,180, or from:to:step as in --angles=-30:31:5")
    add("--scales", metavar="FACTORS", help="scale the pattern: 0.5,1,2 or from:to:step")
    add("--coarse", action="store_true", help="search smaller versions first: quicker for large patterns")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--output", "-o", metavar="OUT", help="picture with the boxes drawn")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    parser.set_defaults(run=_find)


_KERNELS = """\
List the kernels and their parameters; show one as numbers and a small picture; describe what it does;
or fit one: find the kernel that best turns one picture into another, and how sure it is.

  faltung kernels
  faltung kernels show gabor:sigma=2,angle=45,size=9 -o gabor.png
  faltung kernels describe savitzky_golay:size=7,degree=3,order=1
  faltung kernels fit before.png after.png --size 7 -o taps.npy
"""


def _add_kernels(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("action", nargs="?", default="list", metavar="ACTION", help="list (default), show, describe or fit")
    add("operands", nargs="*", metavar="NAME-or-FILE",
        help="a kernel, with parameters as in gaussian:sigma=2, or a file; of fit: the pictures before and after")
    add("--size", default="5", metavar="SIZE", help="fit: extent of the kernel, 5 or 5x7 (default: 5)")
    add("--ridge", type=float, default=0.0, metavar="R", help="fit: 1e-6 to 1e-2 where the condition is large")
    add("--output", "-o", metavar="OUT", help="fit: .npy file for the taps, which --kernel reads; show, "
        "describe: picture of taps and frequency response (.png, .svg, .pdf)")
    parser.set_defaults(run=_kernels)


_TRAIN = """\
Train a network on pictures with labels, or learn the kernel between two pictures.

After each epoch a checkpoint is written; --resume goes on after the last one, with the same bits as if nothing had
happened.  At the end: learning curve, confusion matrix, the kernels of the first layer, and the weights, which
faltung classify takes.

  faltung train digits
  faltung train mnist --data DIR
  faltung train --data FOLDER --size 32x32 --network resnet
  faltung train mnist --data DIR --evaluate mnist-training/weights.safetensors
  faltung train kernel before.png after.png --size 5
"""


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("what", nargs="*", metavar="WHAT", help="digits (scikit-learn's), mnist, or kernel BEFORE AFTER")
    add("--data", metavar="DIR", help="the IDX files of MNIST, plain or .gz; or a folder of folders, one a class")
    add("--epochs", type=int, metavar="N", help="how often all pictures are seen; of kernel: steps")
    add("--batch", type=int, metavar="N", help="pictures at a time")
    add("--rate", type=float, metavar="R", help="learning rate of Adam, from which a cosine leads down")
    add("--network", metavar="NAME", help="small, lenet5, resnet or mobilenet_v2")
    add("--size", metavar="SIZE", help="scale the pictures of a folder: 32x32; of kernel: its extent (default: 5)")
    add("--test", type=float, metavar="P", help="portion that is kept for the test (default: 0.2)")
    add("--seed", type=int, metavar="N", help="of weights, order and parts (default: 0)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--output", "-o", metavar="FOLDER", help="where the results go (default: WHAT-training)")
    add("--resume", action="store_true", help="go on after the last epoch that is done")
    add("--evaluate", metavar="WEIGHTS", help="do not train; measure these weights on the test pictures")
    parser.set_defaults(run=_train)


def _add_classify(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("weights", metavar="WEIGHTS", help="a file that faltung train has written")
    add("images", nargs="+", metavar="IMAGE", help="pictures; they are scaled to the size of the network")
    add("--top", type=int, default=3, metavar="N", help="name the N likeliest classes (default: 3)")
    add("--invert", action="store_true", help="dark on light becomes light on dark, as MNIST and digits are")
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_classify)


def _add_explain(commands: Any) -> None:
    from .commands import explain

    parser = commands.add_parser("explain", help="see it step by step: words, pictures, animations",
                                 description=explain.DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    explain.add_options(parser)
    parser.set_defaults(run=explain.run)


def _add_by_module(commands: Any, name: str, help_: str) -> None:
    module = import_module(f".commands.{name}", __package__)
    parser = commands.add_parser(name, help=help_, description=module.DESCRIPTION,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_options(parser)
    parser.set_defaults(run=module.run)


def _add_cost(commands: Any) -> None:
    from .commands import cost

    parser = commands.add_parser("cost", help="tell what an operation or a network costs, before it runs",
                                 description=cost.DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    cost.add_options(parser)
    parser.set_defaults(run=cost.run)


def _apply(options: argparse.Namespace) -> int:
    from .commands import apply

    return apply.run(options, tell)


def _plan(options: argparse.Namespace) -> int:
    from .commands import plan

    return plan.run(options)


def _find(options: argparse.Namespace) -> int:
    from .commands import find

    return find.run(options)


def _kernels(options: argparse.Namespace) -> int:
    from .commands import kernels

    return kernels.run(options)


def _train(options: argparse.Namespace) -> int:
    from .commands import train

    return train.run(options)


def _classify(options: argparse.Namespace) -> int:
    from .commands import classify

    return classify.run(options, tell)


def _doctor(_: argparse.Namespace) -> int:
    from .commands import doctor

    return doctor.run()


def _cache(options: argparse.Namespace) -> int:
    from .commands import cache

    return cache.run(clear=options.clear)


if __name__ == "__main__":
    sys.exit(main())
