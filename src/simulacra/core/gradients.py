"""Gradients of expectations over discrete draws: surrogates, baselines and weights.

    d/dphi E_q f(h) = E_q (f(h) - b) d/dphi log q(h)     for every b that does not depend on h       (1)
    b_j = (1 / (k - 1)) sum_(i != j) f(h_i)                                                          (2)
    d h / d p := 1,   h ~ Bernoulli(p)                                                               (3)
    w_j = exp(l_j) / sum_i exp(l_i)                                                                  (4)
    s = (l - C(x) - m) / max(1, sqrt v)                                                              (5)

(1) is the score function estimator (REINFORCE). It is unbiased; a baseline b lowers its variance. (2) is a
baseline of draw j from the other draws of its row. (3) is the straight-through estimator, which is biased.
(4) are self-normalized importance weights. (5) is the learning signal of NVIL: the network C is trained on
the square of l - C(x) - m; m and v are the running mean and variance of l - C(x).

Reference: Williams 1992 (1); Kool, van Hoof and Welling 2019 (2); Bengio, Leonard and Courville 2013 (3);
Bornschein and Bengio 2015 (4); Mnih and Gregor 2014 (5). Rows B5, B8, B9, B10.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def score_function(value: Tensor, log_q: Tensor, baseline: Tensor | float | None = None) -> Tensor:
    """Returns a surrogate (f - b) log q, whose gradient is that of equation (1); its value means nothing.

    `value` and `baseline` are constants of the gradient: if f itself depends on the parameters, add its own
    gradient. Use `with_value` to log a bound in place of the surrogate.

    Args:
        value: f(h) of each draw, shape (B, *).
        log_q: log q(h) of the same draws, in nats, shape (B, *).
        baseline: b, broadcast to `value`; None: 0.

    Returns:
        The surrogate, shape (B, *).

    Example:
        >>> log_q = torch.zeros(2, requires_grad=True)
        >>> score_function(torch.tensor([3.0, 5.0]), log_q, baseline=4.0).sum().backward()
        >>> log_q.grad.tolist()
        [-1.0, 1.0]
    """
    # (1)
    signal = value if baseline is None else value - baseline
    return signal.detach() * log_q


def leave_one_out(values: Tensor) -> Tensor:
    """Returns the baseline (2) of each draw: the mean of the other draws of its row, shape (B, k).

    Args:
        values: f(h_j) of k draws of each row, shape (B, k).

    Raises:
        ValueError: if there is only one draw.

    Example:
        >>> leave_one_out(torch.tensor([[1.0, 2.0, 6.0]])).tolist()
        [[4.0, 3.5, 1.5]]
    """
    k = values.shape[1]
    if k < 2:
        raise ValueError(f"k is {k}, but a leave-one-out baseline needs two draws or more of each row.")
    # (2)
    return (values.sum(1, keepdim=True) - values) / (k - 1)


def straight_through(p: Tensor, h: Tensor) -> Tensor:
    """Returns h with the gradient of p, equation (3).

    Args:
        p: probabilities of a one, shape (B, *).
        h: draws from Bernoulli(p), shape (B, *).

    Example:
        >>> p = torch.tensor([0.3], requires_grad=True)
        >>> h = straight_through(p, torch.tensor([1.0]))
        >>> (2 * h).backward()
        >>> h.item(), p.grad.item()
        (1.0, 2.0)
    """
    # (3)
    return h.detach() + (p - p.detach())


def normalized(log_w: Tensor) -> Tensor:
    """Returns self-normalized importance weights (4), constants of the gradient, shape (B, k).

    Args:
        log_w: log p(x, h_j) - log q(h_j|x) of k draws of each row, in nats, shape (B, k).

    Example:
        >>> normalized(torch.zeros(1, 4)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """
    # (4)
    return log_w.detach().softmax(1)


def with_value(surrogate: Tensor, value: Tensor) -> Tensor:
    """Returns `value` with the gradient of `surrogate`, so that a loss logs a bound.

    Args:
        surrogate: differentiable, shape (B, *).
        value: shape of `surrogate`.

    Example:
        >>> a = torch.tensor(2.0, requires_grad=True)
        >>> loss = with_value(a * a, torch.tensor(-7.0))
        >>> loss.backward()
        >>> loss.item(), a.grad.item()
        (-7.0, 4.0)
    """
    return value.detach() + (surrogate - surrogate.detach())


class Baseline(nn.Module):
    """A learned baseline: the network C and the running mean m and variance v of equation (5).

    m and v change in `follow`, which an update calls in `after` with two means that its loss logged.

    Args:
        net: network C from (B, n) to (B, 1); None: C is 0, so that the baseline is the running mean.
        decay: weight of the past in the running mean and variance.
        scaled: if True, the signal is divided by max(1, sqrt v).

    Example:
        >>> baseline = Baseline(nn.Linear(3, 1))
        >>> baseline(torch.zeros(5, 3)).shape, baseline.signal(torch.full((5, 2), 4.0), 1.0).tolist()[0]
        (torch.Size([5, 1]), [3.0, 3.0])
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, net: nn.Module | None = None, decay: float = 0.8, scaled: bool = True):
        super().__init__()
        self.net, self.decay, self.scaled = net, decay, scaled
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("variance", torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Returns C(x) + m, differentiable in C, shape (B, 1).

        Args:
            x: features that do not depend on the draws, shape (B, n).
        """
        return self.mean + (x.new_zeros(len(x), 1) if self.net is None else self.net(x))

    def signal(self, value: Tensor, baseline: Tensor | float) -> Tensor:
        """Returns the signal (5), a constant of the gradient, shape of `value`.

        Args:
            value: l of each draw, in nats, shape (B, k).
            baseline: C(x) + m, broadcast to `value`.
        """
        # (5)
        centred = (value - baseline).detach()
        return centred / self.variance.sqrt().clamp_min(1.0) if self.scaled else centred

    def moments(self, value: Tensor, baseline: Tensor) -> dict[str, Tensor]:
        """Returns the means over draws of l - C(x) and of its square, which `follow` needs, each (B,).

        Args:
            value: l of each draw, in nats, shape (B, k).
            baseline: C(x) + m, shape (B, 1).
        """
        rest = (value - baseline).detach() + self.mean
        return {"signal": rest.mean(1), "signal_squared": rest.square().mean(1)}

    @torch.no_grad()
    def follow(self, terms: Mapping[str, Tensor]) -> None:
        """Moves the running mean and variance towards those of the last batch.

        Args:
            terms: means over the global batch of the `moments`.
        """
        m = terms["signal"].to(self.mean)
        v = (terms["signal_squared"].to(m) - m.square()).clamp_min(0.0)
        self.mean.lerp_(m, 1 - self.decay)
        self.variance.lerp_(v, 1 - self.decay)
