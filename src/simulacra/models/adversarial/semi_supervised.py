"""A GAN that classifies: with few labels, the discriminator's K classes and "generated" as one more.

    p(y | x) = exp l_y(x) / (Z(x) + 1),  Z = sum_y exp l_y;      p(generated | x) = 1 / (Z(x) + 1)      (1)
    D(x) = Z / (Z + 1) = sigmoid(log Z),  so that log Z is the score of a game                          (2)

The discriminator learns from a stream of labelled rows by cross entropy, from all rows and samples by (2);
the generator matches mean features, which gives worse samples and better classes.

Reference: Salimans et al. 2016, section 5; Odena 2016. Row G13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Classifies, TakesCondition
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Loss, Source, Stage, Stream, Update, weight_rows
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.labelled_stream import balanced_rows
from simulacra.models.adversarial.game.losses import discriminator_loss
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, classes_of, playable
from simulacra.nets.adversarial.mlp_players import MLPGenerator
from simulacra.nets.adversarial.noisy import NoisyCritic


class ClassScore(nn.Module):
    """Equation (2) over a body that gives features.

    Args:
        body: `(h, c) -> (B, width)`, with its width as attribute.
        classes: K.
    """

    def __init__(self, body: nn.Module, classes: int):
        super().__init__()
        self.body, self.classes = body, nn.Linear(int(body.width), classes)  # type: ignore[arg-type]

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """The verdict on h, whose labels are l of (1)."""
        f = self.body(h)
        logits = self.classes(f)
        return Verdict(logits.logsumexp(1), f, logits)


class SemiSupervisedGAN(Game, Classifies):
    """Semi-supervised GAN with K + 1 classes, permutation invariant.

    Args:
        space: what one observation is.
        condition: the labels, a space of classes.
        labels: number of training rows whose label is used, as many of each class.
        latent: size of the noise z, uniform in [-1, 1].
        hidden: layer sizes of the discriminator.
        generator_hidden: layer sizes of the generator, with batch normalization.
        layer_noise: standard deviation of the noise on each hidden layer of the discriminator.
        input_noise: of the noise on what it sees.
        labelled_batch: labelled rows of a step.
        unlabelled_weight: of the game in the discriminator's loss, beside the labels' cross entropy.
        lr: learning rate of both players.

    Raises:
        ValueError: if there are no classes, or fewer labels than these.

    Example:
        >>> import torch
        >>> from simulacra import Categorical, Real
        >>> model = SemiSupervisedGAN(Real((2,)), Categorical((), 3), hidden=(8, 8), generator_hidden=(8,))
        >>> model.classify(torch.zeros(4, 2)).shape
        torch.Size([4, 3])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        labels: int = 100,
        latent: int = 100,
        hidden: tuple[int, ...] = (1000, 500, 250, 250, 250),
        generator_hidden: tuple[int, ...] = (500, 500),
        layer_noise: float = 0.5,
        input_noise: float = 0.3,
        labelled_batch: int = 100,
        unlabelled_weight: float = 1.0,
        lr: float = 3e-3,
        *,
        seed: int = 0,
    ):
        playable(space, "a semi-supervised GAN")
        classes = classes_of(condition, "a semi-supervised GAN", ", of which it uses a few")
        if labels < classes:
            raise ValueError(f"labels is {labels}, but each of the {classes} classes needs one at least.")
        if labelled_batch < 1:
            raise ValueError(f"labelled_batch is {labelled_batch}, but it must be at least 1.")
        if unlabelled_weight <= 0:
            raise ValueError(f"unlabelled_weight is {unlabelled_weight}, but it must be positive.")
        shape = space.features_shape
        G = MLPGenerator(latent, generator_hidden, shape, normalization="batch", act="softplus")
        D = ClassScore(NoisyCritic(shape, hidden, input_noise, layer_noise), classes)
        play = Play(lr=lr, prior="uniform", output="sigmoid")
        goal, stabilizers = OBJECTIVES["non-saturating"], Stabilizers(feature_matching=True)
        super().__init__(space, condition, G, D, latent, goal, stabilizers, play)
        # the label is what is learned, not what samples are drawn for
        self.remove(TakesCondition)
        self.labels, self.labelled_batch = labels, labelled_batch
        self.unlabelled_weight = unlabelled_weight

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns no condition: the players see no label."""
        return None

    def label_logits(self, x: Tensor) -> Tensor:
        """l of equation (1), whose softmax is p(y | x, not generated), shape (B, classes)."""
        logits = self.judge(self.seen(x)).labels
        assert logits is not None
        return logits

    def losses(self) -> tuple[Loss, Loss]:
        """The losses of D and of G."""
        return labelled_loss, super().losses()[1]

    def updates(self) -> list[Update]:
        """The game's moves, D's with labelled rows."""
        of_D, of_G = super().updates()
        return [replace(of_D, weights={"labelled": weight_rows("labelled")}), of_G]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """One stage with a stream of labelled rows."""
        stage = super().stage(i, past)
        if stage is not None:
            stage.streams = self._streams
        return stage

    def _streams(self, source: Source) -> Mapping[str, Stream]:
        rows = balanced_rows(source, self.labels)
        return {"labelled": Stream(rows, min(self.labelled_batch, len(rows)))}


def labelled_loss(model: SemiSupervisedGAN, batch: Batch, rng: Rng) -> Terms:
    """The game by (2), and -log p(y | x, not generated) of the labelled rows."""
    terms = discriminator_loss(model, batch, rng)
    terms.loss = {name: model.unlabelled_weight * term for name, term in terms.loss.items()}
    few = batch.extra["labelled"]
    assert few.c is not None
    logits = model.label_logits(few.x)
    terms.loss["labelled"] = F.cross_entropy(logits, few.c.long(), reduction="none")
    return terms
