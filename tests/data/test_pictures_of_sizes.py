"""Pillow images of different sizes are resized or cropped by `size=` and `crop=`, as files of a folder."""

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra import load_data

pytestmark = pytest.mark.fault("doors 2.hour")
SIZES = [(37, 35), (20, 31), (41, 22), (25, 25)]
PLAIN = {"validation": 0, "test": 0}


def pictures(channels=3):
    draw = np.random.default_rng(0)
    shape = lambda w, h: (h, w, 3) if channels == 3 else (h, w)
    return [Image.fromarray(draw.integers(0, 256, shape(*size), np.uint8)) for size in SIZES]


@pytest.mark.parametrize(
    "options", [{"size": 16}, {"crop": 18}, {"size": "12x16", "grey": True}, {"crop": 9, "grey": True}]
)
def test_rows_are_those_of_the_same_files(tmp_path, options):
    for i, picture in enumerate(pictures()):
        picture.save(tmp_path / f"{i}.png")
    filed, given = (load_data(x, **options, **PLAIN) for x in (tmp_path, pictures()))
    assert given.space == filed.space and torch.equal(given.train.x, filed.train.x)
    assert given.applied == filed.applied


def test_a_data_set_of_pairs_is_resized_too():
    pairs = [(picture, i % 2) for i, picture in enumerate(pictures(1))]

    class Pairs(torch.utils.data.Dataset):
        def __len__(self):
            return len(pairs)

        def __getitem__(self, i):
            return pairs[i]

    data = load_data(Pairs(), size=8, **PLAIN)
    assert data.space.shape == (1, 8, 8) and data.train.labels.tolist() == [0, 1, 0, 1]


def test_what_is_suggested_works():
    for given, options in ((pictures(), {}), (pictures(), {"crop": 30})):
        with pytest.raises(ValueError) as error:
            load_data(given, **options, **PLAIN)
        assert len(error.value.suggestions) == 2
        for way in error.value.suggestions:
            assert len(load_data(given, **dict(way.options), **PLAIN).train) == 4


def test_modes_still_have_to_agree():
    with pytest.raises(ValueError, match=r"picture 1 .* has the mode L, the first RGB"):
        load_data([pictures()[0], pictures(1)[1]], size=8, **PLAIN)
