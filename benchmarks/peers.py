"""The peers, one small adapter each: a case in, its best prepared forms out.

An adapter returns a dictionary from the name of a form to a callable without arguments (plain arrays in and out,
everything that can be prepared is prepared), empty when the peer cannot do the case.  The harness checks every
form, times them shortly and keeps the fastest, so that a peer is never judged by an unlucky choice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.checking import Array, Operands

Call = Callable[[], Any]
Forms = dict[str, Call]
Adapter = Callable[[Case, Operands, int], Forms]


def torch_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return a module in inference mode, as it is, in channels-last memory and with prepacked oneDNN weights."""
    if case.dtype == "uint8" or case.operation == "convolve":
        return {}
    torch = import_module("torch")
    torch.set_num_threads(threads)
    module = _torch_module(torch, case, given)
    x = given.x if case.operation == "conv" else given.x[None, None]
    forms = {"eager": _torch_call(torch, module, x)}
    if case.dtype != "float32":
        return forms
    if len(case.shape) == 4:
        forms["channels-last"] = _torch_call(torch, _torch_module(torch, case, given), x, torch.channels_last)
    if case.border == "constant":
        forms["prepacked"] = _torch_prepacked(torch, module, x)
    return forms


def _torch_module(torch: Any, case: Case, given: Operands) -> Any:
    """Return a convolution module that holds the case's weights and no bias."""
    layer = case.operation == "conv"
    weights = given.k if layer else np.conj(given.k)[None, None]
    kind = getattr(torch.nn, f"Conv{weights.ndim - 2}d")
    padding = case.padding if layer else tuple(n // 2 for n in case.kernel)
    channels = case.shape[1] if layer else 1
    mode = "reflect" if case.border == "reflect" else "zeros"
    module = kind(channels, weights.shape[0], weights.shape[2:], case.stride, padding, groups=case.groups, bias=False,
                  padding_mode=mode, dtype=getattr(torch, case.dtype))
    module.weight = torch.nn.Parameter(torch.from_numpy(weights.copy()), requires_grad=False)
    return module.eval()


def _torch_call(torch: Any, module: Any, x: Array, memory: Any = None) -> Call:
    if memory is not None:
        module = module.to(memory_format=memory)

    def call() -> Any:
        with torch.inference_mode():
            image = torch.from_numpy(x)
            if memory is not None:
                return module(image.contiguous(memory_format=memory)).contiguous().numpy()
            return module(image).numpy()

    return call


def _torch_prepacked(torch: Any, module: Any, x: Array) -> Call:
    packed = import_module("torch.utils.mkldnn").to_mkldnn(module)

    def call() -> Any:
        with torch.no_grad():
            return packed(torch.from_numpy(x).to_mkldnn()).to_dense().numpy()

    return call


def onnxruntime_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return sessions of one Conv node (after a reflecting Pad where needed), with and without the blocked layout."""
    if case.dtype != "float32" or case.operation == "convolve":
        return {}
    ort = import_module("onnxruntime")
    model = _onnx_model(case, given)
    x = given.x if case.operation == "conv" else given.x[None, None]
    levels = {"all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL, "plain": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC}
    return {name: _onnx_call(ort, model, level, x, threads) for name, level in levels.items()}


def _onnx_call(ort: Any, model: bytes, level: Any, x: Array, threads: int) -> Call:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.add_session_config_entry("session.force_spinning_stop", "1")  # or it would spin into others' samples
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def _onnx_model(case: Case, given: Operands) -> bytes:
    """Return a model of a single convolution with constant weights."""
    onnx = import_module("onnx")
    make, layer = onnx.helper, case.operation == "conv"
    weights = given.k if layer else given.k[None, None]
    ndim, shape = weights.ndim - 2, case.shape if layer else (1, 1, *case.shape)
    halves = [case.padding] * ndim if layer else [n // 2 for n in case.kernel]
    constants, nodes, image, pads = {"w": weights}, [], "x", halves + halves
    if case.border == "reflect":
        constants["edges"] = np.array([0, 0, *halves, 0, 0, *halves], np.int64)
        nodes.append(make.make_node("Pad", ["x", "edges"], ["padded"], mode="reflect"))
        image, pads = "padded", [0] * (2 * ndim)
    nodes.append(make.make_node("Conv", [image, "w"], ["y"], strides=[case.stride] * ndim, pads=pads,
                                group=case.groups, kernel_shape=list(weights.shape[2:])))
    ends = [make.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", shape), ("y", None))]
    initial = [onnx.numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in constants.items()]
    graph = make.make_graph(nodes, "case", ends[:1], ends[1:], initial)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def ncnn_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return nets of one layer in float32, with Winograd and without."""
    if case.dtype != "float32" or len(case.kernel) < 2 or len(case.shape) == 3:
        return {}
    ncnn = import_module("ncnn")
    ncnn.set_omp_num_threads(threads)
    x = given.x[0] if case.operation == "conv" else given.x[None]
    return {name: _ncnn_call(ncnn, case, given, x, threads, name == "winograd") for name in ("winograd", "direct")}


def _ncnn_call(ncnn: Any, case: Case, given: Operands, x: Array, threads: int, winograd: bool) -> Call:
    net = ncnn.Net()
    options = net.opt
    options.num_threads, options.use_winograd_convolution = threads, winograd
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_storage = options.use_vulkan_compute = False
    with tempfile.TemporaryDirectory() as folder:
        param, weights = Path(folder, "case.param"), Path(folder, "case.bin")
        param.write_text(_ncnn_param(case))
        weights.write_bytes(b"\0\0\0\0" + given.k.tobytes())  # four zero bytes: plain float32 follows
        if net.load_param(str(param)) or net.load_model(str(weights)):
            return _refuse
    image = ncnn.Mat(x)

    def call() -> Any:
        extractor = net.create_extractor()
        extractor.input("x", image)
        return np.asarray(extractor.extract("y")[1])

    call.keep = net, x  # type: ignore[attr-defined]  # the Mat borrows both
    return call


def _refuse() -> Any:
    raise RuntimeError("ncnn did not load the net")


def _ncnn_param(case: Case) -> str:
    """Return the net's description: Input, a reflecting Padding where needed, Convolution."""
    layer = case.operation == "conv"
    kind = "ConvolutionDepthWise" if case.groups > 1 else "Convolution"
    outputs, (kh, kw) = (case.kernel[0] if layer else 1), case.kernel[-2:]
    lines, image, pad = ["Input input 0 1 x"], "x", case.padding
    if case.border == "reflect":
        lines.append(f"Padding pad 1 1 x padded 0={kh // 2} 1={kh // 2} 2={kw // 2} 3={kw // 2} 4=2")
        image = "padded"
    group = f" 7={case.groups}" if case.groups > 1 else ""
    count = int(np.prod(case.kernel))
    lines.append(f"{kind} conv 1 1 {image} y 0={outputs} 1={kw} 11={kh} 3={case.stride} 4={pad} 5=0 6={count}{group}")
    return "\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n"


def opencv_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return filter2D with float taps; 8-bit images also by way of float32, which is sometimes faster."""
    if case.dtype not in ("uint8", "float32", "float64") or case.operation != "correlate" or len(case.shape) != 2:
        return {}
    cv2 = import_module("cv2")
    cv2.setNumThreads(threads)
    border = {"reflect": cv2.BORDER_REFLECT_101, "constant": cv2.BORDER_CONSTANT}[case.border]
    x, taps = given.x, given.k.astype("float64" if case.dtype == "float64" else "float32")
    out = given.out
    forms: Forms = {"filter2D": lambda: cv2.filter2D(x, -1, taps, dst=out, borderType=border)}
    if case.dtype == "uint8":
        forms["float32"] = lambda: _saturated(cv2, cv2.filter2D(x.astype(np.float32), -1, taps, borderType=border))
    return forms


def _saturated(cv2: Any, image: Array) -> Any:
    """Return the image as uint8: a merge of one channel with dtype, the conversion that keeps the sign's meaning."""
    return cv2.add(image, 0.0, dtype=cv2.CV_8U)


def ndimage_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return scipy.ndimage.correlate; 8-bit results are clipped from int32, since it wraps around."""
    if case.operation != "correlate":
        return {}
    ndimage = import_module("scipy.ndimage")
    mode, x, k = {"reflect": "mirror", "constant": "constant"}[case.border], given.x, given.k
    if case.dtype == "uint8":
        return {"correlate": lambda: np.clip(ndimage.correlate(x, k, np.int32, mode), 0, 255).astype(np.uint8)}
    return {"correlate": lambda: ndimage.correlate(x, k, given.out, mode)}


def scipy_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return scipy.signal's overlap-add, whole transform and direct sum (the last for short signals' kernels only)."""
    if case.border != "constant" or case.operation == "conv":
        return {}
    signal = import_module("scipy.signal")
    mode = "full" if case.operation == "convolve" else "same"
    x, k = given.x, given.k if mode == "full" else np.ascontiguousarray(np.flip(given.k).conj())
    forms: Forms = {
        "oaconvolve": lambda: signal.oaconvolve(x, k, mode),
        "fftconvolve": lambda: signal.fftconvolve(x, k, mode),
    }
    if k.size <= 31:
        forms["direct"] = lambda: signal.convolve(x, k, mode, "direct")
    return forms


def numpy_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return np.convolve, signals only."""
    if case.operation != "convolve":
        return {}
    return {"convolve": lambda: np.convolve(given.x, given.k)}


PEERS: dict[str, Adapter] = {
    "torch": torch_forms,
    "onnxruntime": onnxruntime_forms,
    "ncnn": ncnn_forms,
    "opencv": opencv_forms,
    "ndimage": ndimage_forms,
    "scipy": scipy_forms,
    "numpy": numpy_forms,
}

_DISTRIBUTIONS = {"opencv": ("opencv-python-headless", "opencv-python"), "ndimage": ("scipy",)}


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
