"""The methods that users call, the same for every model family: raw data in, raw data out.

`sample`, `log_prob`, `score_samples`, `anomaly_score`, `encode`, `decode`, `reconstruct`, `complete`,
`classify`: each checks that the model has the capability, applies the model's preprocessing, and calls
the pure functions of the capability in chunks of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import chosen, names_of
from simulacra.core.capabilities.watching import Canvas
from simulacra.core.errors.calls import checked
from simulacra.core.errors.outputs import check_drawn
from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.chunks import Rows, prepared
from simulacra.core.inputs.convert import check_gaps, condition_rows, rows_of
from simulacra.core.inputs.to_frames import to_frame
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

    from simulacra.core.preprocessing.chain import Preprocessing

CHUNK = 1024  # rows that go through a network at once


@renames_attributes
class Interface:
    """The public methods of every model; `core.model.Model` adds training and storage."""

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
            has = ", ".join(sorted({c.phrase for c in self.capabilities()})) or "nothing"
            wanted = " or ".join(c.phrase for c in any_of)
            raise can.MissingCapability(
                f"{type(self).__name__} cannot do {word}(): that needs a model that {wanted}; this one {has}."
            )

    @checked
    def sample(
        self,
        n: int,
        condition: Any = None,
        seed: int | None = None,
        watch: Callable[..., None] | None = None,
        **how: Any,
    ) -> Tensor:
        """Draws n samples in raw units, shape (n, *). Sample i does not depend on n.

        Args:
            n: number of samples.
            condition: one condition for all samples, or one for each, where the model takes a condition.
            seed: the same seed gives the same samples; None: new samples in each call, from torch's global
                generator.
            watch: callback `watch(t, total, x, known)` for models that draw in several looks, entry by entry
                or by the steps of a chain: called after each with a copy of the n rows so far in raw units,
                and True for entries that are drawn (see `core.capabilities.watching`).
            how: the model's options of drawing by name, such as `burn_in` or `temperature`; `model.sampling`
                holds them with the values that apply otherwise.

        Raises:
            ValueError: if the model cannot sample, or not in several looks, a condition is missing, or the
                model has no such option of drawing.

        Example:
            >>> from simulacra import PPCA, Real
            >>> model = PPCA(Real((5,)), latent=2)
            >>> bool((model.sample(3, seed=0) == model.sample(4, seed=0)[:3]).all())
            True
        """
        self._need("sample", can.Samples)
        options = chosen(self, how)
        if n < 0:
            raise ValueError(f"n is {n}, but a number of samples is at least 0.")
        c = self._condition(condition, n)
        rng = Rng(fresh(seed), "sample", device=self.device)
        canvas = None if watch is None else Canvas(watch, self, n, CHUNK, options)
        more: dict[str, Any] = {"how": options} if names_of(type(options)) else {}
        draws, parts = can.able(self, can.Samples), []
        with evaluating(cast(nn.Module, self)), stage("samples", n, "sample") as progress:
            for i in range(0, n, CHUNK):
                rows = range(i, min(i + CHUNK, n))
                progress.part = len(rows)
                more |= {} if canvas is None else {"watch": canvas.on(rows)}
                x = draws.draw(rng.on(rows), None if c is None else c[i : i + CHUNK], **more)
                check_drawn(self, x, len(rows))
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
        """Returns log p(x) of raw x as an `Estimate`, in nats on the raw space; higher is likelier.

        It is exact if the model has a density, otherwise the importance-weighted bound with k samples,
        otherwise the model's own bound (such as the ELBO). The score of a row depends on the row and the
        seed, not on the batch. Missing entries are marginalized: the score is that of the known ones.

        Args:
            x: raw observations, shape (B, *): an array, tensor, list or data frame.
            condition: one condition for all rows, or one for each.
            k: number of importance samples, for models without a density.
            seed: seed of the importance samples and of random preprocessing.
            known: True where x is observed, shape of x or of one observation; None: everywhere, except
                NaN in a table.
            lengths: number of steps of each row where sequences are padded, shape (B,); not needed for a
                list of sequences of differing lengths.

        Raises:
            ValueError: if the model has neither a density nor a bound, such as a GAN.

        Example:
            >>> import torch
            >>> from simulacra import PPCA, Real
            >>> score = PPCA(Real((5,)), latent=2).log_prob(torch.zeros(3, 5))
            >>> score.kind, score.values.shape
            ('exact', torch.Size([3]))
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
        """Returns the values of `log_prob` as in scikit-learn: nats, float64, shape (B,).

        Args:
            x: raw observations, shape (B, *).
            condition, k, seed, known, lengths: as in `log_prob`, which names the errors.
        """
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
        """Returns -log p(x) in nats, shape (B,); higher is more anomalous.

        Args:
            x, condition, k, seed, known, lengths: as in `log_prob`.
        """
        return -self.score_samples(x, condition, k, seed, known, lengths)

    @checked
    def encode(self, x: Any, condition: Any = None, seed: int = 0, known: Any = None) -> Tensor:
        """Returns the latent codes of raw x, shape (B, latent).

        Args:
            x: raw observations, shape (B, *).
            condition: one condition for all rows, or one for each.
            seed: seed of random preprocessing, such as dequantization.
            known: True where x is observed; the code then depends on these entries only. None: everywhere,
                except NaN in a table.

        Raises:
            ValueError: if the model has no encoder, or x has missing entries that it cannot leave out.

        Example:
            >>> import torch
            >>> from simulacra import PPCA, Real
            >>> PPCA(Real((5,)), latent=2).encode(torch.zeros(3, 5)).shape
            torch.Size([3, 2])
        """
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
        """Returns the expectation of x given latent codes, shape (B, *).

        These are probabilities for binary data, otherwise raw units without rounding.

        Args:
            z: latent codes, shape (B, latent).
            condition: one condition for all rows, or one for each.

        Raises:
            ValueError: if the model has no decoder, or z has another shape.
        """
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
        """Returns `decode(encode(x))`, shape (B, *).

        Args:
            x: raw observations, shape (B, *).
            condition, seed, known: as in `encode`.
        """
        return self.decode(self.encode(x, condition, seed, known), condition)

    @checked
    def complete(self, x: Any, known: Any = None, condition: Any = None, seed: int | None = None) -> Tensor:
        """Draws the unknown entries of x given the known ones; returns all of x, shape (B, *).

        Known entries come back unchanged. Equal rows get different completions.

        Args:
            x: raw observations, shape (B, *); values at unknown entries are ignored.
            known: True = keep, False = draw; shape of x or of one observation. None: draw the NaN of a table.
            condition: one condition for all rows, or one for each.
            seed: the same seed gives the same completions; None: new ones, from torch's global generator.

        Raises:
            ValueError: if the model cannot complete, or `known` keeps every entry or none.

        Example:
            >>> from simulacra import PPCA, Real
            >>> PPCA(Real((2,)), latent=1).complete([[3.0, 0.0]], known=[True, False])[0, 0].item()
            3.0
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
                # known entries come back bit for bit
                wide = torch.promote_types(rows.raw.dtype, filled.dtype)
                at = precise_device(filled.device) if wide == torch.float64 else filled.device
                parts.append(torch.where(keep.to(at), rows.raw.to(at, wide), filled.to(at, wide)))
        return torch.cat(parts)

    @checked
    def classify(self, x: Any, seed: int = 0) -> Tensor:
        """Returns the probabilities of the labels given x, shape (B, classes).

        Args:
            x: raw observations, shape (B, *).
            seed: seed of random preprocessing.

        Raises:
            ValueError: if the model does not classify.
        """
        self._need("classify", can.Classifies)
        raw, known = self._raw(x)
        rng = Rng(seed, "score", device=self.device).by_content(raw, known)
        with evaluating(cast(nn.Module, self)):
            parts = [
                can.able(self, can.Classifies).label_logits(rows.y).softmax(1)
                # the label is predicted, so a model of p(x|label) needs no condition here
                for rows in prepared(self, raw, known, rng, CHUNK)
            ]
        return torch.cat(parts)

    @checked
    def to_dataframe(self, x: Tensor) -> pandas.DataFrame:
        """Returns rows in raw units, such as samples, as a data frame with the columns of the data.

        Args:
            x: raw rows, shape (B, columns).

        Raises:
            ValueError: if the model was not trained on a table, or pandas is not installed.
        """
        raw = self.preprocessing.raw
        if not isinstance(raw, Table):
            raise ValueError(f"the rows of {raw} have no named columns: use them as an array.")
        return to_frame(raw, as_tensor(x))

    # ---- from raw data to the model's space

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
        """Yields preprocessed chunks with their log-Jacobians, conditions and random generators.

        Args:
            able: the model needs one of these capabilities if entries are missing.
            by_place: key the noise by the position of a row, so that equal rows draw differently.
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
            # a joint model learns the labels and does not need them as input
            return None
        if condition is None:
            raise ValueError(f"{type(self).__name__} models p(x|c): give condition= out of {self.condition}.")
        return condition_rows(self.condition, condition, n).to(self.device)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Context in evaluation mode and without gradients; restores the training flag at the end."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)
