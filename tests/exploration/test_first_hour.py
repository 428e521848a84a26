"""Pictures that a newcomer looks at first: recordings, the ring, and the latent map."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.spaces.audio import Audio
from simulacra.exploration.drawing.views import view

pytestmark = pytest.mark.fault("doors 2.1")


@pytest.fixture(scope="module")
def ring():
    data = simulacra.load_data("ring", limit=200)
    return simulacra.GAN(data.space, latent=2, hidden=(8,)), data


def test_recordings_stand_beside_those_of_the_data():
    x, other = torch.rand(9, 50) - 0.5, torch.rand(9, 50) - 0.5
    axes = view(Audio((50,), 100), x, other=other).axes
    assert [a.get_title(loc="left") for a in axes] == ["sample"] * 4 + ["data"] * 4
    lines = [a.lines[0].get_ydata() for a in axes]
    np.testing.assert_allclose(lines, torch.cat([x[:4], other[:4]]).numpy())


def test_the_modes_of_the_ring_are_marked(ring):
    model, data = ring
    made = simulacra.plot(model, "samples_and_data", data=data)
    crosses = next(c for c in made.figure.axes[0].collections if c.get_label() == "modes")
    np.testing.assert_allclose(crosses.get_offsets(), data.truth.modes.numpy(), atol=1e-6)


def test_the_critic_field_is_the_critics_number(ring):
    """Levels of the field hold the numbers that the critic gives to the points of the plane."""
    model, data = ring
    figure = simulacra.plot(model, "critic_field", data=data).figure
    axes = figure.axes[0]
    field = next(c for c in axes.collections if hasattr(c, "levels"))
    corners = torch.tensor([[x, y] for x in axes.get_xlim() for y in axes.get_ylim()])
    with torch.no_grad():
        scores = model.eval().critic_score(corners.float())
    step = np.diff(field.levels).max()
    assert field.levels.min() - step <= scores.min() and scores.max() <= field.levels.max() + step
    assert {c.get_label() for c in axes.collections} >= {"data", "samples", "modes"}


def test_other_models_have_no_critic_field(ring):
    _, data = ring
    with pytest.raises(ValueError, match="critic_field needs a model with a critic"):
        simulacra.plot(simulacra.PPCA(data.space, latent=1), "critic_field", data=data)


def test_the_text_of_a_latent_map_is_not_small():
    """A picture as wide as a page: an eighth of an inch for a figure of ten inches at most."""
    data = simulacra.load_data("digits", binarize="threshold", limit=40)
    figure = simulacra.plot(simulacra.VAE(data.space, latent=2, hidden=(4,)), "latent_map", data=data).figure
    assert len(figure.axes) == 3 and figure.get_figwidth() <= 10
