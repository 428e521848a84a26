"""Pictures of energies: filters on their own scale, chains that go on from column to column."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.data.sources.tensors import from_tensors
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.pictures import filters as energies
from simulacra.exploration.pictures.registry import album_of, pictures
from simulacra.exploration.rendering.figure import render
from simulacra.exploration.rendering.tiles import DARK, GAP


@pytest.fixture
def album():
    torch.manual_seed(1)
    x = (torch.rand(40, 1, 5, 6) < 0.3).to(torch.uint8)
    data = from_tensors(x, simulacra.Binary((1, 5, 6)), "spots")
    model = simulacra.RBM(data.space, hidden=20, burn_in=3)
    return album_of(model, data, 7, [])


def bytes_of(picture: Picture) -> np.ndarray:
    return np.asarray(render(picture).axes[0].images[0].get_array())


def test_a_filter_that_asks_for_one_pixel_is_red_there_and_white_elsewhere(album):
    with torch.no_grad():
        album.model.W.zero_()
        album.model.W[:, 3] = torch.eye(30)[7]
    colours = np.unique(bytes_of(energies.filters(album)).reshape(-1, 3), axis=0)
    red = colours[(colours[:, 0] > 90) & (colours[:, 1] < 30) & (colours[:, 2] < 60)]
    blue = colours[(colours[:, 2] > 80) & (colours[:, 0] < 30)]
    assert len(red) == 1 and len(blue) == 0


def test_filters_are_parted_by_a_colour_that_no_weight_has(album):
    gaps = (bytes_of(energies.filters(album)) == DARK).all(-1)
    gaps = gaps[gaps.any(1)][:, gaps.any(0)]  # without the margins
    # two rows of ten filters, and nothing of that colour within one
    assert gaps.all(1).sum() == GAP and gaps.all(0).sum() == 9 * GAP
    assert not gaps[~gaps.all(1)][:, ~gaps.all(0)].any()


@pytest.mark.parametrize(("hidden", "columns"), [(24, 8), (13, 7), (3, 3), (1, 1)])
def test_no_filter_is_left_out_to_fill_a_row(album, hidden, columns):
    model = simulacra.RBM(album.space, hidden=hidden)
    picture = energies.filters(album_of(model, album.data, 7, []))
    assert picture.panels[0].values.shape == (hidden, 1, 5, 6) and picture.layout.columns == columns


def test_fantasies_are_the_chain_itself(album, monkeypatch):
    monkeypatch.setattr(energies, "SWEEPS", (0, 2, 5))
    picture = energies.fantasies(album)
    rng = Rng(7, "fantasies", rows=range(energies.CHAINS))
    state, expected = album.model.start_chain(rng.at("start")), []
    with torch.no_grad():
        for t in range(6):
            if t in (0, 2, 5):
                expected.append(state.view(-1, 1, 5, 6))
            state = album.model.step(state, rng.at(t))
    shown = torch.from_numpy(picture.panels[0].values).float()
    assert torch.equal(shown, torch.stack(expected, 1).flatten(0, 1))
    assert picture.layout.column_names == ("0", "2", "5")


def test_models_without_filters_say_so(tmp_path):
    data = simulacra.load_data("ring")
    model = simulacra.PPCA(data.space, latent=1)
    with pytest.raises(ValueError, match="filters needs a model with filters"):
        pictures(model, data, tmp_path, only="filters")
