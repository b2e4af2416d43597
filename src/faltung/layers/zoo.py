"""Networks that are known by name, built from the layers: to be used, and to be read.

Their parameters have the names of the same networks in torch and torchvision, so weights can be exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .activations import ReLU, ReLU6
from .base import Layer, LayerError, Shape, generator
from .composition import Dropout, Identity, Sequential
from .convolution import Conv2d
from .linear import Flatten, Linear
from .normalisation import BatchNorm
from .pooling import GlobalAveragePool, MaxPool


def small(classes: int = 10, channels: int = 1, size: int = 8, *, seed: Any = 0, dtype: Any = "float32") -> Sequential:
    """Build a network for very small images: two convolutions, pooling, one linear layer.

    Parameters
    ----------
    classes
        Number of outputs.
    channels, size
        Of the images, which are square.
    seed, dtype
        As of every layer.

    Examples
    --------
    >>> small().output_shape((32, 1, 8, 8))
    (32, 10)
    """
    rng = generator(seed)
    extent = _halved("small", size, 1)
    return Sequential(
        conv1=Conv2d(channels, 16, 3, padding=1, seed=rng, dtype=dtype),
        relu1=ReLU(),
        conv2=Conv2d(16, 32, 3, padding=1, seed=rng, dtype=dtype),
        relu2=ReLU(),
        pool=MaxPool(2),
        flatten=Flatten(),
        fc=Linear(32 * extent * extent, classes, seed=rng, dtype=dtype),
    )


def lenet5(classes: int = 10, channels: int = 1, size: int = 28, *, seed: Any = 0,
           dtype: Any = "float32") -> Sequential:
    """Build LeNet-5 in its present form: rectifiers and maxima instead of sigmoids and means.

    Parameters
    ----------
    classes
        Number of outputs.
    channels, size
        Of the images, which are square: at least 12 pixels.
    seed, dtype
        As of every layer.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
    section II.B.

    Examples
    --------
    >>> lenet5().output_shape((64, 1, 28, 28))
    (64, 10)
    """
    rng = generator(seed)
    extent = (size // 2 - 4) // 2
    if extent < 1:
        raise LayerError(f"lenet5: size={size} must be at least 12, so that something is left behind both poolings; "
                         "use small, or larger images")
    return Sequential(
        conv1=Conv2d(channels, 6, 5, padding=2, seed=rng, dtype=dtype),
        relu1=ReLU(),
        pool1=MaxPool(2),
        conv2=Conv2d(6, 16, 5, seed=rng, dtype=dtype),
        relu2=ReLU(),
        pool2=MaxPool(2),
        flatten=Flatten(),
        fc1=Linear(16 * extent * extent, 120, seed=rng, dtype=dtype),
        relu3=ReLU(),
        fc2=Linear(120, 84, seed=rng, dtype=dtype),
        relu4=ReLU(),
        fc3=Linear(84, classes, seed=rng, dtype=dtype),
    )


class BasicBlock(Layer):
    """Two 3x3 convolutions, and the input added to what they make: ``relu(f(x) + shortcut(x))``.

    Where channels or extents change, the shortcut is a 1x1 convolution with the same stride ("option B").

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR (2016), figure 2.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, *, seed: Any = None,
                 dtype: Any = "float32") -> None:
        super().__init__(dtype=dtype)
        rng = generator(seed)
        self.add("conv1", _conv(channels_in, channels_out, 3, stride, rng, dtype))
        self.add("bn1", BatchNorm(channels_out, dtype=dtype))
        self.add("relu1", ReLU())
        self.add("conv2", _conv(channels_out, channels_out, 3, 1, rng, dtype))
        self.add("bn2", BatchNorm(channels_out, dtype=dtype))
        self.add("relu2", ReLU())
        if stride != 1 or channels_in != channels_out:
            self.add("downsample", Sequential(_conv(channels_in, channels_out, 1, stride, rng, dtype),
                                              BatchNorm(channels_out, dtype=dtype)))
        self.shortcut = self.children.get("downsample", Identity())

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute both ways and add them."""
        y = x
        for name in ("conv1", "bn1", "relu1", "conv2", "bn2"):
            y = self.children[name].forward(y, training=training)
        return self.children["relu2"].forward(y + self.shortcut.forward(x, training=training),
                                              training=training)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Carry a gradient through both ways; what comes out of them is added."""
        dy = self.children["relu2"].backward(dy)
        dx = dy
        for name in ("bn2", "conv2", "relu1", "bn1", "conv1"):
            dx = self.children[name].backward(dx)
        return np.asarray(dx + self.shortcut.backward(dy))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result."""
        shape = input_shape
        for name in ("conv1", "bn1", "relu1", "conv2", "bn2"):
            shape = self.children[name].output_shape(shape)
        self.shortcut.output_shape(input_shape)
        return self.children["relu2"].output_shape(shape)


def resnet(classes: int = 10, channels: int = 3, blocks: int = 3, *, width: int = 16, seed: Any = 0,
           dtype: Any = "float32") -> Sequential:
    """Build a ResNet for small images, as CIFAR's: ``6 blocks + 2`` layers in three stages.

    Parameters
    ----------
    classes
        Number of outputs.
    channels
        Of the images, which may have any extents.
    blocks
        In each stage; 3 make ResNet-20, 9 make ResNet-56.
    width
        Channels of the first stage; the others have two and four times as many.
    seed, dtype
        As of every layer.

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR (2016), section 4.2.

    Examples
    --------
    >>> resnet().output_shape((8, 3, 32, 32))
    (8, 10)
    """
    rng = generator(seed)
    network = Sequential(conv1=_conv(channels, width, 3, 1, rng, dtype), bn1=BatchNorm(width, dtype=dtype), relu=ReLU())
    channels_in = width
    for stage in range(3):
        channels_out = width << stage
        parts: list[Layer] = []
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            parts.append(BasicBlock(channels_in, channels_out, stride, seed=rng, dtype=dtype))
            channels_in = channels_out
        network.add(f"layer{stage + 1}", Sequential(*parts))
    network.add("avgpool", GlobalAveragePool())
    network.add("flatten", Flatten())
    network.add("fc", Linear(channels_in, classes, seed=rng, dtype=dtype))
    return network


class InvertedResidual(Layer):
    """Widen by 1x1, filter each channel by 3x3, narrow by 1x1; the input is added where the shapes allow it.

    References
    ----------
    Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", CVPR (2018).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int, *, seed: Any = None,
                 dtype: Any = "float32") -> None:
        super().__init__(dtype=dtype)
        rng = generator(seed)
        self.adds = stride == 1 and channels_in == channels_out
        hidden = channels_in * expansion
        parts: list[Layer] = [_unit(channels_in, hidden, 1, 1, rng, dtype)] if expansion != 1 else []
        parts += [
            _unit(hidden, hidden, 3, stride, rng, dtype, groups=hidden),
            _conv(hidden, channels_out, 1, 1, rng, dtype),
            BatchNorm(channels_out, dtype=dtype),
        ]
        self.add("conv", Sequential(*parts))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute, and add the input where the shapes allow it."""
        y = self.children["conv"].forward(x, training=training)
        return y + x if self.adds else y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Carry a gradient through both ways."""
        dx = self.children["conv"].backward(dy)
        return np.asarray(dx + dy if self.adds else dx)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result."""
        return self.children["conv"].output_shape(input_shape)


# Expansion, channels, how many, stride of the first: table 2 of the paper.
_MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet_v2(classes: int = 1000, channels: int = 3, width: float = 1.0, *, dropout: float = 0.2, seed: Any = 0,
                 dtype: Any = "float32") -> Sequential:
    """Build MobileNetV2, for images of about 224 by 224 pixels.

    Parameters
    ----------
    classes
        Number of outputs.
    channels
        Of the images.
    width
        Factor of all numbers of channels, which stay multiples of 8.
    dropout
        Portion of features left out in training, before the last layer.
    seed, dtype
        As of every layer.

    References
    ----------
    Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", CVPR (2018),
    table 2.

    Examples
    --------
    >>> mobilenet_v2(10, width=0.25).output_shape((1, 3, 64, 64))
    (1, 10)
    """
    rng = generator(seed)
    channels_in, last = _eights(32 * width), _eights(1280 * max(1.0, width))
    parts: list[Layer] = [_unit(channels, channels_in, 3, 2, rng, dtype)]
    for expansion, plain, count, stride in _MOBILENET:
        channels_out = _eights(plain * width)
        for number in range(count):
            parts.append(InvertedResidual(channels_in, channels_out, 1 if number else stride, expansion, seed=rng,
                                          dtype=dtype))
            channels_in = channels_out
    parts.append(_unit(channels_in, last, 1, 1, rng, dtype))
    return Sequential(
        features=Sequential(*parts),
        avgpool=GlobalAveragePool(),
        flatten=Flatten(),
        classifier=Sequential(Dropout(dropout, seed=rng), Linear(last, classes, seed=rng, dtype=dtype)),
    )


NETWORKS: dict[str, Callable[..., Layer]] = {"small": small, "lenet5": lenet5, "resnet": resnet,
                                             "mobilenet_v2": mobilenet_v2}
"""The networks by their names on the command line."""
SQUARE = ("small", "lenet5")
"""Those that are built for images of one size."""


def least_parameters(name: str, classes: int, channels: int, size: int) -> int:
    """Count the parameters of a network's first and of its largest linear layer, without building it.

    >>> least_parameters("lenet5", 10, 1, 28)
    48990
    """
    if name == "small":
        return 144 * channels + 32 * (size // 2) ** 2 * classes
    if name == "lenet5":
        return 150 * channels + 16 * (max(size // 2 - 4, 0) // 2) ** 2 * 120 + 84 * classes
    return 144 * channels + (64 if name == "resnet" else 1280) * classes


def _conv(channels_in: int, channels_out: int, kernel: int, stride: int, seed: Any, dtype: Any,
          groups: int = 1) -> Conv2d:
    """A convolution in front of a normalisation: the bias would be taken away again, so there is none."""
    return Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False,
                  initialiser="kaiming_normal", seed=seed, dtype=dtype)


def _unit(channels_in: int, channels_out: int, kernel: int, stride: int, seed: Any, dtype: Any,
          groups: int = 1) -> Sequential:
    return Sequential(_conv(channels_in, channels_out, kernel, stride, seed, dtype, groups),
                      BatchNorm(channels_out, dtype=dtype), ReLU6())


def _eights(channels: float) -> int:
    """The nearest multiple of 8, but not less than nine tenths.

    >>> _eights(32 * 0.25), _eights(24 * 0.75)
    (8, 24)
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _halved(name: str, size: int, times: int) -> int:
    if size < 1 << times:
        raise LayerError(f"{name}: size={size} must be at least {1 << times}; give larger images")
    return size >> times
