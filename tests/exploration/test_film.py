"""Films of walks in latent spaces: their frames are the decoded codes, and change in one direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import simulacra
from simulacra import Levels, Real
from simulacra.exploration import along, film, lerp

GREY = Levels((1, 8, 8), 256)


def frames(path) -> np.ndarray:
    """Grey frames of a film, shape (T, H, W)."""
    with Image.open(path) as file:
        return np.stack([np.array(frame.convert("L")) for frame in ImageSequence.Iterator(file)])


@pytest.mark.system("E26")
def test_a_walk_of_a_convolutional_vae_changes_in_one_direction(tmp_path):
    """Images of one grey level each: along the only code the frames become brighter, or darker."""
    g = torch.Generator().manual_seed(0)
    x = (30 + 200 * torch.rand(300, 1, 1, 1, generator=g)).expand(300, 1, 8, 8).round().long()
    data = simulacra.from_tensors(x, GREY)
    model = simulacra.VAE(data.space, latent=1, net="conv", hidden=(16,), activation="tanh")
    options = {"epochs": 60, "batch_size": 32, "lr": 1e-2, "schedule": "cosine"}
    simulacra.fit(model, data, out=tmp_path / "run", progress=False, doctor=False, **options)
    codes = along(torch.zeros(1), axis=0, steps=7)
    found = frames(film(model, codes, tmp_path / "walk.gif"))
    assert found.shape == (7, 192, 192)
    wanted = model.decode(codes).mean((1, 2, 3)).numpy()
    # bytes of a palette of grey levels, after rounding
    np.testing.assert_allclose(found.mean((1, 2)), wanted, atol=2.5)
    steps = np.diff(found.mean((1, 2)))
    assert np.all(steps > 0) or np.all(steps < 0)
    assert abs(found[-1].mean() - found[0].mean()) > 60


@pytest.mark.system("E26")
def test_the_frames_of_a_path_are_the_decoded_codes(tmp_path):
    data = simulacra.from_tensors(torch.randint(0, 256, (40, *GREY.shape)), GREY)
    model = simulacra.PCA(data.space, latent=2)
    simulacra.fit(model, data, out=tmp_path / "run", progress=False, doctor=False)
    codes = lerp(*model.encode(data.test.x[:2]), torch.linspace(0, 1, 4))
    wanted = model.decode(codes)[:, 0].clamp(0, 255)
    for name, speed in (("a.gif", 10), ("a.webp", 12.5)):
        path = film(model, codes, tmp_path / name, frames_per_second=speed)
        found = frames(path)[:, ::24, ::24]
        assert np.abs(found - wanted.numpy()).max() < (2 if name == "a.gif" else 40)
        with Image.open(path) as file:
            assert file.info["loop"] == 0 and file.n_frames == 4
            assert name != "a.gif" or file.info["duration"] == 100


@pytest.mark.fault("film")
def test_what_is_no_film_is_refused(tmp_path):
    model, codes = simulacra.GAN(GREY, latent=2, network="mlp"), torch.zeros(3, 2)
    for arguments, said in (
        ((codes, "walk.png"), "walk.png is no film: its name ends in .gif or .webp"),
        ((codes[:1], "walk.gif"), "there is 1 code, but a film has two frames or more"),
        ((codes, "walk.gif", None, 0.0), "frames_per_second is 0, but a speed is above 0: give 12"),
    ):
        with pytest.raises(ValueError, match=said):
            film(model, *arguments)
    with pytest.raises(ValueError, match="holds no images"):
        film(simulacra.PPCA(Real((3,)), latent=2), codes, tmp_path / "walk.gif")
    with pytest.raises(ValueError, match="axis is 2, but the code has the entries 0 to 1"):
        along(torch.zeros(2), axis=2)
    with pytest.raises(ValueError, match="steps is 1, but a walk has at least 2"):
        along(torch.zeros(2), axis=0, steps=1)
