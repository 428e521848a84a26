"""An RBM with 16 hidden units on MNIST: small enough for an exact log Z, and AIS beside it.

command     SIMULACRA_DATA=DATA python recipes/rbm_mnist.py [--centred false]     (DATA holds mnist/*.gz)
protocol    pixels above one half are 1; 60,000 training and 10,000 test images; centred PCD-1, batch 100,
            50 passes, learning rate 0.01; exact log-likelihood by summing over 2^16 hidden states; AIS
            forward and in reverse with 1,000 temperatures and 100 chains
published   PyDeep, the same size and schedule, centred: log Z 310.184 (AIS 309.69, reverse AIS 316.31),
            test -142.56; not centred: log Z 190.952, test -149.05
ours        centred: test -142.39 +- 0.38, train -143.09 +- 0.16, log Z 311.06; AIS 310.68 +- 0.22, reverse
            AIS 310.73 +- 0.26 (its chains start from 1,000 Gibbs sweeps, which miss some modes). Not
            centred: test -145.08 +- 0.42, log Z 192.44; AIS 192.25, reverse 192.05, said to be unreliable.
            4 to 5 min each on a busy machine
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation import bracket
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget
from simulacra.training.run import Run

EPOCHS = 50
pydeep_figure = partial(
    Figure,
    source="PyDeep, tutorial RBM_MNIST_small",
    unit="nats",
    protocol="MNIST, pixels above one half are 1; 60,000 training and 10,000 test images; 16 hidden units, "
    "PCD-1",
)
# one training each; another seed changes the score and log Z by less than a nat
FIGURES = (
    pydeep_figure("test log-likelihood, centred", -142.56, tolerance=0.5, wide=1.0, better="higher"),
    pydeep_figure("AIS less exact log Z (309.69 - 310.184), centred", -0.494, tolerance=0.5, wide=1.0),
    pydeep_figure("test log-likelihood, not centred", -149.05, tolerance=0.5, wide=1.0, better="higher"),
)


def trained(data: Dataset, centred: bool, lr: float, epochs: float, seed: int, out: str | Path) -> Run:
    """Trains a machine for `epochs` passes.

    Args:
        data: binarized MNIST.
        centred: if True, units are centred.
        lr: learning rate.
        epochs: passes of training.
        seed: seed of weights and training.
        out: run folder.
    """
    return simulacra.fit(built(data, centred, lr, seed), data, out=out, epochs=epochs, **settings(seed))


def built(data: Dataset, centred: bool, lr: float, seed: int) -> simulacra.RBM:
    """Returns the untrained machine."""
    torch.manual_seed(seed)
    return simulacra.RBM(data.space, hidden=16, lr=lr, centred=centred)


def settings(seed: int) -> dict:
    """Returns the options of training."""
    return {"batch_size": 100, "seed": seed, "validate": False}


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the centred machine with most of the time, then the other."""
    data = simulacra.load_data("mnist", binarize="threshold", validation=0.0)
    likelihood, distance, plain = FIGURES
    for centred, share in ((True, 0.55), (False, 0.4)):
        name = "centred" if centred else "not-centred"
        run = budget.fit(name, built(data, centred, 0.01, 0), data, EPOCHS, share, **settings(0))
        model, part = run.model, run.epochs / EPOCHS
        score = model.log_prob(data.test.x)
        yield (likelihood if centred else plain).measured(score.mean, score.error, share=part)
        if centred:
            found = bracket(model)
            apart, error = found.forward.log_z - model.log_z().item(), found.forward.error
            yield distance.measured(apart, error, share=part, note=str(found))


def main() -> None:
    """Trains, scores exactly, bounds log Z by AIS, and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--centred", choices=("true", "false"), default="true")
    parser.add_argument("--out", type=Path, default=Path("runs/rbm-mnist"))
    asked = parser.parse_args()
    data = simulacra.load_data("mnist", binarize="threshold", validation=0.0)
    began = time.perf_counter()
    run = trained(data, asked.centred == "true", asked.lr, asked.epochs, asked.seed, asked.out)
    print(f"training {(time.perf_counter() - began) / 60:.1f} min; log Z = {run.model.log_z().item():.3f}")
    print(bracket(run.model))
    for name in ("train", "test"):
        print(name, run.model.log_prob(data[name].x))


if __name__ == "__main__":
    main()
