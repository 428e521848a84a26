"""Methods that map rows to other rows or to their condition: `denoise`, `translate` and `predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.errors.calls import checked
from simulacra.core.inputs.chunks import prepared
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
    def translate(self, x: Any, to: Any = None, condition: Any = None, seed: int = 0) -> Tensor:
        """Returns translations of observations of the source, in raw units, shape (B, *).

        The result of a row depends on the row and the seed, not on the batch.

        Args:
            x: raw observations of the source, shape (B, *).
            to: target class by name or number, one for all rows or one for each, where the model has several.
            condition: one condition for all rows, or one for each.
            seed: seed of the draws and of random preprocessing.

        Raises:
            ValueError: if the model does not translate, or `to` is missing or no target.
        """
        self._need("translate", can.Translates)
        translates = can.able(self, can.Translates)
        raw, known = self._raw(x, able=()) if self._of_one_kind() else rows_of(translates.source, x)
        if known is not None:
            raise ValueError("x has missing entries, which cannot be translated: fill them in first.")
        c, targets = self._condition(condition, len(raw)), self._target(to, len(raw))
        keyed = Rng(seed, "translate", device=self.device).by_content(raw, None)
        parts = []
        with evaluating(cast(nn.Module, self)):
            for at in chunks_of(len(raw)):
                y, rng = raw[at.start : at.stop], keyed.on(keyed.rows[at.start : at.stop])
                y = self._prepared_source(y, rng)
                given = [None if t is None else t[at.start : at.stop] for t in (targets, c)]
                parts.append(translates.carry(y, rng, *given))
        return self.preprocessing.inverse(torch.cat(parts))

    def _of_one_kind(self) -> bool:
        """Returns True if sources are observations of the model's own space, preprocessed as they are."""
        return can.able(self, can.Translates).source == self.space

    def _prepared_source(self, raw: Tensor, rng: Rng) -> Tensor:
        if not self._of_one_kind():
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
