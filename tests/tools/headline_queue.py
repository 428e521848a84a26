"""A queue of toy recipes in a folder of its own, and the processes that run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from headlines import entries
from headlines.meter import Meter, cpu_seconds
from headlines.running import Place, run

TOOL = Path(__file__).resolve().parents[2] / "tools" / "headline.py"
HANG = 600  # seconds after which a process is taken for one that hangs
HEAD = '''"""{name}, a toy.

command     SIMULACRA_DATA=DATA python {name}.py    (DATA holds there/x.csv)
protocol    none
published   Somebody 1999: -3.5
ours        -3.4
device      1 core
"""

import time
from pathlib import Path

import torch

import simulacra
from simulacra.evaluation.compare.reproduction import Figure

FIGURES = (
    Figure("first", -3.5, "Somebody 1999", "nats", "halves", 0.1, 0.5),
    Figure("second", 2.0, "Somebody 1999", "nats", "halves", 0.1, 0.5, "higher"),
)


def reproduce(budget):
'''
FAST = "yield FIGURES[0].measured(-3.45, 0.25)\nyield FIGURES[1].measured(1.2, share=0.5)\n"
TRAINS = """
data = simulacra.load_data("ring")
for seed, figure in enumerate(FIGURES):
    torch.manual_seed(seed)
    model = simulacra.VAE(data.space, latent=2, hidden=(16,))
    settings = {"checkpoint_seconds": 0.05, "validate": False, "progress": False}
    run = budget.fit(f"vae-{seed}", model, data, PASSES[seed], 0.4, **settings)
    yield figure.measured(run.model.log_prob(data.test.x, k=5).mean)
"""


def figures(**changed) -> list[dict]:
    """The figures of an entry, those of the toys."""
    first = {"name": "first", "published": -3.5, "tolerance": 0.1, "wide": 0.5}
    return [
        {**first, **changed},
        {"name": "second", "published": 2.0, "tolerance": 0.1, "wide": 0.5, "better": "higher"},
    ]


class Toys:
    """A folder with recipes and their queue.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path):
        self.recipes, self.cache = root / "recipes", root / "cache"
        self.recipes.mkdir(parents=True)
        self.queue = self.recipes / "queue.yaml"
        self.entries: list[dict] = []

    def add(self, name: str, body: str, **more) -> None:
        """A recipe and its entry; `more` are keys of the entry."""
        text = HEAD.format(name=name) + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
        (self.recipes / f"{name}.py").write_text(text, encoding="utf-8")
        self.entries.append({"recipe": name, "minutes": 10, "figures": figures(), **more})
        self.write()

    def write(self) -> None:
        """The queue as `entries` have it."""
        self.queue.write_text(yaml.safe_dump(self.entries, sort_keys=False), encoding="utf-8")

    @property
    def options(self) -> list[str]:
        """The tool's options for this folder."""
        return ["--queue", str(self.queue), "--cache", str(self.cache)]

    def start(self, *words: str) -> subprocess.Popen:
        """The tool as a process, which can be killed."""
        env = {**os.environ, "MPLBACKEND": "Agg"}
        return subprocess.Popen(
            [sys.executable, str(TOOL), *words, *self.options],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def place(self) -> Place:
        """The first entry."""
        return Place(entries.read(self.queue)[0], self.queue, self.cache)

    def recorded(self, name: str) -> dict:
        """The run that was recorded of a recipe."""
        file = self.recipes / "results" / f"{name}.json"
        return json.loads(file.read_text(encoding="utf-8"))["headline"]

    def run_here(self) -> None:
        """Run the first entry in this process, whose CPU seconds count from now on."""
        place = self.place
        place.folder.mkdir(parents=True, exist_ok=True)
        run(place, lambda line: None, Meter(place.folder, place.entry.minutes, since=cpu_seconds()))
