"""The Boltzmann family on the fixed binarisation of MNIST, with log Z from both sides.

command     SIMULACRA_DATA=DATA python recipes/boltzmann_binarized_mnist.py MODEL [--epochs N]
            [--temperatures N] (DATA holds binarized_mnist/; MODEL is rbm, dbn, dbm, conv-rbm or conv-dbm)
protocol    binarized-mnist (Larochelle and Murray): 50,000 training and 10,000 test images; forward and
            reverse AIS with 100 chains; of dbn, dbm and conv-dbm a bound on the energy
published   Salakhutdinov and Murray 2008: RBM, 500 hidden units, CD-25 -86.34 (forward AIS). PyDeep, RBM
            500, centred PCD-1, 200 passes: forward -84.86, reverse -96.61. Salakhutdinov and Hinton 2009:
            DBM (500, 1000) -84.62, DBN (500, 2000) -84.55
ours        rbm --epochs 200, centred PCD-1, rate 0.05 falling to 0, 23 min: -86.90 +- 0.23 (forward) to
            -86.97 (reverse) with 14,500 temperatures, training rows -82.84; with 1,000 temperatures the two
            directions are 1.3 nats apart the wrong way round and said to be unreliable (-88.08, -86.77).
            After 15 passes -97.21 to -97.37 (3.8 min). dbm --epochs 2 --limit 1000 -140.42 to -140.34 (1.4
            min) and dbn --epochs 5 --limit 1000 -125.96 to -126.11 (1.2 min): trials on the first test
            images, which are zeros, far from trained. conv-dbm --epochs 0.5: half a pass a stage takes 7
            min; at rate 0.05 the last stage runs away and fills in noise, so that it has no figure yet; on
            8x8 digits it fills in strokes (docs/families/boltzmann.md). conv-rbm not yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time

import torch

import simulacra
from simulacra.evaluation import Annealing

MODELS = {
    "rbm": lambda space, lr: simulacra.RBM(space, hidden=500, lr=lr, centred=True),
    "dbn": lambda space, lr: simulacra.DBN(space, hidden=(500, 500), lr=lr, centred=True),
    "dbm": lambda space, lr: simulacra.DBM(space, hidden=(500, 500), gibbs_steps=1, lr=lr),
    "conv-rbm": lambda space, lr: simulacra.ConvRBM(space, filters=24, kernel=7, pool=2, lr=lr),
    "conv-dbm": lambda space, lr: simulacra.ConvDBM(
        space, filters=(16, 24), kernels=(7, 4), pools=(2, 2), lr=lr
    ),
}


def main() -> None:
    """Train one model, score it from both sides, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--temperatures", type=int, default=1000)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", help="run folder, for `simulacra explore RUN`")
    asked = parser.parse_args()
    data = simulacra.load_data("binarized-mnist")
    torch.manual_seed(0)
    model = MODELS[asked.model](data.space, asked.lr)
    began = time.perf_counter()
    settings = {"batch_size": 100, "schedule": "linear", "validate": False}
    run = simulacra.fit(model, data, out=asked.out or tempfile.mkdtemp(), epochs=asked.epochs, **settings)
    print(f"training {(time.perf_counter() - began) / 60:.1f} min, {asked.epochs:g} passes", flush=True)
    report = simulacra.evaluate(run, limit=asked.limit, annealing=Annealing(asked.temperatures))
    print(report.table())


if __name__ == "__main__":
    main()
