"""The Parzen table of MNIST, and why it is a broken measure: centres of k-means beat real images.

command     SIMULACRA_DATA=DATA python recipes/parzen_mnist.py [--rows gmmn gan ...] [--minutes M] [--run
            RUN ...] (DATA holds mnist/*.gz); without options everything, by its full schedule
protocol    grey values in [0, 1]; windows around 10,000 training images, around 10,000 of them each
            averaged with its 4 nearest neighbors among the other training images, around the 2,000 centres
            of six iterations of k-means, and around 10,000 samples of each model; sigma, on a grid with
            steps of 0.01, is the one that 2,000 validation images like best; mean over the 10,000 test
            images in nats with its standard error. Beside it stands the model's own likelihood of 1,000
            test images, on its own space: it is no number to subtract from the first. DBN, GSN and CAE are
            those of the lectures but not the published networks
published   Theis, van den Oord and Bethge 2016, table 1: training images 243, k-means 313. Goodfellow et
            al. 2014, table 1: DBN 138 +- 2, stacked CAE 121 +- 1.6, deep GSN 214 +- 1.1, GAN 225 +- 2. Li,
            Swersky and Zemel 2015, table 1: GMMN 147 +- 2, on codes 282 +- 2. Sohl-Dickstein et al. 2015:
            diffusion 220 +- 1.9
ours        below; the centres beat the data by 64 nats, and copies of training images that are blurred by
            their neighbors by 88. The GMMN had 4.4 CPU minutes, 0.16 of its schedule, the one on codes 2.3,
            0.07 of its schedule
device      2 shared CPU cores, one thread

| windows around | N | sigma | nats | log p(x) |
|---|---|---|---|---|
| training images | 10,000 | 0.17 | 242.6 +- 2.1 | - |
| centres of k-means | 2,000 | 0.16 | 306.8 +- 1.9 | - |
| training images, averaged with 4 neighbors | 10,000 | 0.15 | 330.5 +- 2.2 | - |
| samples of gmmn | 10,000 | 0.28 | -115.9 +- 1.5 | - |
| samples of gmmn-autoencoder | 10,000 | 0.21 | 107.3 +- 1.4 | - |
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch import Tensor

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.scores.estimate import Estimate
from simulacra.data.dataset import Dataset
from simulacra.evaluation import parzen
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.models.catalog import CATALOG
from simulacra.training.hardware.budget import Budget

SAMPLES, CENTRES, ITERATIONS, NEIGHBORS, VALIDATION, OWN = 10_000, 2_000, 6, 4, 2_000, 1_000
SIGMAS = tuple(float(sigma) for sigma in np.arange(0.09, 0.305, 0.01).round(2))
THEIS, GOODFELLOW, LI = (
    "Theis et al. 2016, table 1",
    "Goodfellow et al. 2014, table 1",
    "Li et al. 2015, table 1",
)
REAL = Figure("Parzen windows around 10,000 training images", 243.0, THEIS, "nats", "MNIST", 2.0, 4.0)
KMEANS = Figure("Parzen windows around centres of k-means", 313.0, THEIS, "nats", "MNIST", 2.0, 8.0, "higher")
BLURRED = Figure("Parzen windows around memorized images", None, "", "nats", "MNIST", 0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """A row of the table for a model of the catalogue.

    Args:
        published: Parzen windows around its samples, in nats; None: none is published.
        tolerance: the published spread and that of ours.
        source: paper.
        epochs: passes of the whole schedule.
        share: share of the time.
        build: returns the model for a data set.
        loading: options of `load_data`.
        training: options of training.
    """

    published: float | None
    tolerance: float
    source: str
    epochs: float
    share: float
    build: Callable[[Dataset], Model]
    loading: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    def figure(self, name: str) -> Figure:
        """Returns the figure of this row.

        Args:
            name: name of the model in the catalogue.
        """
        wide = 0.0 if self.published is None else 30.0
        what = f"Parzen windows around samples of {name}"
        return Figure(what, self.published, self.source, "nats", "MNIST", self.tolerance, wide, "higher")


def of_catalog(name: str, **arguments: Any) -> Callable[[Dataset], Model]:
    """Returns a function that builds a model of the catalogue for a data set.

    Args:
        name: name of the model.
        arguments: of its constructor.
    """
    return lambda data: CATALOG[name].load()(data.space, **arguments)


WIDE: dict[str, Any] = {"hidden": (512, 512), "net": "mlp"}
BITS, COSINE = {"binarize": "dynamic"}, {"schedule": "cosine"}
ROWS: dict[str, Row] = {
    "dbn": Row(138, 4, GOODFELLOW, 50, 0.1, of_catalog("dbn", hidden=(500, 500), burn_in=100, lr=0.05), BITS),
    "contractive-autoencoder": Row(
        121, 3.2, GOODFELLOW, 20, 0.05, of_catalog("contractive-autoencoder"), training=COSINE
    ),
    "gsn": Row(214, 2.2, GOODFELLOW, 50, 0.12, of_catalog("gsn", latent=500, **WIDE), training=COSINE),
    "gmmn": Row(147, 4, LI, 200, 0.15, lambda data: simulacra.GMMN(data.space), training=COSINE),
    "gmmn-autoencoder": Row(
        282, 4, LI, 200, 0.15, lambda data: simulacra.GMMNAutoencoder(data.space), training=COSINE
    ),
    "gan": Row(225, 4, GOODFELLOW, 100, 0.12, of_catalog("gan", latent=100, hidden=(512, 512))),
    "diffusion": Row(
        220,
        3.8,
        "Sohl-Dickstein et al. 2015, table 2",
        100,
        0.12,
        of_catalog("diffusion", T=50, **WIDE),
        training=COSINE,
    ),
    "vae": Row(None, 0, "", 50, 0.1, of_catalog("vae", latent=32, **WIDE), training=COSINE),
    "memorizer": Row(
        None, 0, "", 100, 0.05, of_catalog("memorizer", rows=50_000, latent=32, **WIDE), training=COSINE
    ),
}
FIGURES: tuple[Figure, ...] = (REAL, KMEANS, BLURRED, *(row.figure(name) for name, row in ROWS.items()))


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Args:
        name: what the windows are around.
        found: the mean over the test images.
        own: likelihood of the model itself, with the space that it refers to; "-" if there is none.
        share: part of the schedule that was run.
    """

    name: str
    found: Estimate
    own: str = "-"
    share: float = 1.0

    def __str__(self) -> str:
        n, sigma = self.found.details["samples"], self.found.details["sigma"]
        nats = f"{self.found.mean:.1f} +- {self.found.error:.1f}"
        return f"| {self.name} | {n:,} | {sigma:g} | {nats} | {self.own} |"

    @property
    def note(self) -> str:
        """Sigma, and the model's own likelihood."""
        return f"sigma {self.found.details['sigma']:g}" + (
            f"; log p(x) {self.own}" if self.own != "-" else ""
        )


