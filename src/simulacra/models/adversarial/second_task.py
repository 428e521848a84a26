"""Games whose discriminator has a second task: to say how its input was altered.

    D: the game on altered rows + weight miss(a^(v~), a),   v~ = alter(v; a),  a random               (1)
    G: its part of the game on altered samples                                                       (2)

Reference: a lecture's discussion of auxiliary tasks. Rows F20, F21.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Loss
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import share_right
from simulacra.models.adversarial.game.two_player import Game


class ScoreAndAnswer(nn.Module):
    """A score and the answer a^ to the second task, on top of a feature extractor.

    Args:
        body: feature extractor `(h, c) -> (B, width)`, with `width` as an attribute.
        size: numbers of an answer.
    """

    def __init__(self, body: nn.Module, size: int):
        super().__init__()
        self.body, self.heads = body, nn.Linear(int(body.width), 1 + size)  # type: ignore[arg-type]

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Computes the score of h, shape (B, *), with a^ as labels, shape (B, size)."""
        f = self.body(h, c)
        score, answer = self.heads(f).split([1, self.heads.out_features - 1], 1)
        return Verdict(score.squeeze(1), f, answer)


class SecondTask(Game):
    """Abstract base with equations (1) and (2); subclasses alter rows and judge the answers.

    Constructors of its subclasses set `weight`.
    """

    task: ClassVar[str]  # name of the second task in the terms of the loss
    weight: float

    @abstractmethod
    def altered(self, h: Tensor, rng: Rng, name: str) -> tuple[Tensor, Tensor]:
        """Alters rows at random.

        Args:
            h: rows of data or samples as D sees them, shape (B, *).
            rng: source of random numbers.
            name: `real` or `fake`, part of the names of the draws.

        Returns:
            v~, shape (B, *), and the truth a of each row, shape (B,).
        """

    @abstractmethod
    def miss(self, answer: Tensor, truth: Tensor) -> Tensor:
        """Returns the loss of answers, shape (B,).

        Args:
            answer: a^, shape (B, size).
            truth: a, shape (B,).
        """

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return two_tasks_loss, altered_generator_loss

    def answer(self, h: Tensor) -> Tensor:
        """Returns D's answers a^ on rows as D sees them, shape (B, size)."""
        answer = self.judge(h).labels
        assert answer is not None
        return answer


def two_tasks_loss(model: SecondTask, batch: Batch, rng: Rng) -> Terms:
    """Computes D's loss (1), per example."""
    with torch.no_grad():
        seen = {"real": model.seen(batch.x), "fake": model.generate(model.prior(rng))}
    loss, scores = {}, {}
    for name, goal in (("real", model.objective.real), ("fake", model.objective.fake)):
        altered, truth = model.altered(seen[name], rng, name)
        verdict = model.judge(altered)
        assert verdict.labels is not None
        scores[name] = verdict.score
        loss[name] = goal(verdict.score)
        # (1)
        loss[f"{name} {model.task}"] = model.weight * model.miss(verdict.labels, truth)
    return Terms(loss, {"accuracy": share_right(model.objective, scores["real"], scores["fake"])})


def altered_generator_loss(model: SecondTask, batch: Batch, rng: Rng) -> Terms:
    """Computes the generator's loss (2), per example."""
    altered, _ = model.altered(model.generate(model.prior(rng)), rng, "fake")
    return Terms({"loss": model.objective.generator(model.judge(altered).score)})
