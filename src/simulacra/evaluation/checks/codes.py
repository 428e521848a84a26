"""Checks of the codes: what they carry of x, and whether samples of the prior look like them."""

from __future__ import annotations

from simulacra.core.finding import Finding
from simulacra.evaluation.measure import Evidence
from simulacra.evaluation.measures import CODES

DEAD_KL = 0.1  # nats: less and the code says next to nothing of x
LITTLE = 0.1  # nats of I_q(x; z): a KL without them is the same code for every x
SURE = 3.0  # standard errors
PAGE = "docs/doctor.md"


def collapse(evidence: Evidence) -> Finding | None:
    """Posterior collapse: the code carries nothing, the decoder models x alone (E7)."""
    codes = evidence[CODES]
    if codes is None or codes.units is None:
        return None
    kl, units = codes.kl, codes.units
    name, see = "posterior collapse", f"E7, {PAGE}#posterior-collapse"
    measured = (
        f"KL to the prior {kl.total:.3g} nats, I(x; z) {kl.information:.3g} +- {kl.information_error:.1g} "
        f"nats, {units.count} of {units.size} units active"
    )
    normal = f"a KL and an I(x; z) above {DEAD_KL:g}, at least one active unit"
    silent = kl.information + SURE * kl.information_error < LITTLE
    if units.count == 0 or kl.total < DEAD_KL or silent:
        mend = "kl_warmup=0.5 to anneal the KL, or a weaker decoder"
        return Finding("warning", name, measured, normal, "the decoder ignores the code", mend, see)
    return Finding("ok", name, measured, normal, "the code is used", "", see)


def unused(evidence: Evidence) -> Finding | None:
    """Units of the code that stay at the prior whatever x is."""
    codes = evidence[CODES]
    units = None if codes is None else codes.units
    if units is None or units.count == 0:
        return None
    name, see, idle = "unused units", f"E7, {PAGE}#unused-units", units.size - units.count
    measured = (
        f"{idle} of {units.size} units of the code have a mean that varies by at most {units.threshold:g}"
    )
    if not idle:
        return Finding("ok", name, measured, "none", "all are used", "", see)
    means = "they are idle: the code is longer than what the model says with it"
    mend = f"latent={units.count}, or kl_warmup=0.5 to use more"
    return Finding("note", name, measured, "none", means, mend, see)


def mismatch(evidence: Evidence) -> Finding | None:
    """An aggregate posterior that is not the prior (E6)."""
    codes = evidence[CODES]
    if codes is None or codes.kl.saturated:
        return None
    kl = codes.kl
    name, see = "aggregate posterior", f"E6, {PAGE}#aggregate-posterior"
    measured = f"the codes of the data are {kl.marginal:.2f} +- {kl.marginal_error:.2f} nats from the prior"
    if kl.marginal > 1 + SURE * kl.marginal_error:
        means = "samples of the prior start where no x was encoded"
        return Finding("note", name, measured, "below 1", means, "more epochs, or a richer prior", see)
    return Finding("ok", name, measured, "below 1", "they fill it", "", see)


CHECKS = (collapse, unused, mismatch)
