"""`simulacra demo`: a first run on the handwritten digits that scikit-learn includes."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

from simulacra.cli.options.command import call
from simulacra.cli.output import say, shown

MODEL, DATA = "vae", "digits"
NETWORK = {"latent": 2, "hidden": (256, 256, 128), "activation": "silu", "kl_warmup": 0.3}
TRAINING = {"batch_size": 128, "lr": 3e-3, "schedule": "cosine"}
NEXT = (
    "simulacra sample {run} --n 64 --out samples.png",
    "simulacra train vae digits --model.latent 8 --data.binarize dynamic --epochs 200",
    "simulacra train vae digits --data.condition label --data.binarize dynamic --epochs 200",
    "simulacra models                   # list all models",
    "simulacra data                     # list all data sets",
)


def run(words: Sequence[str]) -> int:
    """Runs `simulacra demo` with the given command-line words."""
    return call("demo", demo, words)


def demo(*, out: str | None = None, epochs: float = 500, seed: int = 0) -> int:
    """Train a VAE with two latent variables on 8x8 digits, score it with k=1000 and draw it: takes a minute.

    Args:
        out: run folder; by default the first free runs/vae-digits-N.
        epochs: passes over the 1,437 training digits.
        seed: seed of every random number.
    """
    began = time.perf_counter()
    from simulacra.cli.commands.explore import listed
    from simulacra.cli.options.plan import Plan
    from simulacra.cli.start import start
    from simulacra.evaluation.evaluate import evaluate
    from simulacra.exploration.pictures.registry import pictures

    trained = start(
        Plan(MODEL, DATA, NETWORK, {"binarize": "dynamic"}, {**TRAINING, "epochs": epochs, "seed": seed}, out)
    )
    assert trained.data is not None
    with shown(trained.path):
        report = evaluate(trained, k=1000, seed=seed, keep=False)
        written = report.write(trained.path)
        drawn = pictures(trained.model, trained.data, trained.path, seed, trained.metrics)
    say("", report.headline(), "", "the doctor's findings:", *(f"  {finding}" for finding in report.findings))
    say("", "pictures:", listed(drawn), "", f"report: {written['page']}")
    say(f"{time.perf_counter() - began:.0f} seconds in all", "", "what to try next:")
    say(*(f"  {line.format(run=shlex.quote(str(trained.path)))}" for line in NEXT))
    return 0
