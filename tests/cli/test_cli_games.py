"""Every catalogued game from the command line: train, sample, evaluate, explore; and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

from contract.representatives import quick
from simulacra.models.catalog import CATALOG

ROOMS = (".paired.", ".captions.", ".frames.", ".unpaired.")  # games of other data have files of their own
GAMES = [
    entry.name
    for entry in CATALOG.values()
    if entry.family == "adversarial" and not any(room in entry.module for room in ROOMS)
]
IMAGES = ["images.npz", "--data.key", "x", "--data.levels", "256"]
LABELS = [*IMAGES, "--data.label", "y", "--data.condition", "label"]
BRIEF = ["--epochs", 1, "--batch_size", 16, "--out", "run"]
SMALL = {
    "gan": ["--model.hidden", "9", "--model.network", "mlp"],
    "dcgan": ["--model.channels", 3],
    "r3gan": ["--model.channels", 3, "--model.blocks", 1],
    "progressive-gan": ["--model.channels", 2, "--data.size", 8],
    "semi-supervised-gan": ["--model.labels", 4, "--model.hidden", "9,7", "--model.generator_hidden", "9"],
}


@pytest.fixture
def files(tmp_path):
    """Grey images of 6 x 6 pixels, striped one way or the other."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 130)
    stripes = rng.integers(0, 2, (130, 6))[:, :, None].repeat(6, 2)
    x = np.where(y[:, None, None] == 1, stripes, stripes.swapaxes(1, 2)) * 200 + rng.integers(
        0, 50, (130, 6, 6)
    )
    np.savez(tmp_path / "images.npz", x=x[:, None].astype(np.uint8), y=y)
    return tmp_path


@pytest.mark.parametrize("name", quick(GAMES, ("gan", "began").__contains__))
def test_a_game_from_training_to_pictures(cli, files, name, monkeypatch):
    monkeypatch.setattr("simulacra.exploration.latent.inversion.STEPS", 5, raising=False)
    data = LABELS if name == "semi-supervised-gan" else IMAGES
    small = SMALL.get(name, ["--model.network", "mlp", "--model.hidden", "9"])
    done = cli("train", name, *data, *small, *BRIEF)
    assert done.code == 0, done.err
    assert cli("sample", "run", "--n", 3, "--out", "x.npy").code == 0
    x = np.load(files / "x.npy")
    side = 8 if "--data.size" in small else 6
    assert x.shape == (3, 1, side, side) and x.dtype == np.uint8

    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "neither density nor bound" in done.out and "accuracy" in done.out
    report = json.loads((files / "run" / "report.json").read_text())
    assert (report["classes"] is not None) == (name == "semi-supervised-gan")

    for what in ("interpolations", "invert", "saliency"):
        done = cli("explore", what, "run")
        assert done.code == 0, done.err
        for line in done.out.splitlines():
            with Image.open(files / line.rsplit("  ", 1)[1].strip()) as image:
                assert len(image.convert("L").getcolors()) > 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["dcgan", *IMAGES, "--data.size", 11], "11"),
        (["progressive-gan", *IMAGES], "add --data.size 8"),
        (["lapgan", *IMAGES, "--model.halvings", 3], "take halvings=2"),
        (["semi-supervised-gan", *IMAGES], "add --data.condition label"),
        (["gan", *LABELS, "--model.conditioning", "odd"], "concatenation"),
        (["wgan-gp", *IMAGES, "--model.critic_normalization", "batch"], "mixes rows"),
        (["gan", *IMAGES, "--model.objective", "odd"], "non-saturating"),
    ],
)
def test_what_does_not_fit_is_one_sentence(cli, files, words, says):
    done = cli("train", *words, *BRIEF)
    last = done.err.splitlines()[-1]
    assert done.code == 2 and "Traceback" not in done.err and says in last, done.err
