"""The words that users call, fixed once for every family: raw in, raw out.

`sample`, `log_prob`, `score_samples`, `anomaly_score`, `encode`, `decode`, `reconstruct`, `complete`,
`classify`: each needs a capability, applies the preprocessing that travels with the model, and
puts the rows through the pure functions of the capability in chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.watching import Canvas
from simulacra.core.errors.calls import checked
from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.chunks import Rows, prepared
from simulacra.core.inputs.convert import check_gaps, condition_rows, rows_of
from simulacra.core.inputs.data_frames import to_frame
from simulacra.core.numerics.precision import precise_device
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng, fresh
from simulacra.core.renamed import renames_attributes
from simulacra.core.scores.estimate import Estimate
from simulacra.core.scores.likelihood import joined, observed, score
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space

if TYPE_CHECKING:
    import pandas

    from simulacra.core.capabilities.ancestral import Watch
    from simulacra.core.preprocessing.chain import Preprocessing

CHUNK = 1024  # rows that go through a network at once


@renames_attributes
class Interface:
    """What a model answers to; `core.model.Model` gives the rest."""

    if TYPE_CHECKING:
        space: Space
        condition: Space | None
        preprocessing: Preprocessing

        @property
        def device(self) -> torch.device: ...

        @property
        def dtype(self) -> torch.dtype: ...

        def capabilities(self) -> frozenset[type[can.Capability]]: ...

        def supports(self, capability: type[can.Capability]) -> bool: ...

    def _need(self, word: str, *any_of: type[can.Capability]) -> None:
        if not any(self.supports(c) for c in any_of):
            has = ", ".join(sorted(c.phrase for c in self.capabilities())) or "nothing"
            wanted = " or ".join(c.phrase for c in any_of)
            raise can.MissingCapability(
                f"{type(self).__name__} cannot do {word}(): that needs a model that {wanted}; this one {has}."
            )

    @checked
    def sample(
        self, n: int, condition: Any = None, seed: int | None = None, watch: Watch | None = None
    ) -> Tensor:
        """n draws in raw units, shape (n, *); sample i is the same whatever n is.

        Args:
            condition: one condition for all, or one for each, where the model takes one.
            seed: same seed, same samples; None: new ones each time, by torch's global generator.
            watch: called as `watch(t, d, x)` after each of d entries with a copy of the n rows so far,
                in raw units, where the model draws entry by entry: see `core.capabilities.watching`.

        Raises:
            ValueError: if the model does not sample, or not entry by entry, or a condition is missing.
        """
        self._need("sample", can.Samples)
        if n < 0:
            raise ValueError(f"n is {n}, but a number of samples is at least 0.")
        c = self._condition(condition, n)
        rng = Rng(fresh(seed), "sample", device=self.device)
        canvas = None if watch is None else Canvas(watch, self, n, CHUNK)
        draws, parts = can.able(self, can.Samples), []
        with evaluating(cast(nn.Module, self)), stage("samples", n, "sample") as progress:
            for i in range(0, n, CHUNK):
                rows = range(i, min(i + CHUNK, n))
                progress.part, seen = len(rows), {} if canvas is None else {"watch": canvas.on(rows)}
                x = draws.draw(rng.on(rows), None if c is None else c[i : i + CHUNK], **seen)
                parts.append(self.preprocessing.inverse(x))
                progress.advance(len(rows))
        return torch.cat(parts) if parts else torch.empty(0, *self.space.shape)

    @checked
    def log_prob(
        self,
        x: Any,
        condition: Any = None,
        k: int = 1000,
        seed: int = 0,
        known: Any = None,
        lengths: Any = None,
    ) -> Estimate:
        """log p(x) of raw x, in nats on the raw space; higher is likelier.

        Exact where the model has a density; otherwise the importance-weighted bound with k
        samples; otherwise the bound that the model has. Same x and seed, same score, alone or in any
        batch. Where entries are missing (`known` is False, or NaN in a table) it is that of the others.

        Args:
            known: True where x is observed, shape of x or of one observation; None: everywhere.
            lengths: steps of each row where sequences are padded, shape (B,); a list of sequences of
                differing lengths needs none.

        Raises:
            ValueError: if the model is implicit: it has neither density nor bound.
        """
        self._need("log_prob", can.HasDensity, can.HasBound)
        if k < 1:
            raise ValueError(f"k is {k}, but the bound needs at least one importance sample.")
        rng = Rng(seed, "score", device=self.device)
        with evaluating(cast(nn.Module, self)):
            parts = [
                score(self, rows.y, rows.c, rows.log_det, k, rows.rng, known=rows.known)
                for rows in self._chunks(x, condition, rng, known, lengths=lengths)
            ]
        found = joined(parts, self.preprocessing.exact)
        details: dict[str, Any] = {"seed": seed, "preprocessing": self.preprocessing.label}
        details |= {"k": k} if "k=" in found.method else {}
        conditional = self.condition is not None
        return Estimate(found.value, found.kind, found.dims, found.method, details, None, conditional)

    @checked
    def score_samples(
        self,
        x: Any,
        condition: Any = None,
        k: int = 1000,
        seed: int = 0,
        known: Any = None,
        lengths: Any = None,
    ) -> np.ndarray:
        """The numbers of `log_prob`, as in scikit-learn: float64, shape (B,)."""
        return self.log_prob(x, condition, k, seed, known, lengths).values.numpy()

    @checked
    def anomaly_score(
        self,
        x: Any,
        condition: Any = None,
        k: int = 1000,
        seed: int = 0,
        known: Any = None,
        lengths: Any = None,
    ) -> np.ndarray:
        """-log p(x): higher is stranger, shape (B,)."""
        return -self.score_samples(x, condition, k, seed, known, lengths)

    @checked
    def encode(self, x: Any, condition: Any = None, seed: int = 0, known: Any = None) -> Tensor:
        """Codes of raw x, shape (B, latent); of what is known of it, as in `log_prob`."""
        self._need("encode", can.Encodes)
        rng = Rng(seed, "score", device=self.device)
        with evaluating(cast(nn.Module, self)):
            codes = [
                can.able(self, can.Encodes).infer(rows.y, rows.c, **observed(rows.known))
                for rows in self._chunks(x, condition, rng, known)
            ]
        return torch.cat(codes)

    @checked
    def decode(self, z: Any, condition: Any = None) -> Tensor:
        """The expectation of x given codes, shape (B, *): probabilities of a one for binary data,
        otherwise raw units, not rounded."""
        self._need("decode", can.Decodes)
        z = as_tensor(z, "z").to(self.dtype).to(self.device)
        size = can.able(self, can.Decodes).code_size
        if z.dim() != 2 or z.shape[1] != size:
            raise ValueError(f"codes have shape {tuple(z.shape)}, but this model needs (B, {size}).")
        c = self._condition(condition, len(z))
        with evaluating(cast(nn.Module, self)):
            parts = [
                can.able(self, can.Decodes).emit(z[i : i + CHUNK], None if c is None else c[i : i + CHUNK])
                for i in range(0, len(z), CHUNK)
            ]
        return self.preprocessing.restore(torch.cat(parts))

    @checked
    def reconstruct(self, x: Any, condition: Any = None, seed: int = 0, known: Any = None) -> Tensor:
        """decode(encode(x)), shape (B, *)."""
        return self.decode(self.encode(x, condition, seed, known), condition)

    @checked
    def complete(self, x: Any, known: Any = None, condition: Any = None, seed: int | None = None) -> Tensor:
        """x with the entries where `known` is False drawn given the rest, also of equal rows; True = keep.

        Args:
            known: booleans, shape of x or of one observation; None: all but the NaN of a table.
            seed: same seed, same completions; None: new ones each time, by torch's global generator.

        Raises:
            ValueError: if the model does not complete, or `known` keeps every entry or none.
        """
        self._need("complete", *can.FILLS)
        raw, there = self._raw(x, known, can.FILLS)
        check_gaps(self.preprocessing.raw, known, there)
        rng = Rng(fresh(seed), "complete", device=self.device)
        fills = self if isinstance(self, can.Completes) else can.able(self, can.Continues)
        parts = []
        with evaluating(cast(nn.Module, self)):
            for rows in self._chunks(raw, condition, rng, there, can.FILLS, by_place=True):
                keep = torch.ones_like(rows.y, dtype=torch.bool) if rows.known is None else rows.known
                filled = self.preprocessing.inverse(fills.fill(rows.y, keep, rows.rng, rows.c))
                # what was given comes back to the last digit
                wide = torch.promote_types(rows.raw.dtype, filled.dtype)
                at = precise_device(filled.device) if wide == torch.float64 else filled.device
                parts.append(torch.where(keep.to(at), rows.raw.to(at, wide), filled.to(at, wide)))
        return torch.cat(parts)

    @checked
    def classify(self, x: Any, seed: int = 0) -> Tensor:
        """Probabilities of the labels, shape (B, classes)."""
        self._need("classify", can.Classifies)
        raw, known = self._raw(x)
        rng = Rng(seed, "score", device=self.device).by_content(raw, known)
        with evaluating(cast(nn.Module, self)):
            parts = [
                can.able(self, can.Classifies).label_logits(rows.y).softmax(1)
                # the label is what is asked for: also a model of p(x|label) needs none here
                for rows in prepared(self, raw, known, rng, CHUNK)
            ]
        return torch.cat(parts)

    @checked
    def to_dataframe(self, x: Tensor) -> pandas.DataFrame:
        """Rows in raw units, such as samples, as a data frame with the columns of the data.

        Raises:
            ValueError: if the model was not trained on a table, or pandas is not installed.
        """
        raw = self.preprocessing.raw
        if not isinstance(raw, Table):
            raise ValueError(f"the rows of {raw} have no columns with names: take them as an array.")
        return to_frame(raw, as_tensor(x))

    # ---- from raw to the model's space

    def _chunks(
        self,
        x: Any,
        condition: Any,
        rng: Rng,
        known: Any,
        able: tuple[type[can.Capability], ...] = can.LEAVES_OUT,
        lengths: Any = None,
        by_place: bool = False,
    ) -> Iterator[Rows]:
        """Preprocessed chunks with their log-Jacobians, conditions and noise.

        Args:
            able: what the model must be one of where entries are missing.
            by_place: whether equal rows draw differently.
        """
        x, known = self._raw(x, known, able, lengths)
        c = self._condition(condition, len(x))
        keyed = rng.on(range(len(x))) if by_place else rng.by_content(x, known)
        return prepared(self, x, known, keyed, CHUNK, c)

    def _raw(
        self,
        x: Any,
        known: Any = None,
        able: tuple[type[can.Capability], ...] = can.LEAVES_OUT,
        lengths: Any = None,
    ) -> tuple[Tensor, Tensor | None]:
        leaves_out = any(map(self.supports, able))
        raw, geometry = self.preprocessing.raw, self.preprocessing.geometry
        x, known = rows_of(raw, x, known, geometry, lengths, lenient=leaves_out)
        if known is not None and not leaves_out:
            raise ValueError(
                f"x has missing entries, which {type(self).__name__} cannot leave out: fill them in first."
            )
        return self.preprocessing.held(x, self.device), None if known is None else known.to(self.device)

    def _condition(self, condition: Any, n: int) -> Tensor | None:
        if self.condition is None:
            if condition is not None:
                raise ValueError(f"{type(self).__name__} was built without a condition, but one was given.")
            return None
        if condition is None and not self.supports(can.TakesCondition):
            # the labels are what it learns, not what it is given
            return None
        if condition is None:
            raise ValueError(f"{type(self).__name__} models p(x|c): give condition= out of {self.condition}.")
        return condition_rows(self.condition, condition, n).to(self.device)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the training flag comes back afterwards."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)
