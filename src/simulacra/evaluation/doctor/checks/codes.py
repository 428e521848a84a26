"""Checks of the codes: their information about x, the reconstructions, and the match with the prior."""

from __future__ import annotations

from simulacra.core.errors.finding import Finding
from simulacra.core.scores.chance import chance_of
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import Reach, of_effect, of_interval, of_rows, well
from simulacra.evaluation.latents.rates import IDLE, Rates
from simulacra.evaluation.measures.checked import AGAINST_MEAN
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CODES, RATES

DEAD_KL = 0.1  # nats of KL to the prior below which the posterior has collapsed
LITTLE = 0.1  # nats of I_q(x; z) below which the code is the same for every x, whatever the KL
SURE = 3.0  # standard errors of a significant difference
APART = 2.0  # nats from the prior that should not go unseen
WORSE = 0.05  # by this share, reconstructions must be worse than the mean for a warning
UNLIKELY = 1e-3  # significance level
PARTS = 4  # largest number of idle parts that are named
PAGE = "docs/doctor.md"
WARMUP = Option("kl_warmup", 0.5, "to anneal the KL")
WORDS = Option("word_dropout", 0.5, "to hide words from the decoder")
FREE = Option("free_bits", 0.1, "to charge nothing for a little KL")
USED = (WARMUP, WORDS, FREE, "a weaker decoder")  # ways to a code that the decoder uses


def collapse(evidence: Evidence) -> Finding | None:
    """Posterior collapse: the code carries no information, the decoder alone models x (E7)."""
    codes = evidence[CODES]
    if codes is None or codes.units is None:
        return _without_rate(evidence) if codes is None else None
    kl, units = codes.kl, codes.units
    name, see = "posterior collapse", f"E7, {PAGE}#posterior-collapse"
    measured = (
        f"KL to the prior {kl.total:.3g} nats, I(x; z) {kl.information:.3g} +- {kl.information_error:.1g} "
        f"nats, {units.count} of {units.size} units active"
    )
    normal = f"a KL and an I(x; z) above {DEAD_KL:g}, at least one active unit"
    silent = kl.information + SURE * kl.information_error < LITTLE
    if units.count == 0 or kl.total < DEAD_KL or silent:
        suggestion, options = setting(evidence).ways(*USED)
        told = kl.information > SURE * kl.information_error and units.count
        meaning = "the code tells the decoder next to nothing" if told else "the decoder ignores the code"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    reach = of_interval(kl.information, kl.information_error, LITTLE, kl.rows)
    return well(name, measured, normal, "the code is used", see, reach)


def _without_rate(evidence: Evidence) -> Finding | None:
    """Judges the collapse of a code that is no single Gaussian by its rates."""
    found = evidence[RATES]
    if found is None or setting(evidence).ends:
        return None
    name, see = "posterior collapse", f"E7, {PAGE}#posterior-collapse"
    measured = f"KL to the prior {found.total:.3g} nats"
    if len(found.names) > 1:
        measured += f", {len(found.names) - len(found.idle)} of {len(found.names)} parts of the code used"
    normal = f"a KL above {DEAD_KL:g}"
    if found.total < DEAD_KL:
        suggestion, options = setting(evidence).ways(*USED)
        meaning = "the decoder ignores the code"
        return Finding("warning", name, measured, normal, meaning, suggestion, see, options)
    reach = of_interval(found.total, found.total_error, DEAD_KL, found.rows)
    return well(name, measured, normal, "the code is used", see, reach)