# ---- windows


def pixels(x: Tensor, data: Dataset) -> Tensor:
    """Returns grey values in [0, 1], shape (N, d).

    Args:
        x: raw rows, shape (N, *).
        data: their data set.
    """
    return data.space.features(x, torch.float32).flatten(1)


def scored(samples: Tensor, data: Dataset) -> Estimate:
    """Scores the test images with Parzen windows around samples; sigma is chosen on validation images.

    Args:
        samples: centres of the windows, shape (N, d).
        data: data set of grey values.
    """
    assert data.valid is not None
    return parzen(samples, pixels(data.valid.x[:VALIDATION], data), pixels(data.test.x, data), SIGMAS)


def centres(x: Tensor, k: int = CENTRES) -> Tensor:
    """Returns the means of k-means, which look like blurred digits, shape (k, d).

    Args:
        x: grey values, shape (N, d).
        k: number of means.
    """
    found = KMeans(k, init="random", n_init=1, max_iter=ITERATIONS, tol=0, random_state=0).fit(x.numpy())
    return torch.from_numpy(found.cluster_centers_)


def blurred(x: Tensor, n: int = SAMPLES) -> Tensor:
    """Returns the first n images, each averaged with its nearest neighbors: nothing new, and less noise.

    Args:
        x: grey values of the training images, shape (N, d).
        n: number of images.
    """
    squares = x.square().sum(1)
    means = []
    for part in x[:n].split(500):
        # the nearest of all is the image itself
        near = (squares - 2 * part @ x.T).topk(1 + NEIGHBORS, largest=False).indices
        means.append(x[near].mean(1))
    return torch.cat(means)


