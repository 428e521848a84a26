"""The autoregressive family on the fixed binarisation of MNIST.

command     SIMULACRA_DATA=DATA python recipes/autoregressive_binarized_mnist.py MODEL [--epochs N] (DATA
            holds binarized_mnist/; MODEL is fvbn, fvbn-neural, made, nade, eonade, nade-k, pixelcnn,
            gated-pixelcnn or pixelrnn)
protocol    binarized-mnist (Larochelle and Murray): 50,000 training, 10,000 validation, 10,000 test images;
            exact mean log p(x) of the test images in nats (--limit N: the first N)
published   Larochelle and Murray 2011: FVBN 97.45, NADE 88.33. Germain et al. 2015: MADE (1 layer, 1 mask)
            88.40. Uria et al. 2014: EoNADE (1 layer, 128 orders) 87.71. Raiko et al. 2014: NADE-5 (1 layer,
            128 orders) 86.25. van den Oord et al. 2016: PixelRNN (Diagonal BiLSTM) 79.20, PixelCNN 81.30
ours        NADE --lr 0.01 --epochs 10 -87.56 +- 0.23 (4.7 min); FVBN --lr 0.01 --epochs 20 -98.19 +- 0.24
            (1.3 min); MADE --epochs 30 -91.44 +- 0.23 (6.1 min; -92.83 at the rate 0.005 with 40); gated
            PixelCNN --lr 0.003 --epochs 6 -92.41 +- 0.21 (27 min of one core): 5 layers of 16 channels that
            reach 7 pixels, and 3,000 steps, are far from the paper's network. EoNADE, one order, rate
            0.001: tanh units --epochs 30 -99.47 +- 0.24 (4.9 min), relu units after 40 -103.89 +- 0.26,
            -125.36 at the rate 0.005; the training loss stops at the same height, as its gradient is noisy:
            late entries weigh up to 784 times (the paper: 1,000,000 steps; ours 15,000). At the rate 0.001
            NADE had -98.66 after 6 passes and FVBN -111.84 after 15. On a busy machine; no rate was chosen
            by validation. The others not yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time

import torch

import simulacra

MODELS = {
    "fvbn": lambda space: simulacra.FVBN(space),
    "fvbn-neural": lambda space: simulacra.FVBN(space, hidden=2),
    "made": lambda space: simulacra.MADE(space, hidden=(500,)),
    "nade": lambda space: simulacra.NADE(space, hidden=500),
    "eonade": lambda space: simulacra.EoNADE(space, hidden=(500,), activation="tanh"),
    "nade-k": lambda space: simulacra.NADEK(space, k=5, hidden=(500,)),
    "pixelcnn": lambda space: simulacra.PixelCNN(space),
    # a small one: fifteen layers of 32 and more are for accelerators
    "gated-pixelcnn": lambda space: simulacra.GatedPixelCNN(space, layers=5, channels=16),
    "pixelrnn": lambda space: simulacra.PixelRNN(space, recurrence="row"),
}


def main() -> None:
    """Train one model and score it, printed as measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", help="run folder, for `simulacra explore complete RUN`")
    asked = parser.parse_args()
    data = simulacra.load_data("binarized-mnist")
    torch.manual_seed(0)
    model = MODELS[asked.model](data.space)
    began = time.perf_counter()
    settings = {"batch_size": 100, "lr": asked.lr, "schedule": "cosine", "validate": False}
    run = simulacra.fit(model, data, out=asked.out or tempfile.mkdtemp(), epochs=asked.epochs, **settings)
    trained = time.perf_counter()
    score = run.model.log_prob(data.test.x[: asked.limit])
    print(
        f"{asked.model}: {score}; {len(score.values)} test images, {asked.epochs:g} passes; training "
        f"{(trained - began) / 60:.1f} min, scoring {(time.perf_counter() - trained) / 60:.1f} min",
        flush=True,
    )


if __name__ == "__main__":
    main()
