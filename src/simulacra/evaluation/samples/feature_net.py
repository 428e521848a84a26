"""Trains a small network on the training rows; its features are those in which samples are scored.

    classifier    h = relu(f(x)) / u,  minimizes -log softmax(W u h)_y     if rows have labels
    autoencoder   h = f(x) / u,        minimizes |x - g(u h)|^2            if they have none
    entries       h = x                                                    for rows of few entries

x is standardized, and the scale u makes the mean variance of the features 1 after training. A tenth of the
training rows is held out to measure the quality of the network. The same rows, seed and number of threads
give the same weights.

Reference: Heusel et al. 2017 use the last hidden layer of a classifier of photographs, which is unsuitable
for digits, tables or sounds.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.interface import CHUNK, evaluating
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng, key_of
from simulacra.core.spaces.plain import Real
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import points
from simulacra.nets.coders import build_decoder, build_encoder

log = logging.getLogger("simulacra")

RECIPE = 1  # version, increased when networks or their training change
WIDTH, CODE = 64, 32  # numbers of features of a classifier and of an autoencoder
FEW = 16  # rows with at most so many entries are their own features
CONV, HIDDEN = (16, 32, 64), (256,)
BATCH, EPOCHS, RATE = 128, 30, 2e-3
STEPS, PIXELS = 1200, 784  # most steps for rows of at most 784 pixels: half a minute on one core
FEWEST_STEPS = 200
KEPT_OUT, MOST_KEPT_OUT = 0.1, 5000  # share and largest number of held-out training rows
MOMENTS = 5000  # rows from which mean and variance are computed

Kind = Literal["classifier", "autoencoder", "entries"]
NAMES: dict[str, str] = {"classifier": "a classifier", "autoencoder": "an autoencoder"}


@dataclass(frozen=True)
class Plan:
    """Kind and size of a network.

    Args:
        kind: one of the three kinds above.
        shape: shape of a row in feature space.
        classes: number of labels, or 0.
        size: number of features.
    """

    kind: Kind
    shape: tuple[int, ...]
    classes: int
    size: int

    def spec(self) -> dict[str, Any]:
        """Returns a dictionary for JSON."""
        return asdict(self)


def plan_for(data: Dataset) -> Plan:
    """Returns the plan for a data set: a classifier if its training rows have at least two labels."""
    shape = tuple(points(data.preprocessing, data.train.rows(torch.arange(1)).x).shape[1:])
    labels, dims = data.train.labels, math.prod(shape)
    classes = 0 if labels is None else int(labels.max()) + 1
    if labels is not None and int(labels.min()) >= 0 and classes > 1:
        return Plan("classifier", shape, classes, WIDTH)
    if dims <= FEW:
        return Plan("entries", shape, 0, dims)
    return Plan("autoencoder", shape, 0, min(CODE, dims // 2))


class FeatureNet(nn.Module):
    """Network from rows (B, *shape) to features (B, size).

    Args:
        plan: kind and size of the network.
    """

    def __init__(self, plan: Plan):
        super().__init__()
        self.plan = plan
        per_entry = plan.shape if len(plan.shape) == 1 else (1,) * len(plan.shape)
        self.shift: Tensor
        self.scale: Tensor
        self.unit: Tensor
        self.register_buffer("shift", torch.zeros(per_entry))
        self.register_buffer("scale", torch.ones(per_entry))
        self.register_buffer("unit", torch.ones(()))
        self.encoder: nn.Module = nn.Flatten()
        self.head: nn.Module = nn.Identity()
        if plan.kind == "entries":
            return
        space = Real(plan.shape)
        net, hidden = ("conv", CONV) if space.image and min(plan.shape[1:]) >= 16 else ("mlp", HIDDEN)
        self.encoder = build_encoder(space, plan.size, net, hidden, None, "relu")
        if plan.kind == "classifier":
            self.encoder = nn.Sequential(self.encoder, nn.ReLU())
            self.head = nn.Linear(plan.size, plan.classes)
        else:
            # an MLP decoder: transposed convolutions would take most of the time
            self.head = build_decoder(space, plan.size, (1, *plan.shape), "mlp", HIDDEN, None, "relu")

    def standardized(self, x: Tensor) -> Tensor:
        """Returns x with mean 0 and variance 1, by entry for flat rows, over all entries for images."""
        return (x - self.shift) / self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features of rows x, shape (B, size)."""
        return self.encoder(self.standardized(x)) / self.unit

    def read(self, features: Tensor) -> Tensor:
        """Returns the logits of the labels (B, classes), or the decoded standardized rows (B, 1, *shape)."""
        return self.head(features * self.unit)

    def fit_scale(self, x: Tensor) -> None:
        """Sets mean and standard deviation from rows x; constant entries are not scaled."""
        flat = x if len(self.plan.shape) == 1 else x.reshape(-1, 1)
        std = flat.double().std(0)
        self.shift.copy_(flat.double().mean(0).view_as(self.shift))
        self.scale.copy_(torch.where(std > 0, std, torch.ones_like(std)).view_as(self.scale))

    def losses(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the cross-entropy in nats, or the squared error of the standardized row, shape (B,).

        Args:
            x: rows, shape (B, *shape).
            labels: class numbers, shape (B,); None for an autoencoder.
        """
        if labels is not None:
            return F.cross_entropy(self.read(self(x)), labels, reduction="none")
        return (self.read(self(x)).squeeze(1) - self.standardized(x)).square().flatten(1).sum(1)


def train(plan: Plan, data: Dataset, seed: int = 0, most: int = STEPS) -> tuple[FeatureNet, float | None]:
    """Trains a network on the training rows.

    Args:
        plan: kind and size of the network.
        data: data set.
        seed: seed of initial weights and batches.
        most: largest number of steps for rows of at most 28 x 28 pixels.

    Returns:
        the network, and its quality on held-out training rows: the accuracy of a classifier, or the share of
        variance that an autoencoder explains; None if nothing is trained.
    """
    # torch initializes weights from its global generator: seed it, and restore it afterwards
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(seed, "extractor"))
        net = FeatureNet(plan)
    order = Rng(seed, "extractor").permutation("kept out", len(data.train))
    size = max(1, min(MOST_KEPT_OUT, round(KEPT_OUT * len(order))))
    kept_out, rows = order[:size], order[size:]
    some = _rows(data, rows[:MOMENTS], plan)[0]
    net.fit_scale(some)
    if plan.kind == "entries":
        return net, None
    steps = _steps(plan, len(rows), most)
    log.info(
        "training %s on the training rows of %s to judge samples by: %d features, %s steps, at most a minute",
        *(NAMES[plan.kind], data.name, plan.size, f"{steps:,}"),
    )
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    net.train()
    for step, chosen in enumerate(each([*_batches(rows, steps, seed)], "classifier")):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        net.losses(*_rows(data, chosen, plan, seed=step)).mean().backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        net.unit.copy_(net(some).double().var(0).mean().sqrt())
    return net, _quality(net, data, kept_out)


def _steps(plan: Plan, rows: int, most: int) -> int:
    pixels = math.prod(plan.shape[-2:])
    most = round(most * min(1.0, PIXELS / pixels))
    return min(max(FEWEST_STEPS, most), max(1, EPOCHS * rows // BATCH))


def _batches(rows: Tensor, steps: int, seed: int) -> Iterator[Tensor]:
    """Yields the row indices of each step, with a new permutation for each epoch."""
    rng, done, epoch = Rng(seed, "extractor"), 0, 0
    while done < steps:
        shuffled = rows[rng.permutation(f"epoch {epoch}", len(rows))]
        for chosen in shuffled.split(BATCH)[: steps - done]:
            yield chosen
            done += 1
        epoch += 1


def _rows(data: Dataset, chosen: Tensor, plan: Plan, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    x = points(data.preprocessing, data.train.rows(chosen).x.cpu(), seed=seed)
    labels = data.train.labels
    return x, labels[chosen] if labels is not None and plan.kind == "classifier" else None


def _quality(net: FeatureNet, data: Dataset, kept_out: Tensor) -> float:
    """Returns the accuracy of the labels, or the share of variance that is explained."""
    right, rows, total = 0.0, [], 0
    with evaluating(net):
        for chosen in kept_out.split(CHUNK):
            x, labels = _rows(data, chosen, net.plan)
            if labels is not None:
                right += float((net.read(net(x)).argmax(1) == labels).sum())
            else:
                right -= float(net.losses(x, None).double().sum())
                rows.append(net.standardized(x).flatten(1))
            total += len(x)
    if not rows:
        return right / total
    return 1 + right / float((torch.cat(rows) - torch.cat(rows).mean(0)).double().square().sum())
