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
from pathlib import Path

import torch

import simulacra
from simulacra.evaluation import bracket


def main() -> None:
    """Train, score exactly, bracket log Z, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=50)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--centred", choices=("true", "false"), default="true")
    parser.add_argument("--out", type=Path, default=Path("runs/rbm-mnist"))
    asked = parser.parse_args()
    data = simulacra.load_data("mnist", binarize="threshold", validation=0.0)
    torch.manual_seed(asked.seed)
    model = simulacra.RBM(data.space, hidden=16, lr=asked.lr, centred=asked.centred == "true")
    began = time.perf_counter()
    settings = {"batch_size": 100, "seed": asked.seed, "validate": False}
    run = simulacra.fit(model, data, out=asked.out, epochs=asked.epochs, **settings)
    print(f"training {(time.perf_counter() - began) / 60:.1f} min; log Z = {run.model.log_z().item():.3f}")
    print(bracket(run.model))
    for name in ("train", "test"):
        print(name, run.model.log_prob(data[name].x))


if __name__ == "__main__":
    main()
