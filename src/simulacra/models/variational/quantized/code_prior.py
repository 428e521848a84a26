"""The prior of codes: a causal transformer over their numbers, in raster order of the map.

    p(k|c) = prod_t p(k_t | k_1, ..., k_(t-1), c)                                (1)

Reference: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017, section 3.3;
Vaswani et al. 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.ancestral import ancestral
from simulacra.core.capabilities.general import HasConditionals
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.elementary import Categorical as Choice
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.nets.sequences.causal_transformer import CausalTransformer, Context
from simulacra.nets.sequences.transformer import check_sizes


class CodePrior(nn.Module, HasConditionals):
    """Exact log p(k|c) of T numbers of codes, and draws of them one by one.

    Args:
        T: number of codes.
        K: number of values of each.
        layers: number of layers of the transformer.
        heads: number of heads of the attention, which divides the width.
        width: number of features of a code in each layer.
        condition: number of features of the condition; 0 without one.

    Raises:
        ValueError: if a size is below 1, or the heads do not divide the width.

    Example:
        >>> from itertools import product
        >>> every = torch.tensor(list(product(range(3), repeat=2)))
        >>> round(float(CodePrior(2, 3, 1, 1, 4).log_density(every).detach().exp().sum()), 5)
        1.0
    """

    entry_by_entry = True

    def __init__(self, T: int, K: int, layers: int, heads: int, width: int, condition: int = 0):
        super().__init__()
        check_sizes(layers, heads, width, "prior_")
        self.space = Categorical((T,), K)
        self.entry_head = likelihood_head(Categorical((), K))
        self.net = CausalTransformer(K, K, T, layers, heads, width, condition)

    @property
    def order(self) -> Tensor:
        """Order of the codes, shape (T,)."""
        return torch.arange(self.space.dims)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the parameters."""
        return self.net.P.dtype

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.net.P.device

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the logits of each code given the preceding ones, shape (B, K, T).

        Args:
            x: numbers of codes, shape (B, T).
            c: features of the condition, shape (B, condition), or None.
        """
        return self.net(x.long(), c).transpose(1, 2)

    def terms(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(k_t | k_<t, c) of each code, in nats, shape (B, T).

        Args:
            x: numbers of codes, shape (B, T).
            c: features of the condition, shape (B, condition), or None.
        """
        return Choice(self.parameters_of(x, c), 1).entries(x)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(k|c) by equation (1), in nats, shape (B,).

        Args:
            x: numbers of codes, shape (B, T).
            c: features of the condition, shape (B, condition), or None.
        """
        # (1)
        return self.terms(x, c).sum(1)

    def begin(self, n: int, c: Tensor | None = None) -> Context:
        """Returns the sampling state before the first code.

        Args:
            n: number of rows.
            c: features of the condition, shape (n, condition), or None.
        """
        return self.net.begin(n, c)

    def next_parameters(self, state: Context, t: int) -> Tensor:
        """Returns the logits of code t, shape (B, K).

        Args:
            state: state before the code.
            t: not used.
        """
        return state.y

    def advance(self, state: Context, t: int, value: Tensor) -> Context:
        """Returns the state after code t took `value`.

        Args:
            state: state before the code.
            t: index of the code.
            value: numbers of the code, shape (B,).
        """
        return state if t + 1 == self.space.dims else self.net.step(state, t, value.long())

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Draws the numbers of codes one by one, shape (B, T).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: features of the condition, shape (B, condition), or None.
            how: options of drawing; None: the model's own.
            watch: called after each code with the number of codes drawn, their total, the codes so far and
                True for those that are drawn; None: never.
        """
        return ancestral(self, rng, c, watch=watch, how=how).long()
