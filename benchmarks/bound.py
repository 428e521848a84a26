"""Compares the importance-weighted bound with pythae's `get_nll` and with a lower bound of its time."""

from __future__ import annotations

import math
import time

import torch
from torch import nn
from torch.nn import functional as F

import simulacra
from benchmarks.memory import in_a_fresh_process, peak
from benchmarks.setup import dataset, theirs
from benchmarks.timing import Row, interleaved, median, ratio
from benchmarks.training import our_fit
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import ImportanceBound, importance_bound
from simulacra.core.spaces.plain import Binary

LATENT, HIDDEN = 50, (200, 200)


def trained() -> tuple[simulacra.VAE, torch.Tensor, str]:
    """Returns the one-layer VAE of Burda et al., trained briefly, with test images and the data's name."""
    torch.manual_seed(0)
    data, name = dataset(10_200)
    model = simulacra.VAE(data.space, latent=LATENT, hidden=HIDDEN, activation="tanh")
    our_fit(model, data, 300, 128)
    return model.eval(), data.test.x[:200].float(), name


@torch.no_grad()
def floor(decoder: nn.Module, rows: int, chunk: int = 1280) -> None:
    """Computes only the decoder's matrix products with tanh, and the softplus of the likelihood.

    Args:
        decoder: the decoder network.
        rows: number of codes.
        chunk: number of codes that are decoded together.
    """
    first, _, second, _, last = decoder.body
    z = torch.randn(chunk, LATENT)
    for _ in range(rows // chunk):
        h = torch.tanh(F.linear(z, first.weight, first.bias))
        h = torch.tanh(F.linear(h, second.weight, second.bias))
        F.softplus(F.linear(h, last.weight, last.bias)).sum(1)


def bound_speed(quick: bool) -> list[Row]:
    """Measures k=5000 on 200 images: at least 5 times as fast as pythae, at most 1.5 times the floor."""
    model, x, name = trained()
    x, k = (x[:10], 5000) if quick else (x, 5000)
    other = theirs(model, LATENT).eval()
    results: dict[str, float | ImportanceBound] = {}

    def ours() -> None:
        results["ours"] = importance_bound(model, x, None, k, Rng(1, rows=range(len(x))))

    def pythae() -> None:
        # the returned "nll" is in fact the mean of log p
        with torch.no_grad():
            results["pythae"] = float(other.get_nll(x, n_samples=k, batch_size=100))

    def alone() -> None:
        floor(model.decoder, len(x) * k)

    fast = interleaved({"ours": ours, "floor": alone}, 3)
    slow = interleaved({"ours": ours, "pythae": pythae}, 1 if quick else 2)
    bound = results["ours"]
    assert isinstance(bound, ImportanceBound)
    mean, error = float(bound.bound.mean()), monte_carlo_error(bound, k)
    apart = abs(mean - float(results["pythae"])) / (math.sqrt(2) * error)  # type: ignore[arg-type]
    speed, over = ratio(slow, "pythae", "ours"), ratio(fast, "ours", "floor")
    note = f"{len(x)} test images of {name}, 784-[200 tanh x2]-50, ours {median(fast['ours']):.2f} s"
    return [
        Row(f"IWAE bound k={k}, pythae `get_nll` / ours", f"{speed[1]:.2f}", ">= 5", speed[1] >= 5, note),
        Row(
            "the same, ours / its floor",
            f"{over[1]:.2f} ({over[0]:.2f} to {over[2]:.2f})",
            "<= 1.5",
            over[1] <= 1.5,
            f"floor: decoder products, tanh, softplus alone, {median(fast['floor']):.2f} s",
        ),
        Row(
            "the two values apart, in standard errors",
            f"{apart:.2f} (ours {mean:.3f}, pythae {results['pythae']:.3f})",
            "<= 3",
            apart <= 3,
            "Monte-Carlo error of both, from the effective sample size",
        ),
    ]


def monte_carlo_error(bound: ImportanceBound, k: int) -> float:
    """Returns the standard error of the mean bound over draws: var log w_mean is about 1/ESS - 1/k.

    Args:
        bound: bounds and effective sample sizes of the rows.
        k: number of importance samples.
    """
    variance = (1 / bound.effective - 1 / k).clamp_min(0)
    return float(variance.sum().sqrt() / len(variance))


def bound_noise(quick: bool) -> list[Row]:
    """Compares scores at k=50 with noise by content to a torch generator for each row: at most 1.1 times."""
    rows = []
    for side in (8, 28):
        for latent in (2, 32):
            model = simulacra.VAE(Binary((1, side, side)), latent=latent, hidden=(256,), net="mlp").eval()
            x = torch.randint(0, 2, (1000, 1, side, side), dtype=torch.uint8)
            seen = x.float()

            def by_content(x=x, seen=seen, model=model) -> None:
                importance_bound(model, seen, None, 50, Rng(1).by_content(x))

            def by_place(seen=seen, model=model) -> None:
                importance_bound(model, seen, None, 50, Rng(1, rows=range(len(seen))).per_row())

            ways = {"content": by_content, "place": by_place}
            found = interleaved(ways, 3 if quick else 15, time.process_time)
            low, mid, high = ratio(found, "content", "place")
            rows.append(
                Row(
                    f"score at k=50, {side} x {side}, latent {latent}: noise by content / a generator a row",
                    f"{mid:.2f} ({low:.2f} to {high:.2f})",
                    "<= 1.1",
                    mid <= 1.1,
                    f"VAE, 256 hidden units, 1,000 rows, by content {median(found['content']):.3f} s of CPU",
                )
            )
    return rows


def bound_memory(quick: bool) -> list[Row]:
    """Compares the peak memory of k=16000 with k=1000, each in a process of its own."""
    peaks = {k: in_a_fresh_process("bound", f"measure({k})") for k in (1000, 16000)}
    growth = peaks[16000] - peaks[1000]
    return [
        Row(
            "peak memory of the bound, k=16000 minus k=1000",
            f"{growth:+.0f} MB",
            "no growth (<= 16 MB)",
            growth <= 16,
            f"peak {peaks[16000]:.0f} MB of which torch itself is most",
        )
    ]


def measure(k: int) -> None:
    """Prints the peak memory in MB of the bound on eight images."""
    torch.set_num_threads(1)
    model = simulacra.VAE(Binary((784,)), latent=LATENT, hidden=HIDDEN, activation="tanh").eval()
    importance_bound(model, torch.zeros(8, 784), None, k, Rng(0, rows=range(8)))
    print(peak())