def _idle_parts(evidence: Evidence) -> Finding | None:
    """Returns a note on layers or steps of a code whose rate is 0."""
    found = evidence[RATES]
    if found is None or found.total < DEAD_KL or len(found.names) < 2 or setting(evidence).ends:
        return None
    name, see = "unused units", f"E9, {PAGE}#unused-units"
    shown = ", ".join(found.idle[:PARTS]) + (" and others" if len(found.idle) > PARTS else "")
    measured = f"{len(found.idle)} of {len(found.names)} parts of the code{f' ({shown})' if shown else ''} "
    measured += f"have a rate below {IDLE:g} nats"
    if not found.idle:
        return well(name, measured, "none", "all are used", see, _reach_of_parts(found))
    suggestion, options = setting(evidence).ways(WARMUP, "a code with fewer parts")
    return Finding("note", name, measured, "none", "they say nothing about x", suggestion, see, options)


def _reach_of_parts(found: Rates) -> Reach:
    """Returns what is told of the parts: one below `IDLE`, though not beyond chance, may be idle."""
    low = (name for name, mean in zip(found.names, found.means) if abs(mean) < IDLE)
    return Reach(next((f"{name} may be idle" for name in low), "")) & of_rows(found.rows)


def unused(evidence: Evidence) -> Finding | None:
    """Inactive units of the code, whose posterior is the prior for every x."""
    codes = evidence[CODES]
    if codes is None:
        return _idle_parts(evidence)
    units = codes.units
    if units is None or units.count == 0:
        return None
    name, see, idle = "unused units", f"E7, {PAGE}#unused-units", units.size - units.count
    measured = (
        f"{idle} of {units.size} units of the code have a mean that varies by at most {units.threshold:g}"
    )
    if not idle:
        return well(name, measured, "none", "all are used", see, of_rows(codes.kl.rows))
    meaning = "they are idle: the code is longer than what the model says with it"
    more = Option("kl_warmup", 0.5, "to use more")
    suggestion, options = setting(evidence).ways(
        Option("latent", units.count, lower=True), more, "a shorter code"
    )
    return Finding("note", name, measured, "none", meaning, suggestion, see, options)


def mismatch(evidence: Evidence) -> Finding | None:
    """An aggregate posterior that differs from the prior (E6)."""
    codes = evidence[CODES]
    if codes is None or codes.kl.saturated:
        return None
    kl = codes.kl
    name, see = "aggregate posterior", f"E6, {PAGE}#aggregate-posterior"
    measured = f"the codes of the data are {kl.marginal:.2f} +- {kl.marginal_error:.2f} nats from the prior"
    if kl.marginal > 1 + SURE * kl.marginal_error:
        meaning = "samples of the prior start where no x was encoded"
        suggestion, _ = setting(evidence).ways("more epochs", "a richer prior")
        return Finding("note", name, measured, "below 1", meaning, suggestion, see)
    reach = of_effect(kl.marginal_error, kl.rows, APART, "nats")
    return well(name, measured, "below 1", "they fill it", see, reach)


def reconstructions(evidence: Evidence) -> Finding | None:
    """Reconstructions that are further from x than the mean of the training rows."""
    found = evidence[AGAINST_MEAN]
    if found is None or not found.mean:
        return None
    name, see = "reconstructions", f"{PAGE}#reconstructions"
    measured = f"the squared error of {found.rows} reconstructions is {found.model / found.mean:.3g} times "
    measured += "that of the mean of training rows"
    chance = chance_of(found.model - found.mean, found.error, found.rows - 1)
    if found.model > (1 + WORSE) * found.mean and chance < UNLIKELY:
        suggestion, options = setting(evidence).ways(
            "more epochs", Option("lr", 1e-3, "or lower", "train", lower=True)
        )
        meaning = "the code is worse than none"
        return Finding("warning", name, measured, "below 1", meaning, suggestion, see, options)
    beats = found.model < found.mean and chance < UNLIKELY
    meaning = "the code beats the mean" if beats else "neither better nor worse than the mean beyond chance"
    # an error twice that of the mean should not go unseen
    reach = of_effect(found.error / found.mean, found.rows, 1.0, "times the error of the mean", UNLIKELY)
    return well(name, measured, "below 1", meaning, see, reach)


CHECKS = (collapse, unused, mismatch, reconstructions)
