"""Records of sample scores, with those of training rows as reference, and their presentation."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.storage.records import Record
from simulacra.evaluation.samples.coverage import Coverage
from simulacra.evaluation.samples.distances import Measured


@dataclass(frozen=True)
class Frechet:
    """Frechet distance for two numbers of rows.

    Args:
        value: distance for n rows.
        half: distance for n / 2 rows, averaged over both halves.
        limit: extrapolated distance, equation (1) of `implicit`; may be slightly negative.
        error: standard error of the value over draws of the samples.
    """

    value: float
    half: float
    limit: float
    error: float


@dataclass(frozen=True)
class Scores:
    """Scores of one set of rows against held-out rows.

    Args:
        frechet: Frechet distance.
        kernel: kernel distance.
        coverage: precision, recall, density and coverage.
        inception: inception score, or None if the extractor is no classifier; the reference is that of
            held-out rows.
    """

    frechet: Frechet
    kernel: Measured
    coverage: Coverage
    inception: Measured | None


@dataclass(frozen=True)
class ModesFound:
    """Modes of a known mixture that have samples.

    Args:
        covered: number of modes with a sample within three standard deviations.
        of: number of modes.
        good: share of the samples within three standard deviations of a mode.
        expected: that share of the held-out rows.
    """

    covered: int
    of: int
    good: float
    expected: float


@dataclass(frozen=True)
class SampleQuality(Record):
    """Scores of samples, and of as many training rows.

    Args:
        extractor: label of the feature extractor.
        extractor_digest: SHA-256 of its weights.
        features: number of features.
        samples: number n of samples, of training rows and of held-out rows.
        seed: seed of the samples and the choice of rows.
        model: scores of the samples.
        reference: scores of training rows.
        modes: modes with samples; None if the modes of the data are unknown.
    """

    extractor: str
    extractor_digest: str
    features: int
    samples: int
    seed: int
    model: Scores
    reference: Scores
    modes: ModesFound | None


@dataclass(frozen=True)
class Skipped(Record):
    """A measure that was not computed.

    Args:
        skipped: the reason.
    """

    skipped: str


def quality_rows(found: SampleQuality | Skipped) -> list[tuple[str, str]]:
    """Returns name and value of each score of samples, in words."""
    if isinstance(found, Skipped):
        return [("scores of samples", f"not measured: {found.skipped}")]
    ours, best, n = found.model, found.reference, found.samples
    f = ours.frechet
    half, whole, limit = (f"{value:.4g}" for value in (f.half, f.value, f.limit))
    rows = [
        ("features of samples", found.extractor),
        (
            "Frechet distance",
            f"{limit} extrapolated ({half} at {n // 2:,} samples, {whole} at {n:,}; training rows "
            f"{best.frechet.limit:.3g} extrapolated, {best.frechet.value:.3g})",
        ),
        ("kernel distance", _pair(ours.kernel, best.kernel, "training rows", ".3g")),
    ]
    for a, b in (("precision", "recall"), ("density", "coverage")):
        values = [f"{100 * getattr(side.coverage, name):.1f}%" for side in (ours, best) for name in (a, b)]
        rows.append((f"{a}, {b}", f"{values[0]}, {values[1]} (training rows {values[2]}, {values[3]})"))
    if ours.inception and best.inception:
        rows.append(("inception score", _pair(ours.inception, best.inception, "held-out rows", ".2f")))
    if found.modes:
        m = found.modes
        rows.append(
            (
                "modes with a sample",
                f"{m.covered} of {m.of}; {m.good:.1%} of samples near a mode (held-out rows "
                f"{m.expected:.1%})",
            )
        )
    return rows


def _pair(ours: Measured, best: Measured, who: str, digits: str) -> str:
    return f"{ours.value:{digits}} +- {ours.error:.1g} ({who} {best.value:{digits}})"