def references(data: Dataset, n: int = SAMPLES, k: int = CENTRES) -> Iterator[tuple[Figure, Line]]:
    """Yields the rows that no model is needed for: two memorizers and the data themselves.

    Args:
        data: data set of grey values.
        n: number of images.
        k: number of centres.
    """
    train = pixels(data.train.x, data)
    yield REAL, Line("training images", scored(train[:n], data))
    yield KMEANS, Line("centres of k-means", scored(centres(train, k), data))
    yield (
        BLURRED,
        Line(f"training images, averaged with {NEIGHBORS} neighbors", scored(blurred(train, n), data)),
    )


# ---- models


def missing(name: str) -> str:
    """Returns the reason why a row of the table is left out, or an empty text.

    Args:
        name: name of the model.
    """
    if name not in CATALOG:
        return f"{name} is left out: this version has no model of this name"
    kind = CATALOG[name].load()
    return "" if issubclass(kind, can.Samples) else f"{name} is left out: {kind.__name__} draws no samples"


def trained(
    name: str, row: Row, data: Dataset, budget: Budget, load: Callable[..., Dataset], n: int = SAMPLES
) -> Line:
    """Trains a model and returns its line of the table.

    Args:
        name: name of the model.
        row: its row.
        data: data set of grey values, which the samples are scored on.
        budget: time and folder.
        load: loads the model's own form of the data, with options.
        n: number of samples.
    """
    own = load(**row.loading) if row.loading else data
    run = budget.fit(name, row.build(own), own, row.epochs, row.share, **row.training)
    model = run.model
    # samples of bits are 0 or 1, as grey values are at their ends
    samples = own.space.features(model.sample(n, seed=0), torch.float32).flatten(1)
    return Line(f"samples of {name}", scored(samples, data), likelihood(model, own), run.epochs / row.epochs)


def likelihood(model: Model, data: Dataset) -> str:
    """Returns the likelihood of a model on its own space in words; "-" if it has none.

    Args:
        model: a trained model.
        data: its data set.
    """
    # annealing takes longer than the training
    if not (model.supports(can.HasDensity) or model.supports(can.HasBound)):
        return "-"
    found = model.log_prob(data.test.x[:OWN], seed=0)
    kind = {"exact": "exact", "lower": "bound"}.get(found.kind, found.kind)
    return f"{found.mean:.1f} +- {found.error:.1f} ({kind}, {type(data.space).__name__})"


def mnist(**options: Any) -> Dataset:
    """Loads 50,000 training, 10,000 validation and 10,000 test images."""
    return simulacra.load_data("mnist", validation=10_000, **options)


def lines(budget: Budget, names: list[str]) -> Iterator[tuple[Figure, Line | str]]:
    """Yields the lines of the table, or the reason why there is none, with their figures.

    Args:
        budget: time and folder.
        names: names of the models.
    """
    data = mnist()
    yield from references(data)
    for name in names:
        why = missing(name)
        yield ROWS[name].figure(name), why or trained(name, ROWS[name], data, budget, mnist)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures all figures; a model that this version lacks is left out, with a printed reason."""
    for figure, line in lines(budget, list(ROWS)):
        if isinstance(line, str):
            print(line, flush=True)
        else:
            yield figure.measured(line.found.mean, line.found.error, share=line.share, note=line.note)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--run", type=Path, nargs="*", default=[])
    asked = parser.parse_args()
    print("| windows around | N | sigma | nats | log p(x) |\n|---|---|---|---|---|", flush=True)
    for _, line in lines(Budget(asked.minutes), asked.rows):
        print(line, flush=True)
    data = mnist()
    for path in asked.run:
        samples = simulacra.load_run(path).model.sample(SAMPLES, seed=0)
        print(Line(f"samples of {path.name}", scored(pixels(samples, data), data)), flush=True)


if __name__ == "__main__":
    main()
