"""The peers, one small adapter each: a case in, its best prepared forms out.

An adapter returns a dictionary from the name of a form to a callable without arguments (plain arrays in and out,
everything that can be prepared is prepared), empty when the peer cannot do the case.  The harness checks every
form, times them shortly and keeps the fastest, so that a peer is never judged by an unlucky choice.  A library is
imported by its adapter only: one that is not installed is told, and left out.
"""

from __future__ import annotations

from importlib import metadata

from .arrays import astropy_forms, ndimage_forms, numpy_forms, scipy_forms
from .common import Adapter
from .pictures import opencv_forms, skimage_forms
from .with_jax import jax_forms
from .with_ncnn import ncnn_forms
from .with_onnx import onnxruntime_forms, openvino_forms
from .with_torch import torch_forms

PEERS: dict[str, Adapter] = {
    "torch": torch_forms,
    "onnxruntime": onnxruntime_forms,
    "openvino": openvino_forms,
    "ncnn": ncnn_forms,
    "jax": jax_forms,
    "opencv": opencv_forms,
    "skimage": skimage_forms,
    "ndimage": ndimage_forms,
    "scipy": scipy_forms,
    "numpy": numpy_forms,
    "astropy": astropy_forms,
}

_DISTRIBUTIONS = {"opencv": ("opencv-python-headless", "opencv-python"), "skimage": ("scikit-image",),
                  "ndimage": ("scipy",)}


def versions() -> dict[str, str]:
    """Return the installed version of every peer, without importing any."""
    return {name: _version(*_DISTRIBUTIONS.get(name, (name,))) for name in (*PEERS, "llvmlite")}


def _version(*distributions: str) -> str:
    for distribution in distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "not installed"


__all__ = ["PEERS", "versions"]
