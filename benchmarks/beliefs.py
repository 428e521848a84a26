"""Compares a step of reweighted wake-sleep with a plain loop over the same products."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.setup import PIXELS, digits
from benchmarks.timing import Row, interleaved, matrix_rate, median, ratio
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.beliefs import BeliefNet

BATCH, K, HIDDEN = 100, 5, 200


class Plain:
    """The net 784-200-200 as one would write it: six linear layers, one function for each phase."""

    def __init__(self) -> None:
        sizes = [(PIXELS, HIDDEN), (HIDDEN, HIDDEN)]
        self.q = [torch.nn.Linear(a, b) for a, b in sizes]
        self.p = [torch.nn.Linear(b, a) for a, b in sizes]
        self.prior = torch.nn.Parameter(torch.zeros(HIDDEN))
        p = [t for layer in self.p for t in layer.parameters()]
        q = [t for layer in self.q for t in layer.parameters()]
        self.p_step = torch.optim.Adam([*p, self.prior], lr=1e-3, fused=True)
        self.q_step = torch.optim.Adam(q, lr=1e-3, fused=True)

    def recognize(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns draws of both layers and log q, for k draws of each row.

        Args:
            x: rows, shape (B, 784).
        """
        a = self.q[0](x).unsqueeze(1).expand(-1, K, -1)
        h1 = torch.bernoulli(a.detach().sigmoid())
        b = self.q[1](h1)
        h2 = torch.bernoulli(b.detach().sigmoid())
        return h1, h2, log_prob(a, h1) + log_prob(b, h2)

    def log_joint(self, x: Tensor, h1: Tensor, h2: Tensor) -> Tensor:
        """Returns log p(x, h1, h2), shape (B, k).

        Args:
            x: rows, shape (B, 784).
            h1: lower layer, shape (B, k, 200).
            h2: upper layer, shape (B, k, 200).
        """
        seen = log_prob(self.p[0](h1), x.unsqueeze(1).expand(-1, h1.shape[1], -1))
        return seen + log_prob(self.p[1](h2), h1) + log_prob(self.prior.expand_as(h2), h2)

    def wake(self, x: Tensor) -> None:
        """Moves p."""
        with torch.no_grad():
            h1, h2, log_q = self.recognize(x)
        log_p = self.log_joint(x, h1, h2)
        w = (log_p.detach() - log_q).softmax(1)
        moved(self.p_step, -(w * log_p).sum(1).mean())

    def phi(self, x: Tensor) -> None:
        """Moves q."""
        h1, h2, log_q = self.recognize(x)
        with torch.no_grad():
            w = (self.log_joint(x, h1, h2) - log_q).softmax(1)
            s2 = torch.bernoulli(self.prior.sigmoid().expand(len(x), -1))
            s1 = torch.bernoulli(self.p[1](s2).sigmoid())
            s0 = torch.bernoulli(self.p[0](s1).sigmoid())
        asleep = log_prob(self.q[0](s0), s1) + log_prob(self.q[1](s1), s2)
        moved(self.q_step, -0.5 * ((w * log_q).sum(1).mean() + asleep.mean()))


def log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """Returns log p(x) of independent bits.

    Args:
        logits: shape (*, n).
        x: shape (*, n).
    """
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def moved(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Makes a step of an optimizer.

    Args:
        optimizer: the optimizer.
        loss: the loss.
    """
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Ours:
    """The same net, with the losses of the library's own updates."""

    def __init__(self) -> None:
        self.model = BeliefNet(Binary((PIXELS,)), hidden=(HIDDEN, HIDDEN), estimator="rws", k=K)
        self.moves = [
            (u, torch.optim.Adam(self._of(u.params), lr=1e-3, fused=True)) for u in self.model.updates()
        ]
        self.steps = 0

    def _of(self, prefixes: tuple[str, ...]) -> list[Tensor]:
        return [p for name, p in self.model.named_parameters() if name.startswith(prefixes)]

    def step(self, x: Tensor) -> None:
        """Makes a step of both updates; the parameters of the other one are frozen, as in `fit`.

        Args:
            x: rows, shape (B, 784).
        """
        self.steps += 1
        batch = Batch.of(x)
        for update, optimizer in self.moves:
            for name, p in self.model.named_parameters():
                p.requires_grad_(name.startswith(update.params))
            terms = update.loss(self.model, batch, Rng(0, self.steps, update.name, rows=batch.rows))
            moved(optimizer, sum(t.mean() for t in terms.loss.values()))


def floor() -> float:
    """Returns the GFLOP of the products of a step, each counted once."""
    visible, hidden = PIXELS * HIDDEN, HIDDEN * HIDDEN
    # products with k draws: p(x|h1) forward twice and its gradient once; six of hidden layers
    draws = BATCH * K * (3 * visible + 6 * hidden)
    # products with one row: q(h1|x) of the data thrice, the dream forward and its gradient
    rows = BATCH * (3 * visible + 3 * visible + 3 * hidden)
    return 2 * (draws + rows) / 1e9


def belief_step(quick: bool) -> list[Row]:
    """Measures a step of reweighted wake-sleep with k = 5: at most 1.1 times the plain loop."""
    plain, ours, steps = Plain(), Ours(), 5 if quick else 20
    rows, name = digits(BATCH)
    x = rows.float()

    def loop() -> None:
        for _ in range(steps):
            plain.wake(x)
            plain.phi(x)

    def library() -> None:
        for _ in range(steps):
            ours.step(x)

    seconds = interleaved({"ours": library, "plain": loop}, 5 if quick else 15, time.process_time)
    low, mid, high = ratio(seconds, "ours", "plain")
    own, least = median(seconds["ours"]) / steps * 1e3, floor() / matrix_rate() * 1e3
    return [
        Row(
            f"step of reweighted wake-sleep, 784-200-200, k={K}: ours / plain loop",
            f"{mid:.2f} ({low:.2f} to {high:.2f})",
            "<= 1.1",
            mid <= 1.1,
            f"batch {BATCH}, {name}, both updates with Adam, CPU time, ours {own:.1f} ms; ours / floor "
            f"{own / least:.2f}: products of {floor():.2f} GFLOP, {least:.1f} ms",
        )
    ]
