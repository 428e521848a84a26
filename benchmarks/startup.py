"""Measures the start of the command line, which must not import torch, and the loading of a model."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.timing import Row, median

LOAD = """
import sys, tempfile, time
import torch
from simulacra.training.run import load
from simulacra import VAE, Levels
path = tempfile.mkdtemp() + "/vae.safetensors"
VAE(Levels((1, 28, 28), 256), latent=20, hidden=(200,)).save(path)
began = time.process_time()
load(path).sample(1, seed=0)
print(time.process_time() - began, "torch._dynamo" in sys.modules)
"""
PROGRAM = "import sys; from simulacra.cli import main; sys.argv = ['simulacra', *{0!r}]; main()"


def startup(quick: bool) -> list[Row]:
    """Measures `simulacra --help` and `simulacra models` as whole processes, and `simulacra.load`."""
    rows = []
    for arguments in (["--help"], ["models"]):
        seconds = [_time(arguments) for _ in range(5 if quick else 15)][1:]
        rows.append(
            Row(
                f"`simulacra {arguments[0]}`",
                f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})",
                "< 0.3 s",
                median(seconds) < 0.3,
                "whole process, wall clock",
            )
        )
    return [*rows, _load(3 if quick else 7)]


def _load(repeats: int) -> Row:
    """Measures `simulacra.load` and one sample, in processes that have imported torch and our modules."""
    command = [sys.executable, "-c", LOAD]
    said = [
        subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        for _ in range(repeats)
    ]
    seconds, compiler = [float(words[0]) for words in said], said[0][1] == "True"
    return Row(
        "`simulacra.load` and one sample",
        f"{median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f}); "
        f"torch._dynamo {'loaded' if compiler else 'not loaded'}",
        "< 0.05 s, not loaded",
        median(seconds) < 0.05 and not compiler,
        "CPU beside the imports of torch and of the library; a VAE of 28x28 grey levels",
    )


def _time(arguments: list[str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM.format(arguments)]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began
