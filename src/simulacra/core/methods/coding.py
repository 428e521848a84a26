"""Methods of latent codes and labels: `encode`, `decode`, `reconstruct` and `classify`."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.errors.calls import checked
from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.chunks import prepared, rows_within
from simulacra.core.methods import rows as by_rows
from simulacra.core.methods.rows import RawRows, chunks_of, evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import observed


class Coding(RawRows):
    """The methods `encode`, `decode`, `reconstruct` and `classify`."""

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
        decodes = can.able(self, can.Decodes)
        size = decodes.code_size
        if z.dim() != 2 or z.shape[1] != size:
            raise ValueError(f"codes have shape {tuple(z.shape)}, but this model needs (B, {size}).")
        c = self._condition(condition, len(z))
        with evaluating(cast(nn.Module, self)):
            parts = [
                decodes.emit(z[at.start : at.stop], None if c is None else c[at.start : at.stop])
                for at in chunks_of(len(z), rows_within(self.space, by_rows.CHUNK))
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
                for rows in prepared(self, raw, known, rng, by_rows.CHUNK)
            ]
        return torch.cat(parts)
