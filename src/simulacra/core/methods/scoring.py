"""Methods that score rows: `log_prob` with its kind, `score_samples` and `anomaly_score` as plain numbers."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from torch import nn

from simulacra.core.capabilities import general as can
from simulacra.core.errors.calls import checked
from simulacra.core.methods.rows import RawRows, evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.estimate import Estimate
from simulacra.core.scores.likelihood import joined, score


class Scoring(RawRows):
    """The methods `log_prob`, `score_samples` and `anomaly_score`."""

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
            ValueError: if the model has no density, bound or estimate of it, such as a GAN.

        Example:
            >>> import torch
            >>> from simulacra import PPCA, Real
            >>> score = PPCA(Real((5,)), latent=2).log_prob(torch.zeros(3, 5))
            >>> score.kind, score.values.shape
            ('exact', torch.Size([3]))
        """
        self._need("log_prob", can.HasDensity, can.HasBound, can.EstimatesDensity)
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
        more = (details, None, conditional, found.effective)
        return Estimate(
            found.value, found.kind, found.dims, found.method, *more, per=self.preprocessing.raw.per
        )

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
