"""Samples made from conditions of held-out rows: drawn while a model trains, and kept private."""

import pytest
import torch

import simulacra
from simulacra import Categorical, Levels, Real
from simulacra.exploration.live.snapshots import Snapshots
from simulacra.exploration.live.watch import SamplePictures
from simulacra.exploration.pictures.registry import album_of, pictures, possible
from simulacra.training.callbacks.looks import in_turn, picture_seconds, takes_no_label

pytestmark = pytest.mark.fault("wider.d1")

N = 30


def pairs():
    """Small images, each with another image as its condition."""
    draw = torch.Generator().manual_seed(0)
    image = lambda: torch.randint(0, 256, (N, 1, 4, 4), generator=draw, dtype=torch.uint8)
    return simulacra.from_tensors(
        image(), Levels((1, 4, 4), 256), c=image(), condition=Levels((1, 4, 4), 256)
    )


def points(c, condition=None):
    x = torch.randn(N, 2, generator=torch.Generator().manual_seed(1))
    return simulacra.from_tensors(x, Real((2,)), c=c(x), condition=condition)


def trained(data, folder, *callbacks):
    model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(4,))
    return simulacra.fit(model, data, out=folder, epochs=1, least_steps=1, callbacks=callbacks).model


def drawn_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


def test_pictures_of_image_conditions_are_drawn_while_training_and_private(tmp_path, caplog):
    data = pairs()
    model = trained(data, tmp_path, SamplePictures(), Snapshots((1,), n=4))
    assert "no picture of samples" not in caplog.text
    made = {"private/samples/epoch-0001.png", "private/snapshots/step-000001.png"}
    assert drawn_in(tmp_path) == made
    assert pictures(model, data, tmp_path, only="samples")["samples"].parent.name == "private"
    album = album_of(model, data, 0, [])
    open_to_all = {kind.name for kind in possible(album) if not kind.private(album)}
    assert "latent_map" in open_to_all and not {"samples", "interpolations", "neighbours"} & open_to_all
    assert "conditions of held-out rows" in (tmp_path / "private" / "README.txt").read_text()


def test_pictures_of_points_given_a_number_are_private(tmp_path):
    trained(points(lambda x: 1e4 + x[:, 0]), tmp_path, SamplePictures())
    assert drawn_in(tmp_path) == {"private/samples/epoch-0001.png", "private/snapshots.png"}


def test_pictures_given_a_label_are_where_they_were(tmp_path):
    data = points(lambda x: (x[:, 0] > 0).long(), Categorical((), 2))
    model = trained(data, tmp_path, SamplePictures())
    assert drawn_in(tmp_path) == {"samples/epoch-0001.png", "snapshots.png"}
    assert in_turn(model, 4).tolist() == [0, 0, 1, 1] and not takes_no_label(model)


def test_the_conditions_are_those_of_validation_rows_then_test_then_training(tmp_path):
    data = points(lambda x: 1e4 + x[:, 0])
    model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(4,))
    for name in ("valid", "test", "train"):
        given = in_turn(model, 50, data)
        assert len(given) == 50 and set(given.tolist()) <= set(data[name].c.tolist())
        del data.splits[name]
    with pytest.raises(
        ValueError, match=r"VAE models p\(x\|c\) with c of Real\(shape=\(\)\): give a condition"
    ):
        in_turn(model, 3, data)
    assert picture_seconds(model) == 0.0


def test_rows_without_a_known_condition_give_none(tmp_path):
    c = lambda x: 1e4 + x[:, 0]
    x = torch.randn(N, 2)
    known = torch.arange(N) % 3 == 0
    data = simulacra.from_tensors(x, Real((2,)), c=torch.where(known, c(x), 0.0), c_known=known)
    model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(4,))
    assert in_turn(model, 9, data).min() > 9000
