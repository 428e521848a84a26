"""The semi-supervised GAN: a classifier for few labels, with the class "generated" besides the K classes.

    p(y | x) = exp l_y(x) / (Z(x) + 1),  Z = sum_y exp l_y;      p(generated | x) = 1 / (Z(x) + 1)      (1)
    D(x) = Z / (Z + 1) = sigmoid(log Z),  so that log Z is the score of a game                          (2)

The discriminator minimizes cross entropy on a stream of labelled rows, and (2) on all rows and samples. The
generator matches mean features, which gives worse samples and better classification.

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
from simulacra.core.random.keyed import Rng, ambient
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.core.updates import Loss, Source, Stage, Stream, Update, weight_rows
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.labelled_stream import balanced_rows
from simulacra.models.adversarial.game.losses import discriminator_loss
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, classes_of
from simulacra.nets.adversarial.mlp_players import MLPGenerator
from simulacra.nets.adversarial.noisy import NoisyCritic


class ClassScore(nn.Module):
    """Class logits, and their logsumexp as the score (2), on top of a feature extractor.

    Args:
        body: feature extractor `(h, c) -> (B, width)`, with `width` as an attribute.
        classes: number of classes K.
    """

    def __init__(self, body: nn.Module, classes: int):
        super().__init__()
        self.body, self.classes = body, nn.Linear(int(body.width), classes)  # type: ignore[arg-type]

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Computes the score of h, shape (B, *), with the logits l of (1) as labels; c is ignored."""
        f = self.body(h)
        logits = self.classes(f)
        return Verdict(logits.logsumexp(1), f, logits)


class SemiSupervisedGAN(Game, Classifies):
    """Semi-supervised GAN with K + 1 classes and fully connected networks.

    Args:
        space: space of one observation.
        condition: space of the labels, `Categorical`.
        labels: number of training rows whose label is used, the same number of each class.
        latent: size of the noise z, uniform in [-1, 1].
        hidden: sizes of the discriminator's hidden layers.
        generator_hidden: sizes of the generator's hidden layers, which have batch normalization.
        layer_noise: standard deviation of the noise on each hidden layer of the discriminator.
        input_noise: standard deviation of the noise on the discriminator's input.
        labelled_batch: number of labelled rows in a step.
        unlabelled_weight: weight of the game in the discriminator's loss, relative to the cross entropy.
        lr: learning rate of both players.

    Raises:
        ValueError: if the condition is not categorical, or there are fewer labels than classes.

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
        # the discriminator predicts the label; samples are not conditioned on it
        self.remove(TakesCondition)
        self.labels, self.labelled_batch = labels, labelled_batch
        self.unlabelled_weight = unlabelled_weight

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns None: the networks do not receive the label."""
        return None

    def label_logits(self, x: Tensor) -> Tensor:
        """Returns the logits l of equation (1), whose softmax is p(y | x, not generated), (B, classes)."""
        logits = self.judge(self.seen(x)).labels
        assert logits is not None
        return logits

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return labelled_loss, super().losses()[1]

    def updates(self) -> list[Update]:
        """Returns the updates of D, with a weight per labelled row, and of G."""
        of_D, of_G = super().updates()
        return [replace(of_D, weights={"labelled": weight_rows("labelled")}), of_G]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, with a second stream of labelled rows.

        Args:
            i: index of the stage, from 0.
            past: records of the earlier stages.
        """
        stage = super().stage(i, past)
        if stage is not None:
            stage.streams = self._streams
        return stage

    def _streams(self, source: Source) -> Mapping[str, Stream]:
        rows = balanced_rows(source, self.labels)
        return {"labelled": Stream(rows, min(self.labelled_batch, len(rows)))}


def labelled_loss(model: SemiSupervisedGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes D's loss: the game by (2), and -log p(y | x, not generated) of labelled rows, in nats."""
    terms = discriminator_loss(model, batch, rng)
    terms.loss = {name: model.unlabelled_weight * term for name, term in terms.loss.items()}
    few = batch.extra["labelled"]
    assert few.c is not None
    # noise by the places of the labelled rows, which processes divide otherwise than the batch
    with ambient(rng.at("labelled").on(few)):
        logits = model.label_logits(few.x)
    terms.loss["labelled"] = F.cross_entropy(logits, few.c.long(), reduction="none")
    return terms
