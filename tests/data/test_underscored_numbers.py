"""Python's `float` and `int` take 1_0 for 10, and digits of other scripts; files mean no number by them."""

from __future__ import annotations

import numpy as np
import pytest
from image_writers import pam_bytes

import simulacra
from simulacra.cli.options.conditions import _class_number, _numbers
from simulacra.data.motion.bvh import read_bvh
from simulacra.data.splits.times import read_times

pytestmark = pytest.mark.fault("outside 2.11")
WRITTEN = ("1_0", "0.2_5", "1e1_0", "١٢")
MOTION = "HIERARCHY\nROOT a\n{{\nCHANNELS 1 Xposition\n}}\nMOTION\nFrames: 2\nFrame Time: {}\n1\n{}\n"


@pytest.mark.parametrize("written", WRITTEN)
def test_motion_has_numbers_alone(written):
    with pytest.raises(ValueError, match="text in place of a number"):
        read_bvh("a.bvh", MOTION.format("0.1", written).encode())
    with pytest.raises(ValueError, match=f"Frame Time: {written}, which must be seconds above 0"):
        read_bvh("a.bvh", MOTION.format(written, "2").encode())


@pytest.mark.parametrize("written", WRITTEN)
def test_times_are_numbers_or_dates(written):
    with pytest.raises(ValueError, match="times are all numbers, or all ISO dates"):
        read_times(np.array(["1", "2", written], object), "when")


@pytest.mark.parametrize("written", WRITTEN)
def test_conditions_that_are_typed_are_numbers(written):
    assert _numbers(f"1,{written}") is None
    with pytest.raises(ValueError, match="is no class"):
        _class_number(written, ["cat", "dog"])


def test_sizes_of_pictures_are_digits(tmp_path):
    x = np.arange(100, dtype=np.uint8).reshape(10, 10, 1)
    for i in range(4):
        (tmp_path / f"{i}.pam").write_bytes(pam_bytes(x, 255).replace(b"WIDTH 10", b"WIDTH 1_0"))
    with pytest.raises(ValueError, match="no number"):
        simulacra.load_data(tmp_path)
