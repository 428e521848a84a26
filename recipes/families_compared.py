"""VAE, GAN, PixelRNN and PixelCNN side by side: how fast they draw, what they know of p(x), what they encode.

command     python recipes/families_compared.py [--epochs N] [--rows N]
protocol    the embedded digits (8x8), dynamically binarized; each model is trained for a few passes.
            Passes: how often the network that makes x was run for a draw, and for a draw from row caches
            how often its last layer was run for one pixel, both counted by forward hooks. Milliseconds a
            sample: one sample alone, and each of N drawn together, the best of three. log p(x): mean
            over the test images in nats; what kind of number it is, and whether the model encodes, is
            taken from its capabilities
published   none: PixelRNN and PixelCNN draw pixel by pixel, n^2 of them for a side of n (van den Oord et
            al. 2016); a VAE has a bound and no density (Kingma and Welling 2013), a GAN neither
            (Goodfellow et al. 2014)
ours        below, in 4 minutes on a busy machine (57 s of one core). The VAE and the GAN take one pass,
            PixelRNN and PixelCNN 64: from row caches these are of one pixel each, and follow each other
device      2 shared CPU cores, one thread

| model | drawn | passes | ms alone | ms of many | log p(x) | encodes |
|---|---|---|---|---|---|---|
| VAE | at once | 1 | 0.16 | 0.003 | lower bound, -25.3 +- 0.3 | yes |
| GAN | at once | 1 | 0.17 | 0.002 | none | no |
| PixelRNN | the whole network for each pixel | 64 | 1172.32 | 63.041 | exact, -24.5 +- 0.3 | no |
| PixelRNN | row caches | 64 of one pixel | 254.82 | 4.035 | exact, -24.5 +- 0.3 | no |
| PixelCNN | the whole network for each pixel | 64 | 448.49 | 26.649 | exact, -25.2 +- 0.3 | no |
| PixelCNN | row caches | 64 of one pixel | 136.92 | 1.320 | exact, -25.2 +- 0.3 | no |
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

Draw = Callable[[Rng], Tensor]


@dataclass(frozen=True)
class Member:
    """One model of the comparison.

    Args:
        build: returns the model for a space.
        network: name of the submodule that generates x.
    """

    build: Callable[[Space], Model]
    network: str


MEMBERS = {
    "VAE": Member(lambda space: simulacra.VAE(space, latent=8, hidden=(128,)), "decoder"),
    "GAN": Member(lambda space: simulacra.GAN(space, latent=8), "G"),
    "PixelRNN": Member(lambda space: simulacra.PixelRNN(space, layers=2, channels=16), "net"),
    "PixelCNN": Member(lambda space: simulacra.PixelCNN(space, layers=4, channels=16), "net"),
}


EPOCHS = 20
digits_figure = partial(
    Figure, published=None, source="", protocol="8x8 digits, 180 test images", tolerance=0.0, wide=0.0
)
SCORED = ("VAE", "PixelRNN", "PixelCNN")
FIGURES = (
    *(digits_figure(f"{name}, runs of the network for a draw", unit="runs") for name in MEMBERS),
    *(digits_figure(f"{name}, log p(x)", unit="nats") for name in SCORED),
)


def trained(member: Member, data: Dataset, epochs: float) -> Any:
    """Trains a model for `epochs` passes."""
    torch.manual_seed(0)
    return simulacra.fit(member.build(data.space), data, out=tempfile.mkdtemp(), epochs=epochs).model.eval()


def load() -> Dataset:
    """Loads the digits, binarized anew in each pass."""
    return simulacra.load_data("digits", binarize="dynamic")


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the number of network passes for a draw, and log p(x) of the test images."""
    data = load()
    figures = {figure.name: figure for figure in FIGURES}
    for name, member in MEMBERS.items():
        epochs = budget.epochs(member.build(data.space), data, EPOCHS, 0.8 / len(MEMBERS))
        model = trained(member, data, epochs)
        runs = calls(model.get_submodule(member.network), next(iter(ways(model).values())))
        yield figures[f"{name}, runs of the network for a draw"].measured(runs)
        if name in SCORED:
            score = model.log_prob(data.test.x)
            figure = figures[f"{name}, log p(x)"]
            yield figure.measured(score.mean, score.error, share=epochs / EPOCHS, note=score.kind)


def ways(model: Any) -> dict[str, Draw]:
    """Returns the ways in which a model draws: at once, or entry by entry without or with caches."""
    if model.supports(can.HasConditionals):
        return {
            "the whole network for each pixel": partial(ancestral_slow, model),
            "row caches": partial(ancestral, model),
        }
    return {"at once": model.draw}


def calls(module: nn.Module, draw: Draw) -> int:
    """Returns the number of calls of a module during one draw, counted by a forward hook.

    Args:
        module: the module whose calls are counted.
        draw: draws one sample for a generator.
    """
    seen: list[None] = []
    hook = module.register_forward_hook(lambda *_: seen.append(None))
    with torch.no_grad():
        draw(Rng(0, "sample"))
    hook.remove()
    return len(seen)


def passes(network: nn.Module, draw: Draw) -> str:
    """Describes the passes of the whole network, or of its last layer for one pixel if there are none.

    Args:
        network: the network that generates x.
        draw: draws one sample for a generator.
    """
    whole = calls(network, draw)
    return f"{whole}" if whole else f"{calls(network.get_submodule('head'), draw)} of one pixel"


def milliseconds(draw: Draw, rows: int) -> float:
    """Returns the time of a sample in ms when `rows` are drawn together, the best of three.

    Args:
        draw: draws a sample for each row of a generator.
        rows: number of samples that are drawn together.
    """
    took = []
    with torch.no_grad():
        for seed in range(3):
            began = time.perf_counter()
            draw(Rng(seed, "sample", rows=range(rows)))
            took.append(time.perf_counter() - began)
    return 1000 * min(took) / rows


def likelihood(model: Model, x: Tensor) -> str:
    """Describes the kind of log p(x), and its mean over the images."""
    if not (model.supports(can.HasDensity) or model.supports(can.HasBound)):
        return "none"
    found = model.log_prob(x)
    said = "exact" if found.kind == "exact" else f"{found.kind} bound"
    return f"{said}, {found.mean:.1f} +- {found.error:.1f}"


def main() -> None:
    """Trains each model briefly, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--rows", type=int, default=100)
    asked = parser.parse_args()
    data = load()
    print("| model | drawn | passes | ms alone | ms of many | log p(x) | encodes |")
    print("|---|---|---|---|---|---|---|")
    for name, member in MEMBERS.items():
        model = trained(member, data, asked.epochs)
        known = likelihood(model, data.test.x), "yes" if model.supports(can.Encodes) else "no"
        for way, draw in ways(model).items():
            alone, many = milliseconds(draw, 1), milliseconds(draw, asked.rows)
            cells = (
                name,
                way,
                passes(model.get_submodule(member.network), draw),
                f"{alone:.2f}",
                f"{many:.3f}",
                *known,
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
