"""Device, threads and precision of the commands that compute with torch."""

import argparse

import torch

from cgpipe.errors import ConfigError


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", type=_device, default="cpu", help="cpu, cuda, or auto for the GPU where there is one (default: cpu)"
    )


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: this machine has no usable CUDA device; use cpu or auto")
    return name


def add_threads(parser: argparse.ArgumentParser) -> None:
    """`--threads`."""
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def set_threads(n_threads: int) -> None:
    """Limit torch to so many threads, and let it treat denormal numbers as zero, which are slow on CPUs."""
    torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)


def torch_dtype(precision: str) -> torch.dtype:
    """Type of a `precision` in the config."""
    return {"float32": torch.float32, "float64": torch.float64}[precision]
