"""Training: the same LeNet-5, data, batch and optimiser here and in torch; epoch time and peak memory.

    python -m benchmarks.training [--data DIR] [--images 6400] [--rounds 7]

Both begin with the same weights and see the same batches, interleaved in one process for each number of threads; the
losses after the first slice are compared, so that both do the same work.  The figures are medians over the rounds,
scaled from the slice to the 60000 images of MNIST.  Peak memory is that of processes of their own, which import one
library alone: what their resident memory grows by during ten training steps, after a step on two images.
Without ``--data`` (the folder of MNIST's IDX files) the images are noise, which takes the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import LONG_PAUSE_S, POOLS

BATCH, RATE, EPOCH = 64, 1e-3, 60_000
MEMORY_STEPS = 10


def data(options: argparse.Namespace) -> tuple[Any, Any]:
    """Normalised images of MNIST's shape, and labels."""
    count = options.images
    if options.data:
        from faltung.layers.data import Normalisation, mnist

        train = mnist(options.data)[0][:count]
        return Normalisation.of(train)(train.images), train.labels
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, count)


def ours(state: Any = None) -> tuple[Any, Any]:
    """Our network, and a function that trains on some batches and gives the last loss."""
    from faltung.layers import Adam, CrossEntropy, weights, zoo

    network = zoo.lenet5()
    if state is not None:
        weights.assign(network, state)
    network.input_gradient = False
    optimiser, loss = Adam(network, RATE), CrossEntropy()

    def train(images: Any, labels: Any) -> float:
        value = 0.0
        for start in range(0, len(images), BATCH):
            scores = network.forward(images[start : start + BATCH], training=True)
            value = loss.forward(scores, labels[start : start + BATCH])
            network.backward(loss.backward())
            optimiser.step()
        return value

    return network, train


def theirs(threads: int) -> tuple[Any, Any]:
    """torch's, with the same names of parameters."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    parts = {
        "conv1": nn.Conv2d(1, 6, 5, padding=2), "relu1": nn.ReLU(), "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(6, 16, 5), "relu2": nn.ReLU(), "pool2": nn.MaxPool2d(2), "flatten": nn.Flatten(),
        "fc1": nn.Linear(400, 120), "relu3": nn.ReLU(), "fc2": nn.Linear(120, 84), "relu4": nn.ReLU(),
        "fc3": nn.Linear(84, 10),
    }
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    optimiser, loss = torch.optim.Adam(network.parameters(), RATE), nn.CrossEntropyLoss()

    def train(images: Any, labels: Any) -> float:
        value = torch.zeros(())
        pixels, classes = torch.from_numpy(images), torch.from_numpy(labels)
        for start in range(0, len(images), BATCH):
            optimiser.zero_grad()
            value = loss(network(pixels[start : start + BATCH]), classes[start : start + BATCH])
            value.backward()
            optimiser.step()
        return value.item()

    return network, train


# ---------------------------------------------------------------- time

def measure(options: argparse.Namespace) -> None:
    """One process: both, interleaved."""
    import faltung as ft

    ft.set_threads(options.threads)
    images, labels = data(options)
    torch_network, torch_train = theirs(options.threads)
    _, our_train = ours({name: array.detach().numpy().copy() for name, array in torch_network.state_dict().items()})
    losses = our_train(images, labels), torch_train(images, labels)
    if abs(losses[0] - losses[1]) > 0.05 * max(losses):
        raise SystemExit(f"the losses differ after the first slice, so the work does: {losses}")
    times: dict[str, list[float]] = {"faltung": [], "torch": []}
    for _ in range(options.rounds):
        for name, train in (("faltung", our_train), ("torch", torch_train)):
            time.sleep(LONG_PAUSE_S)
            start = time.perf_counter()
            train(images, labels)
            times[name].append(time.perf_counter() - start)
    print(json.dumps({"times": times, "losses": losses}))


# ---------------------------------------------------------------- memory

def resident(field: str) -> int:
    """Resident memory of this process in KiB: ``VmRSS`` now, ``VmHWM`` at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


def memory(options: argparse.Namespace) -> None:
    """One process with one library: how far its memory grows over data and weights."""
    if options.memory == "faltung":
        import faltung as ft

        ft.set_threads(options.threads)
    options.images = BATCH * MEMORY_STEPS
    options.data = None
    images, labels = data(options)
    _, train = ours() if options.memory == "faltung" else theirs(options.threads)
    # Two images: what is loaded once, compiler and code, is there; the arrays of a batch are not.
    train(images[:2], labels[:2])
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    train(images, labels)
    print(json.dumps({"growth_mib": (resident("VmHWM") - before) / 1024, "peak_mib": resident("VmHWM") / 1024}))


# ---------------------------------------------------------------- all

def worker(threads: int, *words: str) -> Any:
    """Run this module in a process of its own, with that many threads everywhere."""
    environment = {**os.environ, **dict.fromkeys(POOLS, str(threads))}
    line = [sys.executable, "-m", "benchmarks.training", "--threads", str(threads), *words]
    done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of MNIST's IDX files")
    parser.add_argument("--images", type=int, default=6400, help="in a slice")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, help="folder of training.json")
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--memory", choices=("faltung", "torch"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        memory(options) if options.memory else measure(options)
        return
    words = ["--images", str(options.images), "--rounds", str(options.rounds)]
    words += ["--data", options.data] if options.data else []
    scale, found = EPOCH / options.images, []
    for threads in (1, 2):
        times = worker(threads, *words)["times"]
        mine, other = (median(times[name]) for name in ("faltung", "torch"))
        least = {name: min(values) * scale for name, values in times.items()}
        found.append({"threads": threads, "faltung_s": mine * scale, "torch_s": other * scale})
        print(f"{threads} thread{'s' if threads > 1 else ' '}  epoch of {EPOCH}: faltung {mine * scale:.2f} s, "
              f"torch {other * scale:.2f} s, {other / mine:.2f} times as fast "
              f"(least: {least['faltung']:.2f} and {least['torch']:.2f} s)")
    for threads in (1, 2):
        grown = {name: worker(threads, "--memory", name) for name in ("faltung", "torch")}
        found[threads - 1] |= {f"{name}_mib": one["growth_mib"] for name, one in grown.items()}
        told = (f"{name} {one['growth_mib']:.1f} MiB (process at most {one['peak_mib']:.0f} MiB)"
                for name, one in grown.items())
        print(f"{threads} thread{'s' if threads > 1 else ' '}  memory of a step: {', '.join(told)}")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "training.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
