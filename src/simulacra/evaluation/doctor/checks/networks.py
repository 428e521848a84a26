"""Checks of networks and chains: dead units, poor mixing, blurry decoders."""

from __future__ import annotations

from collections.abc import Iterator

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import LONGER, Option, Setting
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, of_rows, well
from simulacra.evaluation.latents.spread import Spread
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CODES, LAYERS, MIXING, SPREAD

SOME_DEAD, MANY_DEAD = 0.25, 0.5  # shares of dead units in a layer, for a note and a warning
ENOUGH = 8  # living units of a layer for each active unit of the code: dead ones are then no fault
R_HAT, BAD_R_HAT = 1.05, 1.1  # for a note and a warning
FEW_STATES = 100  # smallest effective sample size of all chains together
WIDE = 2.0  # largest ratio of the decoder's standard deviation to that of the residuals
DETAIL, LITTLE_DETAIL = 0.5, 0.25  # shares of edges that reconstructions keep, for a note and a warning
ROUGH = 2.0  # times the edges of the data: expected images have more only by noise
PAGE = "docs/doctor.md"


def dead(evidence: Evidence) -> Finding | None:
    """Hidden units with the same value for every x."""
    layers = evidence[LAYERS]
    if not layers:
        return None
    name, see = "dead hidden units", f"{PAGE}#dead-hidden-units"
    worst = max(layers, key=lambda layer: layer.dead / layer.size)
    dead, size = (sum(counts) for counts in zip(*((layer.dead, layer.size) for layer in layers)))
    measured = f"{dead} of {size} hidden units are the same for every x"
    measured += f", {worst.dead} of {worst.size} in {worst.name}" if dead else ""
    share, normal = worst.dead / worst.size, f"at most {SOME_DEAD:.0%} of a layer"
    if share <= SOME_DEAD:
        # fewer than 50 rows are not measured at all
        return well(name, measured, normal, "the units are used", see, CERTAIN)
    leaky = Option("activation", "leaky-relu")
    suggestion, options = setting(evidence).ways("a lower lr", leaky, "fewer units")
    severity: Severity = "warning" if share > MANY_DEAD else "note"
    meaning, codes = "they pass no gradient and carry nothing", evidence[CODES]
    active = 0 if codes is None or codes.units is None else codes.units.count
    if active and worst.size - worst.dead >= ENOUGH * active:
        severity, options = "note", ()
        meaning += (
            f", and the others are enough for the {active} active unit{'s' * (active != 1)} of the code"
        )
        suggestion, _ = setting(evidence).ways("fewer units for speed")
    return Finding(severity, name, measured, normal, meaning, suggestion, see, options)


def mixing(evidence: Evidence) -> Finding | None:
    """Markov chains that do not mix, so that samples and gradients depend on their initial states."""
    found = evidence[MIXING]
    if found is None:
        return None
    name, see = "mixing of chains", f"A5, {PAGE}#mixing-of-chains"
    given = f" and two for each of {found.conditions} conditions" if found.conditions else ""
    measured = (
        f"R-hat is {found.r_hat:.3g} ({found.r_hat_of}) and the autocorrelation time {found.tau:.3g} sweeps "
        f"({found.tau_of}), so {found.chains} chains of {found.kept} sweeps, {found.from_data} of them from "
        f"rows{given}, are worth {found.effective:.3g} states"
    )
    normal = f"R-hat below {R_HAT:g}, {FEW_STATES} states or more"
    if found.r_hat <= R_HAT and found.effective >= FEW_STATES:
        return well(name, measured, normal, "the chains forget where they began", see, CERTAIN)
    meaning = "samples depend on where the chains began"
    longer = Option("burn_in", 5000, "to draw samples")
    suggestion, options = setting(evidence).ways(longer, "a lower lr for smaller weights", learned=False)
    severity: Severity = "warning" if found.r_hat > BAD_R_HAT else "note"
    return Finding(severity, name, measured, normal, meaning, suggestion, see, options)


def blur(evidence: Evidence) -> Finding | None:
    """A decoder that is wider than its errors, or reconstructions without the edges of the data (E7)."""
    found = evidence[SPREAD]
    if found is None or (found.decoder is None and found.detail is None):
        return None
    name, see, said = "blurry decoder", f"E7, {PAGE}#blurry-decoder", []
    wide, kept = False, 1.0
    if found.decoder is not None:
        said.append(f"x given z varies by {found.decoder:.3g} and the residuals by {found.residual:.3g}")
        wide = found.decoder > WIDE * found.residual
    if found.detail is not None:
        said.append(f"reconstructions keep {found.detail:.0%} of the edges")
        kept = found.detail
    measured, normal = " and ".join(said), " and ".join(_normal_blur(found))
    if wide:
        meaning = "the decoder pays for no small change of x, so its samples are noise around a blur"
        ways = _narrower(setting(evidence))
        suggestion, _ = setting(evidence).ways(*ways, learned=LONGER in ways)
        return Finding("warning", name, measured, normal, meaning, suggestion, see)
    if kept < DETAIL:
        meaning = "expected images are much smoother than the data"
        severity: Severity = "warning" if kept < LITTLE_DETAIL else "note"
        suggestion, _ = setting(evidence).ways("a longer code", "a larger decoder", "more epochs")
        return Finding(severity, name, measured, normal, meaning, suggestion, see)
    if kept > ROUGH:
        meaning = "expected images are rougher than the data: their edges are noise"
        suggestion, _ = setting(evidence).ways("more epochs", "a lower lr")
        return Finding("note", name, measured, normal, meaning, suggestion, see)
    return well(name, measured, normal, _clear(found), see, of_rows(found.rows))


def _narrower(facts: Setting) -> tuple[str, ...]:
    """Returns what makes a decoder narrower: training, if it learns its scale."""
    learned = ("model", "scale") in facts.given and facts.given["model", "scale"] is None
    return (LONGER, "a smaller scale") if learned else ("a smaller scale", "a learned one, without scale=")


def _normal_blur(found: Spread) -> Iterator[str]:
    """Yields the limits of what was measured."""
    if found.decoder is not None:
        yield f"a width of at most {WIDE:g} times the residuals"
    if found.detail is not None:
        yield f"{DETAIL:.0%} to {ROUGH:.0%} of the edges"


def _clear(found: Spread) -> str:
    """Says what was measured of a decoder that is not blurry."""
    said = []
    if found.decoder is not None:
        ratio = found.residual / max(found.decoder, 1e-300)
        close = ratio <= WIDE
        said.append(
            "the decoder is as wide as its errors" if close else f"its errors are {ratio:.2g} times as wide"
        )
    if found.detail is not None:
        said.append("the edges are kept")
    return " and ".join(said)


CHECKS = (dead, mixing, blur)
