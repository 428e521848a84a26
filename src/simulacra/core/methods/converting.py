"""Methods that map rows to other rows or to their condition: `denoise`, `translate` and `predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.errors.calls import checked
from simulacra.core.errors.outputs import check_drawn
from simulacra.core.inputs.chunks import prepared, rows_within
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.inputs.convert import rows_of
from simulacra.core.methods import rows as by_rows
from simulacra.core.methods.rows import RawRows, chunks_of, evaluating
from simulacra.core.numerics.precision import narrowed
from simulacra.core.random.keyed import Rng


class Converting(RawRows):
    """The methods `denoise`, `translate` and `predict`."""

    if TYPE_CHECKING:
        label_names: tuple[str, ...]

    @checked
    def denoise(self, x: Any, level: float | None = None, condition: Any = None, seed: int = 0) -> Tensor:
        """Returns the clean observations behind noisy ones, in raw units, shape (B, *).

        The result of a row depends on the row and the seed, not on the batch.

        Args:
            x: noisy raw observations, shape (B, *).
            level: amount of noise in the model's own units; None: the model's default.
            condition: one condition for all rows, or one for each.
            seed: seed of the draws and of random preprocessing.

        Raises:
            ValueError: if the model does not denoise, or x has missing entries.
        """
        self._need("denoise", can.Denoises)
        rng = Rng(seed, "denoise", device=self.device)
        denoises = can.able(self, can.Denoises)
        with evaluating(cast(nn.Module, self)):
            parts = [
                denoises.clean(rows.y, rows.rng, rows.c, level)
                for rows in self._chunks(x, condition, rng, None, able=())
            ]
        return self.preprocessing.inverse(torch.cat(parts))

    @checked
    def translate(self, x: Any, to: Any = None, n: int = 1, condition: Any = None, seed: int = 0) -> Tensor:
        """Returns translations of observations of the source, in raw units, shape (B, *), or (B, n, *).

        A model of p(x|c) whose condition is an observation, such as an image, draws x given it. The result of
        a row depends on the row and the seed, not on the batch, and draw j does not depend on n.

        Args:
            x: raw observations of the source, shape (B, *): images also of Pillow or with their channels
                last, one or many.
            to: target class by name or number, one for all rows or one for each, where the model has several.
            n: number of draws of each row; above 1, the result has shape (B, n, *).
            condition: one condition for all rows, or one for each, where the source is not the condition.
            seed: seed of the draws and of random preprocessing.

        Raises:
            ValueError: if the model does not translate, `to` is missing or no target, or n is below 1.

        Example:
            >>> import simulacra
            >>> space = simulacra.Levels((1, 4, 4), 256)
            >>> model = simulacra.GAN(space, condition=space, latent=2)
            >>> model.translate(torch.zeros(3, 1, 4, 4), n=2).shape
            torch.Size([3, 2, 1, 4, 4])
        """
        self._need("translate", can.Translates)
        if n < 1:
            raise ValueError(f"n is {n}, but a number of draws is at least 1, such as n=1.")
        raw, c = self._source_rows(x, condition)
        targets = self._target(to, len(raw))
        keyed = Rng(seed, "translate", device=self.device).by_content(raw, None)
        draws = [self._carried(raw, keyed if not j else keyed.at("draw", j), targets, c) for j in range(n)]
        return draws[0] if n == 1 else torch.stack(draws, 1)

    def _source_rows(self, x: Any, condition: Any) -> tuple[Tensor, Tensor | None]:
        """Returns raw rows of the source, and the condition that each has beside it."""
        if draws_pairs(self):
            if condition is not None:
                raise ValueError(
                    f"{type(self).__name__} translates its condition, which is x itself: leave out "
                    "condition=."
                )
            chain = self.conditioning
            assert chain is not None
            return condition_rows(chain.raw, x, None, chain.geometry, "x"), None
        source = can.able(self, can.Translates).source
        raw, known = self._raw(x, able=()) if source == self.space else rows_of(source, x)
        if known is not None:
            raise ValueError("x has missing entries, which cannot be translated: fill them in first.")
        return raw, self._condition(condition, len(raw))

    def _carried(self, raw: Tensor, keyed: Rng, targets: Tensor | None, c: Tensor | None) -> Tensor:
        """Returns one translation of each raw row, in raw units, shape (B, *)."""
        translates, parts = can.able(self, can.Translates), []
        with evaluating(cast(nn.Module, self)):
            for at in chunks_of(len(raw), rows_within(self.space, by_rows.CHUNK)):
                rng = keyed.on(keyed.rows[at.start : at.stop])
                y = self._prepared_source(raw[at.start : at.stop], rng)
                given = [None if t is None else t[at.start : at.stop] for t in (targets, c)]
                drawn = translates.carry(y, rng, *given)
                check_drawn(self, drawn, len(at))
                parts.append(self.preprocessing.inverse(drawn))
        return torch.cat(parts)

    def _prepared_source(self, raw: Tensor, rng: Rng) -> Tensor:
        if draws_pairs(self):
            assert self.conditioning is not None
            return self.conditioning.of_condition(raw, self.device)
        if can.able(self, can.Translates).source != self.space:
            return raw.to(self.device)
        y, _ = self.preprocessing.forward(raw, rng, None)
        return narrowed(y, self.dtype) if y.is_floating_point() else y

    def _target(self, to: Any, n: int) -> Tensor | None:
        """Returns the target class of each row, or None for a model with one target."""
        targets = can.able(self, can.Translates).targets
        if targets is None:
            if to is not None:
                raise ValueError(f"{type(self).__name__} translates to one target: leave out to=.")
            return None
        if to is None:
            listed = ", ".join(targets.names) or f"0 to {targets.classes - 1}"
            raise ValueError(f"{type(self).__name__} translates to several classes: give to= ({listed}).")
        return condition_rows(targets, to, n).to(self.device)

    @checked
    def predict(self, x: Any, seed: int = 0) -> np.ndarray:
        """Returns the condition that belongs to each row: the likeliest class by name, or numbers.

        Args:
            x: raw observations, shape (B, *).
            seed: seed of random preprocessing.

        Returns:
            names of classes (numbers where they have none), shape (B,); of a model that predicts no class,
            raw values of the condition, shape (B, *).

        Raises:
            ValueError: if the model neither predicts nor classifies.
        """
        self._need("predict", can.Predicts, can.Classifies)
        raw, known = self._raw(x)
        keyed = Rng(seed, "score", device=self.device).by_content(raw, known)
        parts = []
        with evaluating(cast(nn.Module, self)):
            for rows in prepared(self, raw, known, keyed, by_rows.CHUNK):
                if isinstance(self, can.Predicts):
                    parts.append(self._raw_response(self.response(rows.y)))
                else:
                    # of the probabilities, as `classify` gives them
                    logits = can.able(self, can.Classifies).label_logits(rows.y)
                    parts.append(logits.softmax(1).argmax(1))
        found = torch.cat(parts).cpu().numpy()
        names = np.array(self.class_names)
        return names[found.astype(int)] if len(names) and found.ndim == 1 else found

    def _raw_response(self, c: Tensor) -> Tensor:
        """Returns a prediction in the condition's space in raw units, without rounding."""
        return c if self.conditioning is None else self.conditioning.restore(c)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of the condition or label; () without names."""
        return tuple(getattr(self.condition, "names", ())) or tuple(self.label_names)
