"""The discriminator: features of an observation, and what is said of them.

    s(x) = w'f(x) + b                                                            (1)
    s(x, c) = w'f(x) + b + (V c)'f(x)            projection                       (2)
    p(c | x) = softmax(U f(x))                   auxiliary classifier             (3)

`concatenation` and `embedding` give c to the network itself, as it is or through a linear map of its own.

Reference: Mirza and Osindero 2014; Odena, Olah and Shlens 2016; Kwak and Zhang 2016; Miyato and Koyama 2018.
Rows F12, G1, G2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from simulacra.nets.adversarial.minibatch import MinibatchDiscrimination

Conditioning = Literal["concatenation", "embedding", "auxiliary", "projection"]
HOW = ("concatenation", "embedding", "auxiliary", "projection")
EMBEDDED = 32  # entries of an embedded condition


@dataclass
class Verdict:
    """The outputs of a discriminator for rows.

    Args:
        score: s, shape (B,): high is real.
        features: f(x), shape (B, width).
        labels: logits of the classes, shape (B, classes), or None.
    """

    score: Tensor
    features: Tensor
    labels: Tensor | None = None


class Discriminator(nn.Module):
    """Equations (1) to (3) over a body that gives features.

    Args:
        body: `(h, c) -> (B, width)`, with its width as attribute.
        conditioning: how c is used, or None.
        condition: size of the flattened condition.
        kernels: of minibatch discrimination; 0: none.
        bias: b of (1), which a game of differences of scores does not see.
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
        """The verdict on features `h` of observations, with features `c` of the condition."""
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
    """A network that sees its condition through a linear map of its own.

    Args:
        net: `(h, c)`, built for conditions of `EMBEDDED` entries.
        condition: size of the flattened condition.
    """

    def __init__(self, net: nn.Module, condition: int):
        super().__init__()
        self.net, self.embedding = net, nn.Linear(condition, EMBEDDED, bias=False)
        self.width = getattr(net, "width", None)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """The net's output."""
        return self.net(h, None if c is None else self.embedding(c.flatten(1)))
