"""Measures the time that the doctor adds to a fit, and the time to compare ten evaluated runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import simulacra
from benchmarks.timing import Row, interleaved, median
from simulacra.api import fit
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.at_end import examined

RUNS = 10
COMPARE = "import sys; from simulacra.cli import main; sys.argv = ['simulacra', 'compare', *{0!r}]; main()"


def trust(quick: bool) -> list[Row]:
    """Measures the doctor's share of three fits, and `compare` of ten runs as a whole process."""
    bits = simulacra.load_data("digits", binarize="dynamic")
    grey = simulacra.load_data("digits", size=16)
    passes = 0.3 if quick else 1.0
    return [
        share("VAE", lambda: simulacra.VAE(bits.space), bits, 120 * passes),
        share("RBM, with chains", lambda: simulacra.RBM(bits.space, hidden=200), bits, 400 * passes),
        share("DCGAN", lambda: simulacra.DCGAN(grey.space, channels=16), grey, 24 * passes),
        compared(bits),
    ]


def share(name: str, build: Callable[[], Model], data: Dataset, epochs: float) -> Row:
    """Compares the time of the doctor with that of training.

    Args:
        name: description of the model.
        build: returns the model.
        data: the data set.
        epochs: passes of training.
    """
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = fit(build(), data, out=folder, epochs=epochs, progress=False, doctor=False)
        trained = time.perf_counter() - began
        began = time.perf_counter()
        examined(run, trained)
        looked = time.perf_counter() - began
    measured = looked / trained
    how = f"digits, {epochs:g} passes in {trained:.1f} s; {len(run.findings)} findings in {looked:.2f} s"
    return Row(f"doctor / fit: {name}", f"{measured:.1%}", "< 5 %", measured < 0.05, how)


def compared(data: Dataset) -> Row:
    """Measures `simulacra compare` of ten evaluated runs with 500 kB of weights each."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, f"run-{i}")) for i in range(RUNS)]
        for i, path in enumerate(paths):
            run = fit(simulacra.VAE(data.space), data, out=path, epochs=0.1, seed=i, progress=False)
            simulacra.evaluate(run, k=2).write(path)
        actions = {
            "compare": lambda: _run(COMPARE.format(paths)),
            "torch": lambda: _run("import torch"),
        }
        seconds = interleaved(actions, 5)
    took = median([whole - start for whole, start in zip(seconds["compare"], seconds["torch"])])
    whole, start = (median(seconds[name]) for name in ("compare", "torch"))
    note = (
        f"{RUNS} VAEs, {len(data.test)} scores each, 45 pairs; whole process {whole:.2f} s, of which "
        f"{start:.2f} s import PyTorch"
    )
    what = "`simulacra compare` of ten evaluated runs, less the import of PyTorch"
    return Row(what, f"{took:.2f} s", "< 2 s", took < 2, note)


def _run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
