"""Masked diffusion: noise replaces entries by a mask, and a transformer predicts them from the others.

    log p(x) >= -E_t (T / t) sum_(i masked in x_t) log f_i(x | x_t)   t uniform of 1..T               (1)
             -> E_o sum_n log f_o(n)(x | x_o(<n))   for T -> infinity                                 (2)
    f(x | x_t, g) ~ f(x | x_t)^(1 - g) f(x | x_t, c)^g                                                (3)

The noise replaces entries by a mask; the others keep their values x_0 (`masked.absorbing`). The distribution
of a masked entry given the others does not depend on t, so the network does not receive t. In the limit of
infinitely many steps, entries are unmasked one at a time, and the bound is the mean of log p(x | o) over all
orders o (2), as for models in any order such as `eonade`. This limit is the default (`T=None`): a draw takes
d passes, and so does a score, by (1) with T = d and t masked entries in term t. With `T` steps, entries that
are unmasked in the same step are independent given the others, and the bound is that of these T steps.

Texts contain their end. Once an end is unmasked, all entries behind it are the end, and no end is drawn in
front of an unmasked token. So every draw is a text, and p sums to 1 over the texts. The length is found by
bisection: an end at entry i says that the text ends there or before. (1) bounds log p of the text, without
terms behind an unmasked end. A text has the same score however its row is cut or padded.

A completion starts with its known entries unmasked, so gaps may be anywhere and cost no more: each draw is
from one of the model's conditionals, in an order that begins with the known entries.

Reference: Austin et al. 2021; Hoogeboom et al., Autoregressive Diffusion Models, 2022 (2); Sahoo et al.,
Simple and Effective Masked Diffusion Language Models, 2024 (1); Shi et al. 2024; Ho and Salimans 2022 (3).
Row H20.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.distributions.tempered import likeliest, tempered
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.codes import MOST_CODES, codes_of
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.diffusion.chain import DiffusionModel
from simulacra.models.diffusion.given import check_guidance, features_given, size_given
from simulacra.models.diffusion.masked.absorbing import AbsorbingKernel, ClassGuess
from simulacra.models.diffusion.masked.options import Unmasking
from simulacra.models.diffusion.steps.losses import update
from simulacra.nets.sequences.transformer import SeriesTransformer, check_sizes

AT_ONCE = 2**24  # hidden features that are computed at once where no gradient is needed (64 MB in fp32)


class MaskedDiffusion(DiffusionModel):
    """Masked diffusion of texts, classes, bits or few levels, trained on its bound.

    Args:
        space: space of one observation, whose entries take finitely many values: tokens, classes, grades,
            bits, or up to 256 levels.
        condition: space of the condition c of p(x | c); None for p(x).
        T: number of steps from x to masks; None: infinitely many, so that entries are unmasked one at a time.
        layers: number of layers of attention and hidden units.
        heads: number of heads of the attention, which divides the width.
        width: number of features of an entry in each layer.
        drop: share of the rows whose condition is dropped in training, for guidance.

    Raises:
        ValueError: if an option is out of range, or entries do not take finitely many values.

    Example:
        >>> from simulacra import Tokens
        >>> space = Tokens((5,), 3, ("<end>", "a", "b"))
        >>> model = MaskedDiffusion(space, layers=1, heads=2, width=6)
        >>> text = model.text(model.complete(["abb"], known=[[True, False, True, False, False]], seed=0))[0]
        >>> text[0], text[2], model.log_prob(["ab"]).kind
        ('a', 'b', 'lower')
    """

    drawing = Unmasking
    stratified = True
    any_gaps = True
    kernel: AbsorbingKernel

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        T: int | None = None,
        layers: int = 4,
        heads: int = 4,
        width: int = 128,
        drop: float = 0.1,
        *,
        seed: int = 0,
    ):
        _check(space, T)
        check_sizes(layers, heads, width)
        values, given = codes_of(space), size_given(condition)
        net = SeriesTransformer(values + 1, values, space.dims, layers, heads, width, given)
        super().__init__(space, condition, AbsorbingKernel(space, T), net, drop)

    # ---- training

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: a rate that falls to 0, and gradients clipped at 1."""
        return {"schedule": "cosine", "clip": 1.0}

    def updates(self) -> list[Update]:
        """Returns the only update, of one step t a row."""
        return [update(self)]

    # ---- the prediction of x_0

    def predicted(
        self, h: Tensor, t: Any, r: Any, c: Tensor | None, kept: Tensor | None = None
    ) -> ClassGuess:
        """Returns f of equation (1).

        Args:
            h: x_t, shape (B, d).
            t: not used.
            r: not used.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        return ClassGuess(self.output(h, t, c, kept))

    def output(self, h: Tensor, t: Any, c: Tensor | None, kept: Tensor | None = None) -> Tensor:
        """Returns the network's output, shape (B, K, d).

        Args:
            h: x_t, shape (B, d).
            t: not used.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        f = features_given(self.condition, h, c, kept)
        return cast(SeriesTransformer, self.net).in_parts(h.long(), f, AT_ONCE).transpose(1, 2)

    # ---- the chain

    @property
    def sampling(self) -> Sampling:
        """The model's own reverse steps, all of them."""
        return Unmasking(steps=self.kernel.T, order="random", guidance=1.0)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of steps of a draw; if shares of the entries are unmasked, at most one an entry.

        Args:
            how: options of drawing; None: the model's own.
        """
        asked = how.steps if isinstance(how, Unmasking) and how.steps is not None else self.kernel.T
        return min(asked, self.space.dims) if self._in_shares(how) else asked

    def _in_shares(self, how: Sampling | None) -> bool:
        """Returns True if each step unmasks an equal share of the entries, not each entry by itself."""
        return self.kernel.single or (isinstance(how, Unmasking) and how.order == "confidence")

    def _check(self, how: Sampling) -> None:
        assert isinstance(how, Unmasking)
        check_guidance(how.guidance, type(self).__name__, self.condition, self.drop)

    def stepped(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns the states after one step of a sampler; the network is not run if no mask is left.

        Args:
            state: states, shape (B, d + 2).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            how: options of drawing.
        """
        if len(state) and bool(self.drawn(state).all()):
            return torch.cat([state[:, :-2], (state[:, -2:-1] - 1).clamp_min(0), state[:, -1:]], 1)
        return super().stepped(state, rng, c, how)

    def _advanced(
        self, h: Tensor, left: Tensor, steps: Tensor, rng: Rng, c: Tensor | None, how: Sampling
    ) -> Tensor:
        assert isinstance(how, Unmasking)
        f = self.kernel.guessed(
            h, self.guided(h, left, left, c, 1.0 if how.guidance is None else how.guidance)
        )
        x, e = self._values(f, rng, how), self.kernel.noise(rng, "step", h.dtype)
        order = e if self._in_shares(how) else None
        if how.order == "confidence":
            order = -f.entries(x)
        return self.kernel.closed(torch.where(self.kernel.unmasked(h, left, order, e), x, h))

    def _values(self, f: Any, rng: Rng, how: Unmasking) -> Tensor:
        """Draws a value for each entry, shape (B, d)."""
        return likeliest(tempered(f, how.temperature), how.top_k).sample(rng, "value").to(self.dtype)

    def drawn(self, state: Tensor) -> Tensor:
        """Returns True for the unmasked entries, shape (B, *).

        Args:
            state: states, shape (B, d + 2).
        """
        return self.kernel.shaped(state[:, :-2] != self.kernel.mask)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with its missing entries drawn given the known ones, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        how, x0 = self.sampling, self.kernel.coordinates(self.space.filled(x, known), self.dtype)
        h = torch.where(known.unsqueeze(1).flatten(1), x0, self.kernel.mask)
        state = self._at(self.kernel.closed(h), 1.0, self.kernel.T)
        for t in each(range(self.kernel.T), "chains", "sweep"):
            state = self.stepped(state, rng.at(t), c, how)
        return torch.where(known, x, self.shown(state).to(x.dtype))


def _check(space: Space, T: int | None) -> None:
    """Raises ValueError if entries do not take finitely many values, or there is no step."""
    if not codes_of(space):
        raise ValueError(
            f"MaskedDiffusion takes entries of finitely many values, such as tokens, classes, bits and up to "
            f"{MOST_CODES} levels, but the space is {space}; a model of reals and levels: DDPM."
        )
    if T is not None and T < 1:
        some = build_with(T=100)
        raise Refusal(f"T is {T}, but a masked diffusion has at least one step: take {some}.", some)
