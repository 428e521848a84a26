"""Files of two folders are paired by their whole names first, and never by a name that two of them have."""

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra import load_data

pytestmark = pytest.mark.fault("outside 2.16")


def fill(folder, levels):
    """Pictures of one level each, by the names of their files."""
    folder.mkdir()
    for name, level in levels.items():
        Image.fromarray(np.full((4, 6), level, np.uint8)).save(folder / name)


def conditions(tmp_path, x, c):
    """The level of the condition of each row of x, by the level of x."""
    fill(tmp_path / "x", x)
    fill(tmp_path / "c", c)
    data = load_data(tmp_path / "x", condition=f"folder:{tmp_path / 'c'}", validation=0, test=0)
    rows = data.train.rows(torch.arange(len(data.train)))
    return dict(zip(rows.x.flatten(1)[:, 0].tolist(), rows.c.flatten(1)[:, 0].tolist()))


NUMBERED = {f"{i:02d}.bmp": i for i in range(12)}


def test_a_second_file_of_the_same_name_is_refused_by_its_whole_name(tmp_path):
    with pytest.raises(ValueError, match=r"1 of .*c has none in .*x \(03\.png\)"):
        conditions(tmp_path, NUMBERED, {**NUMBERED, "03.png": 200})


def test_files_of_one_name_and_two_kinds_find_the_file_of_their_kind(tmp_path):
    both = {**NUMBERED, "03.png": 200}
    found = conditions(tmp_path, both, both)
    assert found == {level: level for level in both.values()}


def test_two_files_that_ask_for_one_partner_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"05\.bmp and .*05\.png and .*05\.tif have one name"):
        conditions(tmp_path, {**NUMBERED, "05.png": 200}, {f"{i:02d}.tif": i for i in range(12)})


def test_other_suffixes_are_partners_as_before(tmp_path):
    found = conditions(tmp_path, NUMBERED, {f"{i:02d}.png": 100 + i for i in range(12)})
    assert found == {i: 100 + i for i in range(12)}
