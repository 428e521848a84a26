"""Scores with their kind, standard error and measurement protocol."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.renamed import present_description
from simulacra.core.scores.chance import ERRORS, LEVEL, chance_of

Kind = Literal["exact", "lower", "upper", "stochastic"]
FARTHEST = 700.0  # nats of an entry whose perplexity is a finite number
SIGNS: dict[str, str] = {"exact": "=", "lower": ">=", "upper": "<=", "stochastic": "~"}


@dataclass(frozen=True)
class Protocol:
    """The conditions of a measurement: two scores are comparable if all fields but the name agree.

    `space` leaves out the number of levels, since it does not change the counting measure: the same whole
    numbers are the same data, whatever the bit depth of their files.

    Args:
        data: digest of the values of the split and of their places in the source.
        name: name of the data set.
        split: name of the split, such as `test`.
        space: description of the raw space, whose base measure the likelihood refers to.
        preprocessing: label of the steps that change the scored data (binarization and its seed).
        sampling: options of drawing that differ from the model's own, such as `burn_in=500`, of scores of
            samples; empty: the model's own.
    """

    data: str
    name: str = field(compare=False)
    split: str
    space: str
    preprocessing: str
    sampling: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", present_description(re.sub(r", levels=\d+", "", self.space)))
        object.__setattr__(self, "preprocessing", present_description(self.preprocessing))

    @property
    def digest(self) -> str:
        """Digest of all fields but the name; scores with equal digests are comparable."""
        text = json.dumps({k: v for k, v in self.json().items() if k != "name"}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def json(self) -> dict[str, str]:
        """Returns the fields by name, `sampling` only if it is not empty."""
        return {name: value for name, value in asdict(self).items() if value or name != "sampling"}

    def differences(self, other: Protocol) -> dict[str, tuple[str, str]]:
        """Returns the fields in which two protocols differ, with both values."""
        if self == other:
            return {}
        a, b = asdict(self), asdict(other)
        return {name: (a[name], b[name]) for name in a if a[name] != b[name]}

    def __str__(self) -> str:
        how = "" if self.preprocessing == "raw" else f", {self.preprocessing}"
        drawn = f", drawn with {self.sampling}" if self.sampling else ""
        return f"{self.name} {self.split}{how}{drawn}"


@dataclass(repr=False)
class Estimate:
    """log p(x) in nats for each example; higher is likelier.

    Args:
        values: scores in nats, float64, shape (B,).
        kind: exact, lower (a lower bound in expectation), upper (an upper bound), or stochastic.
        dims: entries of one observation, for bits per dimension; the mean if some entries are missing.
        method: name of the estimator, such as `IWAE bound, k=5000`.
        details: settings of the estimator: k, chains, temperatures, seed.
        protocol: data and preprocessing of the measurement; None for a tensor without a data set.
        conditional: True for log p(x|c).
        effective: effective number of the importance samples of each row, NaN where a value is exact,
            shape (B,); None without importance samples. It is not kept in files.
        per: name of a counted entry (`Space.per`): `dim`, or `token` of a text, whose score prints as nats a
            token and perplexity.

    Example:
        >>> print(Estimate(torch.tensor([-2.0, -4.0]), "exact", 3, "enumeration"))
        log p(x) = -3.00 +- 1.00 nats (1.44 bits/dim; enumeration)
    """

    values: Tensor
    kind: Kind
    dims: float
    method: str
    details: dict[str, Any] = field(default_factory=dict)
    protocol: Protocol | None = None
    conditional: bool = False
    effective: Tensor | None = None
    per: str = "dim"

    def __post_init__(self) -> None:
        self.values = to_float64(torch.as_tensor(self.values).detach()).cpu()

    @property
    def mean(self) -> float:
        """Mean over the examples, in nats."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean in nats, due to the finite number of examples (not to retraining)."""
        n = len(self.values)
        return float(self.values.std() / math.sqrt(n)) if n > 1 else math.nan

    @property
    def shared_error(self) -> float:
        """Standard error in nats of a term that all values share, such as log Z; 0 if there is none."""
        return float(self.details.get("shared_error", 0.0))

    @property
    def doubts(self) -> list[str]:
        """Reasons why the values are unreliable, as the estimator reported them."""
        return list(self.details.get("doubts", ()))

    @property
    def bits_per_dim(self) -> float:
        """Bits per dimension, -mean / (d log 2)."""
        return -self.mean / (self.dims * math.log(2))

    @property
    def perplexity(self) -> float:
        """Inverse of the geometric mean of the probabilities of the counted entries, exp(-mean / d)."""
        return math.exp(min(-self.mean / self.dims, FARTHEST))

    @property
    def _rate(self) -> str:
        """The score of a single entry in words: bits a dimension, or nats a token with the perplexity."""
        if self.per == "dim":
            return f"{self.bits_per_dim:.2f} bits/dim"
        return f"{-self.mean / self.dims:.3f} nats/{self.per}, perplexity {self.perplexity:.4g}"

    def summary(self) -> dict[str, Any]:
        """Returns the estimate as JSON, without the values."""
        by_entry = {} if self.per == "dim" else {"per": self.per, "perplexity": self.perplexity}
        return {
            "mean_nats": self.mean,
            "standard_error": None if math.isnan(self.error) else self.error,
            "bits_per_dim": self.bits_per_dim,
            **by_entry,
            "kind": self.kind,
            "method": self.method,
            "conditional": self.conditional,
            "examples": len(self.values),
            "details": self.details,
            "protocol": self.protocol.json() if self.protocol else None,
            "text": str(self),
        }

    def __repr__(self) -> str:
        return f"<Estimate {self}>"

    def __str__(self) -> str:
        error = "" if math.isnan(self.error) else f" +- {self.error:.2f}"
        where = f", {self.protocol}" if self.protocol else ""
        name = "log p(x|c)" if self.conditional else "log p(x)"
        return f"{name} {SIGNS[self.kind]} {self.mean:.2f}{error} nats ({self._rate}; {self.method}{where})"


