"""A GAN for tokens: no gradient through argmax, so the game is played in an embedding.

command     python recipes/token_game.py [--epochs N]
protocol    a language of 5 tokens and 4 steps: the first token is uniform, each next one is one or two
            further round the circle, with probabilities 0.7 and 0.3: 40 of the 625 sequences are valid. 8,000
            training sequences, embedded on the unit circle; a GAN with instance noise samples in the
            embedding, and the nearest tokens are read off. 20,000 samples: share of valid ones, and total
            variation distance to the truth by enumeration; beside it that of 20,000 draws of the truth
published   none: Goodfellow et al. 2014 note that a GAN needs gradients through its samples
ours        after 40 passes 97.3 % of the samples are valid, at distance 0.246; below; 17 s of one core
device      2 shared CPU cores, one thread

| sequences | valid | distance to the truth |
|---|---|---|
| draws of the truth | 100.0% | 0.016 |
| a generator before training | 1.1% | 0.989 |
| after training | 97.3% | 0.246 |
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

import simulacra
from simulacra.core.spaces.token_embedding import circle
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

TOKENS, LENGTH, STEPS = 5, 4, {1: 0.7, 2: 0.3}
ROWS, SAMPLES, EPOCHS = 8_000, 20_000, 40
EMBEDDING = circle(TOKENS)
VALID = Figure("valid sequences", None, "", "%", "40 of 625 sequences", 2.0, 8.0, "higher")
DISTANCE = Figure("total variation distance to the truth", None, "", "", "625 sequences", 0.03, 0.1, "lower")
FIGURES: tuple[Figure, ...] = (VALID, DISTANCE)


def truth() -> Tensor:
    """Returns the probability of each sequence, float64, shape (TOKENS,) * LENGTH."""
    p = torch.full((TOKENS,), 1 / TOKENS, dtype=torch.float64)
    move = torch.zeros(TOKENS, TOKENS, dtype=torch.float64)
    for token in range(TOKENS):
        for step, share in STEPS.items():
            move[token, (token + step) % TOKENS] = share
    for _ in range(LENGTH - 1):
        p = p.unsqueeze(-1) * move
    return p


def draw(n: int, seed: int) -> Tensor:
    """Draws n sequences of the true distribution, shape (n, LENGTH).

    Args:
        n: number of sequences.
        seed: seed of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    numbers = truth().flatten().multinomial(n, replacement=True, generator=generator)
    powers = TOKENS ** torch.arange(LENGTH - 1, -1, -1)
    return numbers.unsqueeze(1) // powers % TOKENS


def judged(sequences: Tensor) -> tuple[float, float]:
    """Returns the share of valid sequences, and the total variation distance from the truth."""
    powers = TOKENS ** torch.arange(LENGTH - 1, -1, -1)
    p = truth().flatten()
    counts = torch.bincount((sequences * powers).sum(1), minlength=len(p)).double()
    found = counts / counts.sum()
    return float(found[p > 0].sum()), float((found - p).abs().sum() / 2)


def embedded(rows: int, seed: int = 0) -> Dataset:
    """Returns a data set of embedded sequences."""
    points = EMBEDDING.embed(draw(rows, seed))
    return simulacra.from_tensors(points, EMBEDDING.space(LENGTH), "language")


def player(data: Dataset, seed: int = 0) -> simulacra.GAN:
    """Returns a GAN of embedded sequences."""
    torch.manual_seed(seed)
    return simulacra.GAN(
        data.space,
        latent=12,
        hidden=(128, 128),
        noise=0.3,
        lr=1e-3,
        discriminator_steps=1,
        normalization="batch",
    )


def decoded(model: simulacra.Model, n: int, seed: int = 1) -> Tensor:
    """Draws samples, and decodes them to tokens, shape (n, LENGTH).

    Args:
        model: the GAN.
        n: number of samples.
        seed: seed of the samples.
    """
    return EMBEDDING.nearest(model.sample(n, seed=seed))


def play(epochs: float) -> simulacra.GAN:
    """Trains the GAN for `epochs` passes."""
    data = embedded(ROWS)
    return simulacra.fit(player(data), data, epochs=epochs, progress=False).model


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both figures of one GAN."""
    data = embedded(ROWS)
    epochs = budget.epochs(player(data), data, EPOCHS)
    valid, distance = judged(decoded(play(epochs), SAMPLES))
    yield VALID.measured(100 * valid, share=epochs / EPOCHS)
    yield DISTANCE.measured(distance, share=epochs / EPOCHS)


def main() -> None:
    """Trains, decodes, and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    options = parser.parse_args()
    print("| sequences | valid | distance to the truth |\n|---|---|---|")
    rows = {
        "draws of the truth": draw(SAMPLES, seed=2),
        "a generator before training": decoded(player(embedded(100)), SAMPLES),
        "after training": decoded(play(options.epochs), SAMPLES),
    }
    for name, sequences in rows.items():
        valid, distance = judged(sequences)
        print(f"| {name} | {valid:.1%} | {distance:.3f} |")


if __name__ == "__main__":
    main()
