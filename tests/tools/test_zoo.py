"""The zoo: every published name is a choice of pieces that builds, with the losses of its named model."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest
import torch

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.catalog import CATALOG

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import zoo

CLASSES, IMAGES = Categorical((), 3), Levels((1, 16, 16), 4)
SPACES = {
    "points": (Real((3,)), None),
    "images": (IMAGES, None),
    "labelled images": (IMAGES, CLASSES),
    "waves": (Audio((13,), 8000), None),
    "labelled waves": (Audio((13,), 8000), CLASSES),
    "enlarged images": (IMAGES, Levels((1, 8, 8), 4)),
}
TINY = {"hidden": (7,), "channels": 2, "width": 5, "blocks": 1, "critic_channels": 2}


def built(model: str, data: str, options: dict):
    """A small instance from seed 0, in double precision."""
    space, condition = SPACES[data]
    cls = CATALOG[model].load()
    known = inspect.signature(cls).parameters
    small = {name: value for name, value in TINY.items() if name in known}
    torch.manual_seed(0)
    return cls(space, condition, **{**small, **options}).double().train()


def losses(model, data: str) -> dict[str, torch.Tensor]:
    """The terms of both players on five rows."""
    space, condition = SPACES[data]
    rng = Rng(1, rows=range(5))
    x = rng.uniform("x", *space.shape, dtype=torch.float64)
    x = (4 * x).long() if isinstance(space, Levels) else x - 0.5
    c = None if condition is None else torch.arange(5) % 3
    if condition is not None and condition.shape:
        c = torch.zeros(5, *condition.shape, dtype=torch.long)
    players = model.stage(0, []).updates
    return {f"{u.name} {k}": t for u in players for k, t in u.loss(model, Batch.of(x, c), rng).loss.items()}


@pytest.mark.system("G31")
@pytest.mark.parametrize("choice", zoo.CHOICES, ids=lambda choice: choice.name)
def test_every_line_builds_and_is_the_model_that_it_names(choice):
    model = built(choice.model, choice.data, choice.options)
    ours = losses(model, choice.data)
    assert ours and all(term.isfinite().all() for term in ours.values())
    if choice.also:
        torch.testing.assert_close(losses(built(choice.also, choice.data, {}), choice.data), ours)


@pytest.mark.system("G31")
def test_the_page_is_what_the_tool_writes_and_names_every_game():
    page = zoo.PAGE.read_text(encoding="utf-8")
    assert page == zoo.page(), "run `python tools/zoo.py --write`"
    missing = [
        name for name, entry in CATALOG.items() if entry.family == "adversarial" and f"`{name}`" not in page
    ]
    assert len(missing) == 0, missing
