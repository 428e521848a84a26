"""Three ways in which a good score misleads: constant pixels, memorized rows, and 99 % noise.

command     python recipes/likelihood_traps.py
protocol    the embedded digits (8x8, 17 levels), 1,437 training and 180 test images. First table: a diagonal
            Gaussian with the training rows' means and deviations, none of which may be below a floor; mean
            log-density of the test images as reals in [0, 1], and the bound on the levels of the same model
            on dequantized images. Second table: PPCA with 20 factors on dequantized images (p), and models
            made from it or from training images: log-likelihood bound, Frechet distance in the features of
            a classifier of the digits and coverage, both beside 180 training images, and copies
published   Theis, van den Oord and Bethge 2016, section 3.2: 99 % noise costs at most log 100 = 4.61 nats
ours        below; 99 % noise costs 4.605 nats, a floor ten times lower is worth 2.303 nats a constant pixel
device      2 shared CPU cores, one thread

| floor of sigma | as reals, nats | dequantized, bits/dim |
|---|---|---|
| 0.1 | 12.9 | 3.737 |
| 0.01 | 38.5 | 3.381 |
| 0.001 | 51.3 | 3.381 |
| 0.0001 | 58.2 | 3.381 |
| 1e-05 | 65.1 | 3.381 |
| 1e-06 | 72.0 | 3.381 |
| 1e-07 | 78.9 | 3.381 |
| 1e-08 | 85.8 | 3.381 |

| model | log p(x), nats | bits/dim | Frechet | coverage | copies |
|---|---|---|---|---|---|
| p: PPCA, 20 factors | -151.8 | 3.42 | 6.3 (2.0) | 52% (96%) | no |
| 1 % p, 99 % noise | -156.4 | 3.53 | 30.7 (2.0) | 19% (96%) | no |
| noise | -191.0 | 4.30 | 31.6 (2.0) | 21% (96%) | no |
| training images again | -127,828.1 | 2,881.51 | 2.4 (2.0) | 94% (96%) | yes |
| those of 0 to 4 only | -268,972.3 | 6,063.20 | 10.9 (2.0) | 58% (96%) | yes |
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

import simulacra
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.preprocessing.transforms import Dequantize
from simulacra.core.random.keyed import Rng
from simulacra.data.dataset import Dataset
from simulacra.evaluation import likelihood, memorization, sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.likelihood.controls import Mixture, Windows
from simulacra.training.hardware.budget import Budget

FLOORS = tuple(10.0**-k for k in range(1, 9))
GOOD = 0.01  # weight of the good model in the mixture
COPY = 0.002  # bandwidth of the memorizer: a thirtieth of a level
LOST = Figure(
    "nats lost to 99 % noise",
    4.61,
    "Theis et al. 2016, section 3.2: at most log 100",
    "nats",
    "any model and data: the mean of log p(x) - log (0.01 p(x) + 0.99 n(x))",
    tolerance=0.006,
    wide=0.05,
    better="lower",
)
GAINED = Figure(
    "a floor ten times lower, of each constant pixel",
    None,
    "",
    "nats",
    "digits as reals, a diagonal Gaussian whose deviations have a floor",
    tolerance=1e-9,
    wide=1e-6,
)
FIGURES: tuple[Figure, ...] = (LOST, GAINED)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both figures; they take seconds, whatever the budget."""
    digits, data = simulacra.load_data("digits"), simulacra.load_data("digits", dequantize="uniform")
    table = floors(digits)
    yield GAINED.measured((table[-1][1] - table[-2][1]) / int(constant(digits).sum()))
    p = good(data)
    noisy = likelihood(contaminated(p, data), data, k=1)
    yield LOST.measured(float((likelihood(p, data, k=1).values - noisy.values).mean()))


