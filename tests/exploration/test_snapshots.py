"""Samples at chosen steps of training."""

import pytest
import torch
from PIL import Image

import simulacra
from simulacra.exploration.live.snapshots import Snapshots


@pytest.mark.system("F29")
def test_pictures_are_drawn_at_three_iterations_of_a_game(tmp_path):
    data = simulacra.load_data("digits")
    plain = lambda: simulacra.GAN(data.space, latent=3, hidden=(7,))
    settings = {"epochs": 1, "batch_size": 64, "progress": False}
    torch.manual_seed(3)
    run = simulacra.fit(plain(), data, out=tmp_path, callbacks=(Snapshots((2, 5, 11), n=9),), **settings)
    drawn = sorted((tmp_path / "snapshots").iterdir())
    assert [path.name for path in drawn] == ["step-000002.png", "step-000005.png", "step-000011.png"]
    pictures = [Image.open(path).convert("L").tobytes() for path in drawn]
    assert len(set(pictures)) == 3
    # watching changes nothing
    torch.manual_seed(3)
    other = simulacra.fit(plain(), data, out=tmp_path / "unwatched", **settings)
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name])