@dataclass(frozen=True)
class Comparison:
    """The result of comparing two estimates.

    Args:
        better: `first`, `second` or `undecided`.
        difference: mean of the paired differences, in nats.
        error: its standard error, in nats.
        reason: explanation in words.
        chance: p-value of the difference under equal models, by Student's t.
    """

    better: Literal["first", "second", "undecided"]
    difference: float
    error: float
    reason: str
    chance: float = 1.0

    def __str__(self) -> str:
        return f"{self.better}: {self.reason}"


def compare_estimates(a: Estimate, b: Estimate) -> Comparison:
    """Decides which of two models has the higher likelihood, if the scores allow a decision (row I4).

    Two exact scores are compared by their paired difference and its standard error. A lower bound above an
    exact value wins; one below it is undecided; two lower bounds are never decided. The standard error
    includes that of log Z. A score with doubts decides nothing. The threshold is 2.5 standard errors, or for
    few rows the same quantile of Student's t.

    Args:
        a: score of the first model.
        b: score of the second model on the same rows.

    Raises:
        ValueError: if the protocols differ (I5, I6): other preprocessing, binarization or data.

    Example:
        >>> a = Estimate(torch.tensor([-1.0, -2.0, -1.5]), "exact", 3, "exact")
        >>> b = Estimate(torch.tensor([-6.0, -7.1, -6.4]), "exact", 3, "exact")
        >>> compare_estimates(a, b).better
        'first'
    """
    check_comparable(a, b)
    paired = a.values - b.values
    n = len(paired)
    difference = float(paired.mean())
    sampling = float(paired.std() / math.sqrt(n)) if n > 1 else math.inf
    # averaging over rows does not reduce a shared error
    error = math.hypot(sampling, a.shared_error, b.shared_error)
    # an infinite difference is significant, though its standard error is NaN
    certain = math.isinf(difference) and n > 1
    return _verdict(a, b, difference, error, 0.0 if certain else chance_of(difference, error, n - 1))


