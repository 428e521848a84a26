"""Measures drawing of series from queues: a sample costs the layers, whatever the receptive field."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.models.autoregressive.wavenet import WaveNet
from simulacra.nets.autoregressive.dilated import Column

# Both stretches of 128 samples have the same position relative to the queues of up to 512, and all queues
# wrap around within each. The late one begins where 30 layers have nearly all of their 3071 samples.
PART, EARLY, LATE = 128, 448, 3008
DEPTHS = (10, 20, 30)
NAME = "WaveNet (32 channels, 256 levels), one series"


@torch.no_grad()
def wavenet(quick: bool) -> list[Row]:
    """Measures the receptive field run again for each sample, us a layer, and late against early samples."""
    models = {n: WaveNet(Levels((LATE + PART,), 256), blocks=n // 10, layers=10).eval() for n in DEPTHS}
    early = {n: _drawn(model, model.begin(1), 0, EARLY) for n, model in models.items()}
    deepest, late = models[30], _drawn(models[30], early[30], EARLY, LATE)
    window = torch.randint(256, (1, deepest.receptive_field))
    # states are immutable, so the same samples can be drawn repeatedly
    draw = {str(n): partial(_drawn, model, early[n], EARLY, EARLY + PART) for n, model in models.items()}
    draw["late"] = partial(_drawn, deepest, late, LATE, LATE + PART)
    seconds = interleaved({**draw, "again": partial(deepest.net, window)}, 5 if quick else 15)
    each = {name: [s / PART for s in values] if name in draw else values for name, values in seconds.items()}
    return [_again(each), _layers(each), _flat(each)]


def _drawn(model: WaveNet, state: Column, start: int, stop: int) -> Column:
    """Returns the state after the samples from `start` to `stop`, each with its noise."""
    rng = Rng(0, rows=range(1))
    for t in range(start, stop):
        p = model.entry_head.build(model.next_parameters(state, t))
        state = model.advance(state, t, p.sample(rng.at("entry", t)))
    return state


def _again(seconds: Mapping[str, list[float]]) -> Row:
    low, mid, high = ratio(seconds, "again", "30")
    return Row(
        f"{NAME}, 30 layers: the receptive field run again for each sample / queues",
        f"{mid:.0f} ({low:.0f} to {high:.0f})",
        ">= 20",
        mid >= 20,
        f"one pass over the 3071 samples that one sees {_us(seconds, 'again')} us; a sample from queues with "
        f"its noise {_us(seconds, '30')} us, mean of {PART}",
    )


def _layers(seconds: Mapping[str, list[float]]) -> Row:
    """Compares the time at 30 layers with the straight line through 10 and 20 layers."""
    line = [2 * twenty - ten for ten, twenty in zip(seconds["10"], seconds["20"])]
    low, mid, high = ratio({**seconds, "line": line}, "30", "line")
    figures = ", ".join(f"{_us(seconds, str(n))} at {n}" for n in DEPTHS)
    slope = median([(b - a) / 20 for a, b in zip(seconds["10"], seconds["30"])]) * 1e6
    return Row(
        f"{NAME}: a sample with 30 layers / on the line through 10 and 20 layers",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        "<= 1.25",
        mid <= 1.25,
        f"us a sample: {figures} layers; {slope:.1f} us a layer, with dilations 1 to 512",
    )


def _flat(seconds: Mapping[str, list[float]]) -> Row:
    low, mid, high = ratio(seconds, "late", "30")
    return Row(
        f"{NAME}, 30 layers: a sample after {LATE} / a sample after {EARLY}",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        "<= 1.25",
        mid <= 1.25,
        f"{_us(seconds, 'late')} and {_us(seconds, '30')} us, means of {PART}",
    )


def _us(seconds: Mapping[str, list[float]], name: str) -> str:
    return f"{median(seconds[name]) * 1e6:.0f}"
