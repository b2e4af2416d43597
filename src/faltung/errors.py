"""The errors that faltung raises, all under one root.

Every text names the function, the argument and its value, the rule, both numbers and the way out.
"""


class FaltungError(Exception):
    """Root of all errors that faltung raises on purpose."""


class ShapeError(FaltungError, ValueError):
    """An extent, rank, stride, padding or axis that does not fit."""


class DTypeError(FaltungError, TypeError):
    """A dtype that is not supported, or not in this combination."""


class BorderError(FaltungError, ValueError):
    """A border that does not exist, or cannot be applied to this extent."""


class PlanError(FaltungError, ValueError):
    """A method or planning option that cannot serve the problem."""


class ImageError(FaltungError, ValueError):
    """An image file that is missing, damaged, or cannot be written."""


class KernelError(FaltungError, ValueError):
    """A named kernel, or a parameter of one, that does not exist or cannot be."""


class DataError(FaltungError, ValueError):
    """Training data, weights or a checkpoint that are missing, damaged or do not fit."""


class TrainingError(FaltungError, ArithmeticError):
    """A training that cannot go on: its loss or a gradient is not finite."""


class FunctionError(FaltungError, ValueError):
    """A function of a real variable that cannot be represented, or an argument of one that cannot be."""


class CodegenError(FaltungError, RuntimeError):
    """Generated code that does not compile or verify: a bug of faltung's own."""
