"""The discriminator: a feature extractor with a score, and optionally a condition or class logits.

    s(x) = w'f(x) + b                                                            (1)
    s(x, c) = w'f(x) + b + (V c)'f(x)            projection                       (2)
    p(c | x) = softmax(U f(x))                   auxiliary classifier             (3)

`concatenation` feeds c to the feature extractor as it is, `embedding` through a learned linear map.

Reference: Mirza and Osindero 2014; Odena, Olah and Shlens 2016; Kwak and Zhang 2016; Miyato and Koyama 2018.
Rows F12, G1, G2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from simulacra.nets.adversarial.minibatch import MinibatchDiscrimination

Conditioning = Literal["concatenation", "embedding", "auxiliary", "projection"]
CONDITIONINGS = ("concatenation", "embedding", "auxiliary", "projection")
EMBEDDED = 32  # size of an embedded condition


@dataclass
class Verdict:
    """The outputs of a discriminator for a batch.

    Args:
        score: s(x), shape (B,), or of each patch, shape (B, *); a higher score means more likely real.
        features: f(x), the input of the last linear layer, shape (B, width), or its maps (B, width, *).
        labels: class logits, shape (B, classes), or None if the discriminator does not classify.
    """

    score: Tensor
    features: Tensor
    labels: Tensor | None = None


class Discriminator(nn.Module):
    """Score, projection and auxiliary classifier, equations (1) to (3), on top of a feature extractor.

    Args:
        body: the feature extractor `(h, c) -> (B, width)`, with `width` as an attribute.
        conditioning: one of `concatenation`, `embedding`, `auxiliary` and `projection`; None without a
            condition.
        condition: number of entries of the flattened condition.
        kernels: number of kernels of minibatch discrimination; 0 disables it.
        bias: if True, the score has the bias b of (1). It cancels in losses of score differences, such as
            the Wasserstein loss.
    """

    def __init__(
        self,
        body: nn.Module,
        conditioning: str | None = None,
        condition: int = 0,
        kernels: int = 0,
        bias: bool = True,
    ):
        super().__init__()
        self.body, self.conditioning = body, conditioning
        width = int(body.width)  # type: ignore[arg-type]
        self.minibatch = MinibatchDiscrimination(width, kernels) if kernels else None
        self.score = nn.Linear(self.minibatch.out_width if self.minibatch else width, 1, bias=bias)
        self.V = nn.Linear(condition, width, bias=False) if conditioning == "projection" else None
        self.U = nn.Linear(width, condition) if conditioning == "auxiliary" else None

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Computes score, features and class logits of a batch.

        Args:
            h: features of the observations, shape (B, *features_shape).
            c: features of the condition, shape (B, condition), or None.
        """
        inside = c if self.conditioning in ("concatenation", "embedding") else None
        f = self.body(h, inside)
        # (1)
        score = self.score(f if self.minibatch is None else self.minibatch(f)).squeeze(1)
        if self.V is not None and c is not None:
            # (2)
            score = score + (self.V(c.flatten(1)) * f).sum(1)
        # (3)
        return Verdict(score, f, None if self.U is None else self.U(f))


class Embedded(nn.Module):
    """Wraps a network so that it receives a learned linear embedding of the condition.

    Args:
        net: a network `(h, c)`, built for conditions of `EMBEDDED` entries.
        condition: number of entries of the flattened condition.
    """

    def __init__(self, net: nn.Module, condition: int):
        super().__init__()
        self.net, self.embedding = net, nn.Linear(condition, EMBEDDED, bias=False)
        self.width = getattr(net, "width", None)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns `net(h, embedding(c))`.

        Args:
            h: input of the network, shape (B, *).
            c: features of the condition, shape (B, condition), or None.
        """
        return self.net(h, None if c is None else self.embedding(c.flatten(1)))
