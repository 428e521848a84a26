"""`simulacra denoise` on a folder of noisy photographs, from training to clean files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Levels
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng

SIDE = 8
SPACE = Levels((1, SIDE, SIDE), 256)


def stripes(n: int) -> torch.Tensor:
    """Grey stripes of a random place and height."""
    g = torch.Generator().manual_seed(0)
    at, height = torch.randint(0, SIDE, (n, 1, 1, 1), generator=g), torch.rand(n, 1, 1, 1, generator=g)
    rows = torch.arange(SIDE).view(1, 1, SIDE, 1).expand(n, 1, SIDE, SIDE)
    return (255 * ((rows - at) % SIDE < 3) * (0.5 + 0.5 * height)).to(torch.uint8)


def written(folder, x) -> None:
    """The images as .png files."""
    folder.mkdir()
    for i, row in enumerate(x):
        Image.fromarray(row[0].numpy()).save(folder / f"photo {i}.png")


def read(folder, n: int) -> torch.Tensor:
    """The images of a folder."""
    found = [np.array(Image.open(folder / f"photo {i}.png")) for i in range(n)]
    return torch.tensor(np.stack(found)).unsqueeze(1)


@pytest.mark.system("D6")
def test_noisy_photographs_come_back_cleaner(cli, tmp_path):
    x = stripes(700)
    written(tmp_path / "clean photos", x[:600])
    words = (
        "--model.latent",
        12,
        "--model.hidden",
        "[48]",
        "--model.corruption",
        "gaussian:0.2",
        "--out",
        "run",
    )
    done = cli("train", "autoencoder", "clean photos", *words, "--epochs", 30, "--lr", 0.003)
    assert done.code == 0, done.err
    noisy = parse("gaussian:0.2").apply(x[600:], Rng(1, rows=range(100)), SPACE)
    written(tmp_path / "noisy", noisy)
    done = cli("denoise", "run", "noisy", "--level", 0.2, "--out", "answers/")
    assert done.code == 0, done.err
    clean = read(tmp_path / "answers", 100)
    assert torch.equal(clean, simulacra.load("run").denoise(noisy, level=0.2))
    error = lambda y: float((y.double() - x[600:].double()).square().mean())
    assert error(clean) < error(noisy) / 2
    # no noise, no change
    assert cli("denoise", "run", "noisy", "--level", 0, "--out", "same/").code == 0
    assert torch.equal(read(tmp_path / "same", 100), noisy)


def test_what_cannot_be_denoised_is_one_sentence(cli, tmp_path):
    model = simulacra.Autoencoder(SPACE, latent=2, hidden=(3,), corruption="mask")
    model.save(tmp_path / "m.safetensors")
    simulacra.Autoencoder(SPACE, latent=2, hidden=(3,)).save(tmp_path / "plain.safetensors")
    written(tmp_path / "noisy", stripes(2))
    for words, said in (
        (("m.safetensors", "noisy", "--level", -1), "level is -1, but it must be a finite number from 0"),
        (("plain.safetensors", "noisy"), "Autoencoder cannot do denoise()"),
    ):
        refused = cli("denoise", *words, "--out", "o/")
        assert refused.code == 2 and said in refused.err and not (tmp_path / "o").exists()