def can_decide(a: Estimate, b: Estimate) -> bool:
    """Returns True if a large enough difference between two such scores would be decided.

    Args:
        a: score of the first model.
        b: score of the second model.
    """
    if a.doubts or b.doubts or math.isnan(a.mean - b.mean):
        return False
    return can_win(a, b) or can_win(b, a)


def can_win(higher: Estimate, lower: Estimate) -> bool:
    """Returns True if `higher` is no upper bound and `lower` no lower bound, so that their order is proof.

    Args:
        higher: score with the higher mean.
        lower: score with the lower mean.
    """
    return higher.kind in ("exact", "lower") and lower.kind in ("exact", "upper")


def _difference(name: str, ours: str, theirs: str) -> str:
    """Describes one field in which two protocols differ, digests by twelve digits."""
    if name != "data":
        return f"{name}: {ours!r} against {theirs!r}"
    # behind the digest stand the marks of steps that change the scored values
    a, b = (text.split("/")[0] for text in (ours, theirs))
    return f"data: {a[:12]}... against {b[:12]}..." if a != b else "data: the same rows, prepared otherwise"


def check_comparable(a: Estimate, b: Estimate) -> None:
    """Checks that two scores measure the same quantity on the same rows.

    Args:
        a: score of the first model.
        b: score of the second model.

    Raises:
        ValueError: if they do not; the message names the difference.
    """
    if a.protocol and b.protocol and a.protocol != b.protocol:
        found = [_difference(k, *both) for k, both in a.protocol.differences(b.protocol).items()]
        if a.conditional != b.conditional:
            found.append("what is scored: log p(x) against log p(x|c)")
        named = "; ".join(found)
        raise ValueError(f"these scores cannot be compared, their protocols differ in {named}.")
    ours, theirs = a.details.get("preprocessing"), b.details.get("preprocessing")
    if ours != theirs and not (a.protocol and b.protocol):
        raise ValueError(
            f"these scores cannot be compared: one is of {ours or 'unknown'} data, the other of "
            f"{theirs or 'unknown'} data."
        )
    if a.conditional != b.conditional:
        raise ValueError("these scores cannot be compared: one is log p(x), the other log p(x|c).")
    if a.dims != b.dims or len(a.values) != len(b.values):
        raise ValueError(
            f"these scores cannot be compared: {len(a.values)} examples of {a.dims} entries "
            f"against {len(b.values)} of {b.dims}."
        )


def _verdict(a: Estimate, b: Estimate, difference: float, error: float, chance: float) -> Comparison:
    measured = f"paired difference {difference:+.2f} +- {error:.2f} nats ({a.kind} against {b.kind})"
    undecided = lambda reason: Comparison("undecided", difference, error, reason, chance)
    if math.isnan(difference):
        return undecided(f"{measured} is not a number")
    if doubts := [*a.doubts, *b.doubts]:
        return undecided(f"{measured}, but one of them is unreliable: {' and '.join(doubts)}")
    if chance >= LEVEL:
        return undecided(f"{measured} is within {_limit(difference, error, len(a.values))}")
    higher, lower = (a, b) if difference > 0 else (b, a)
    if can_win(higher, lower):
        better: Literal["first", "second"] = "first" if difference > 0 else "second"
        return Comparison(better, difference, error, measured, chance)
    return undecided(f"{measured}: the true value behind the lower number may lie above the higher one")


def _limit(difference: float, error: float, rows: int) -> str:
    """Returns the decision threshold in words: standard errors, or Student's t for few rows."""
    beyond = abs(difference) > ERRORS * error
    return f"chance by Student's t for {rows} rows" if beyond else f"{ERRORS:g} standard errors"