def main() -> None:
    """Prints both tables."""
    digits, data = simulacra.load_data("digits"), simulacra.load_data("digits", dequantize="uniform")
    print(f"{int(constant(digits).sum())} pixels never change\n")
    print("| floor of sigma | as reals, nats | dequantized, bits/dim |\n|---|---|---|")
    for floor, nats, bits in floors(digits):
        print(f"| {floor:g} | {nats:.1f} | {bits:.3f} |")
    print("\n| model | log p(x), nats | bits/dim | Frechet | coverage | copies |\n|---|---|---|---|---|---|")
    for row in suspects(data):
        print(row)


# ---- I7: constant pixels


def constant(digits: Dataset) -> Tensor:
    """Returns a mask of the pixels that are the same in every training image, shape (d,)."""
    x = digits.train.x.flatten(1)
    return (x == x[0]).all(0)


def diagonal(rows: Tensor, floor: float) -> Gaussian:
    """Returns the maximum-likelihood diagonal Gaussian of rows (N, d) with deviations of at least `floor`.

    Args:
        rows: shape (N, d).
        floor: smallest standard deviation.
    """
    scale = rows.std(0, correction=0).clamp_min(floor)
    return Gaussian(rows.mean(0, keepdim=True), scale.log().unsqueeze(0), 1)


def floors(digits: Dataset) -> list[tuple[float, float, float]]:
    """Returns floor, mean log-density of the test images as reals in nats, and bits/dim of the bound."""
    train, test = (split.x.flatten(1).double() for split in (digits.train, digits.test))
    step = Dequantize(17)
    dims = train.shape[1]
    found: list[tuple[float, float, float]] = []
    noisy_train, noisy_test = (
        step.forward(x, Rng(0, "digits", part, rows=range(len(x))))
        for part, x in (("train", train.float()), ("test", test.float()))
    )
    for floor in FLOORS:
        nats = float(diagonal(train / 16, floor).log_prob(test / 16).mean())
        bound = float(diagonal(noisy_train.double(), floor).log_prob(noisy_test.double()).mean())
        bits = -(bound / dims - math.log(17)) / math.log(2)
        found.append((floor, nats, bits))
    return found


# ---- I8 and I10: samples and likelihood


def good(data: Dataset) -> simulacra.PPCA:
    """Returns PPCA fitted to the dequantized digits."""
    return simulacra.fit(simulacra.PPCA(data.space, latent=20), data, progress=False).model


def noise(data: Dataset) -> Windows:
    """Returns one wide Gaussian with the mean and the spread of all pixels."""
    x = data.train.all().x
    return Windows(data.space, x.mean(0, keepdim=True), float(x.std()), data.preprocessing)


def contaminated(p: simulacra.Model, data: Dataset) -> Mixture:
    """Returns the mixture of 1 % p and 99 % noise."""
    return Mixture((p, noise(data)), (GOOD, 1 - GOOD))


def memorizer(data: Dataset, classes: int = 10) -> Windows:
    """Returns a model that draws training images of the first classes, each from the middle of its levels.

    Args:
        data: dequantized digits.
        classes: number of classes whose images are kept.
    """
    kept = data.train.labels < classes
    middles = (data.train.x[kept].float() + 0.5) / 17
    return Windows(data.space, middles, COPY, data.preprocessing)


def suspects(data: Dataset) -> Iterator[str]:
    """Yields the rows of the second table."""
    p = good(data)
    models = {
        "p: PPCA, 20 factors": p,
        "1 % p, 99 % noise": contaminated(p, data),
        "noise": noise(data),
        "training images again": memorizer(data),
        "those of 0 to 4 only": memorizer(data, classes=5),
    }
    for name, model in models.items():
        score, quality, copied = (
            likelihood(model, data),
            sample_scores(model, data),
            memorization(model, data),
        )
        ours, best = quality.model, quality.reference
        yield (
            f"| {name} | {score.mean:,.1f} | {score.bits_per_dim:,.2f} | {ours.frechet.value:.1f} "
            f"({best.frechet.value:.1f}) | {ours.coverage.coverage:.0%} ({best.coverage.coverage:.0%}) "
            f"| {'yes' if copied.copies else 'no'} |"
        )


if __name__ == "__main__":
    main()
