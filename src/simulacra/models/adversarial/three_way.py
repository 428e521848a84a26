"""A GAN whose discriminator has three classes: a row is real, generated, or blurred data.

    D: -log p(real | x) - log p(generated | G(z)) - log p(blurred | blur(x))     (1)
    G: -log p(real | G(z))                                                      (2)

Blurred data teach D about blur directly, so that it need not learn it from the generator's samples. The
generator's loss uses the class real only.

Reference: a lecture's discussion of blurry samples. Row F19.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.core.updates import Loss
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import OBJECTIVES, share_right
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.players import build_players

REAL, GENERATED, BLURRED = range(3)


class ThreeAnswers(nn.Module):
    """Logits of the classes real, generated and blurred, on top of a feature extractor.

    Args:
        body: feature extractor `(h, c) -> (B, width)`, with `width` as an attribute.
    """

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body, self.answers = body, nn.Linear(int(body.width), 3)  # type: ignore[arg-type]

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Computes the logits of h, shape (B, *), as labels, and the log-odds of real as the score."""
        f = self.body(h, c)
        logits = self.answers(f)
        return Verdict(logits[:, REAL] - logits[:, GENERATED:].logsumexp(1), f, logits)


class ThreeWayGAN(Game):
    """Generative adversarial network whose discriminator also recognizes blurred data.

    Args:
        space: space of images.
        latent: size of the noise z.
        hidden: sizes of the hidden layers (`mlp`).
        network: `mlp`, `dcgan` or `residual`; `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        blur: side of the averaging window in pixels, odd and at least 3.
        lr: learning rate of both players.

    Raises:
        ValueError: if the space holds no images, or `blur` is even or below 3.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> ThreeWayGAN(Binary((1, 6, 6)), latent=4, network="mlp").sample(3).shape
        torch.Size([3, 1, 6, 6])
    """

    def __init__(
        self,
        space: Space,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        blur: int = 3,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        if not space.image:
            raise ValueError(f"ThreeWayGAN blurs images, but the space is {space}: take a GAN.")
        playable(space, "ThreeWayGAN")
        if blur < 3 or blur % 2 == 0:
            raise ValueError(f"blur is {blur}, but the side of its window must be odd and at least 3.")
        normal: dict[str, Any] = {"normalization": "batch", "critic_normalization": "none"}
        options: dict[str, Any] = {"hidden": hidden, "channels": channels, **normal}
        G, body = build_players(network, latent, space.features_shape, **options)
        # with the log-odds of real as score, (2) is the non-saturating loss
        goal = OBJECTIVES["non-saturating"]
        super().__init__(space, None, G, ThreeAnswers(body), latent, goal, Stabilizers(), Play(lr=lr))
        self.blur = blur

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return three_way_loss, super().losses()[1]

    def smeared(self, h: Tensor) -> Tensor:
        """Returns blurred images: means over windows of side `blur`, shape (B, C, H, W)."""
        return F.avg_pool2d(h, self.blur, stride=1, padding=self.blur // 2, count_include_pad=False)


def three_way_loss(model: ThreeWayGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes D's loss (1) per example, in nats."""
    with torch.no_grad():
        real = model.seen(batch.x)
        fake, smeared = model.generate(model.prior(rng)), model.smeared(real)
    verdicts = [model.judge(h) for h in (real, fake, smeared)]
    loss = {}
    for name, answer, verdict in zip(("real", "fake", "blurred"), (REAL, GENERATED, BLURRED), verdicts):
        target = torch.full((len(batch),), answer, device=real.device)
        assert verdict.labels is not None
        # (1)
        loss[name] = F.cross_entropy(verdict.labels, target, reduction="none")
    right = share_right(model.objective, verdicts[0].score, verdicts[1].score)
    return Terms(loss, {"accuracy": right})
