"""Two domains without pairs by CycleGAN: smiles, Fashion-MNIST and its edges, and two speakers.

command     SIMULACRA_DATA=DATA python recipes/unpaired_domains.py [--minutes N] (DATA holds faces/,
            fashion_mnist/ and fsdd/)
protocol    smiling and other faces at 32 x 32; 10,000 images of Fashion-MNIST, half of them led to their
            edges; recordings of theo and nicolas in windows of half a second. At most 500 test rows are led
            to the other domain and back: the share that a classifier of real rows takes for the other domain,
            the share whose own source is nearest by its content, both at once, and the cycle error
published   none for these protocols (the paper asks people, and scores of labels of street scenes)
baseline    a copy of the source: all kept, none led
ours        not measured yet; short trainings of 69 and 109 steps led nothing that an eye would accept
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.domains.crossed import crossed
from simulacra.evaluation.domains.led import led
from simulacra.training.hardware.budget import Budget

PASSES = {"smiles": 60.0, "edges": 10.0, "speakers": 60.0}
NAMES = {"smiles": "smiles", "edges": "Fashion-MNIST and edges", "speakers": "two speakers"}
MEASURES = {"led": "higher", "kept": "higher", "led and kept": "higher", "cycle error": "lower"}
domain_figure = partial(
    Figure,
    published=None,
    source="",
    protocol="at most 500 test rows, led to the other domain and back",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = tuple(
    domain_figure(f"{measure}, {name}", better=better)
    for name in NAMES.values()
    for measure, better in MEASURES.items()
)


def load(name: str) -> Dataset:
    """Returns the two domains of a task."""
    root = Path(os.environ.get("SIMULACRA_DATA", "."))
    if name == "smiles":
        return simulacra.load_data(
            root / "faces" / "smiles_64x64.npz", label="smile", condition="label", size=32
        )
    if name == "edges":
        return simulacra.load_data("fashion-mnist", condition="domain:edges", limit=10_000)
    return simulacra.load_data("fsdd", condition="domain:theo,nicolas", tile=4000)


def scored(model: Model, data: Dataset) -> list[float]:
    """Returns the measures of held-out rows."""
    rows = led(model, data)
    assert rows is not None
    found = crossed(rows, data)
    assert found is not None
    return [one.value for one in (found.led, found.kept, found.both, found.cycle)]


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures each task after its training."""
    figures = iter(FIGURES)
    for name, passes in PASSES.items():
        data = load(name)
        model = simulacra.CycleGAN(data.space, data.condition, channels=16)
        run = budget.fit(name, model, data, passes, 0.33, validate=False)
        for value in budget.once(f"{name}-score", scored, run.model, data):
            yield next(figures).measured(value, share=run.epochs / passes)


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.4f}", flush=True)


if __name__ == "__main__":
    main()
