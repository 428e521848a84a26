"""Recorded motion as other programs write it: rates, broken lines, names of joints, turned angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import simulacra
from simulacra.data.motion.bvh import read_bvh


def bvh(frames, seconds: str = "0.04", joints: tuple[str, ...] = ("Hips",), lines: list[str] | None = None):
    """A file whose joints have two channels each; the first one is a position."""
    parts = [f"{'JOINT' if i else 'ROOT'} {joint}\n{{\nOFFSET 0 0 0\n" for i, joint in enumerate(joints)]
    channels = "CHANNELS 2 Xposition Yrotation\n"
    head = "HIERARCHY\n" + channels.join(parts) + channels + "}\n" * len(joints)
    lines = [" ".join(map(str, frame)) for frame in frames] if lines is None else lines
    return f"{head}MOTION\nFrames: {len(frames)}\nFrame Time: {seconds}\n" + "\n".join(lines) + "\n"


def walk(seed: int, n: int = 14, width: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).round(3)


def write(folder: Path, texts: list[str]) -> Path:
    folder.mkdir()
    for i, text in enumerate(texts):
        (folder / f"{i}.bvh").write_text(text)
    return folder


def line_of(text: str, frame: int) -> int:
    return text[: text.index("Frame Time")].count("\n") + 2 + frame


@pytest.mark.fault("outside 2.3")
@pytest.mark.parametrize("other, rate", [("0.4", "2.5"), ("0.0416667", "24"), ("0.004", "250")])
@pytest.mark.parametrize("place", [0, 3, 8])
def test_recordings_of_two_rates_are_refused(tmp_path, other, rate, place):
    seconds = ["0.04"] * 9
    seconds[place] = other
    folder = write(tmp_path / "walks", [bvh(walk(i), s) for i, s in enumerate(seconds)])
    with pytest.raises(ValueError, match="frames a second: convert them to one rate") as caught:
        simulacra.load_data(folder)
    assert rate in str(caught.value) and " 25 " in str(caught.value)


def test_one_rate_in_few_digits_is_one_rate(tmp_path):
    seconds = ["0.033", "0.0333333", ".03333", "0.033367", "3.33333e-2"] * 2
    data = simulacra.load_data(
        write(tmp_path / "walks", [bvh(walk(i), s) for i, s in enumerate(seconds)]), every=2
    )
    assert "15 frames a second" in str(data)


@pytest.mark.fault("outside 2.3")
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("lost, doubled", [(1, 3), (3, 1), (0, 5), (5, 0), (2, 3)])
def test_a_number_less_and_one_more_are_refused_with_the_line(width, lost, doubled):
    frames = walk(1, 6, width)
    lines = [" ".join(map(str, frame)) for frame in frames]
    lines[lost] = lines[lost].rsplit(" ", 1)[0]
    lines[doubled] += " 0.25"
    text = bvh(frames, joints=("Hips", "Leg")[: width // 2], lines=lines)
    first = min(lost, doubled)
    held = width + (1 if first == doubled else -1)
    with pytest.raises(ValueError, match=f"{held} numbers? in line {line_of(text, first)}, where a frame"):
        read_bvh("a.bvh", text.encode())


def test_frames_may_be_broken_into_lines_as_the_first_one_is():
    frames = walk(2, 5, 4)
    for at in ([4], [3, 4], [1, 2, 4]):
        lines = [" ".join(map(str, f[a:b])) for f in frames for a, b in zip([0, *at], at)]
        found = read_bvh("a.bvh", bvh(frames, joints=("Hips", "Leg"), lines=[*lines, "", " "]).encode())
        np.testing.assert_array_equal(found.frames, frames)
    np.testing.assert_array_equal(
        read_bvh("a.bvh", bvh(walk(3), lines=[" ".join(map(str, walk(3).flat))]).encode()).frames, walk(3)
    )
    lines[3] += f" {lines.pop(4)}"
    with pytest.raises(ValueError, match="where a frame has 1 of the 4 channels"):
        read_bvh("a.bvh", bvh(frames, joints=("Hips", "Leg"), lines=lines).encode())


@pytest.mark.fault("outside 2.3")
@pytest.mark.parametrize("names", [("Left Arm", "Left Leg"), ("Bip01 Neck", "Bip01"), ("MOTION a", "MOTION")])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_names_of_joints_may_have_blanks(tmp_path, names, ends):
    text = bvh(walk(0, 3, 4), joints=names).replace("\n", ends)
    kinds = ("Xposition", "Yrotation")
    assert read_bvh("a.bvh", text.encode()).channels == tuple(f"{n} {kind}" for n in names for kind in kinds)
    texts = [bvh(walk(i), joints=(names[i % 2],)) for i in range(8)]
    with pytest.raises(ValueError, match="one kind of skeleton in a folder"):
        simulacra.load_data(write(tmp_path / "walks", texts))


@pytest.mark.fault("outside 2.3")
@pytest.mark.parametrize("angle", [180, 179.7, -100.25, 0])
@pytest.mark.parametrize("turns", [(0, -360), (-360, 0), (0, 360, 0), (720, 0, -360)])
def test_one_pose_is_one_value_in_all_recordings(tmp_path, angle, turns):
    texts = []
    for i in range(10):
        frames = walk(i)
        frames[:, 1] = angle + turns[i % len(turns)]
        texts.append(bvh(frames))
    data = simulacra.load_data(write(tmp_path / "still", texts), standardize=False)
    assert data.space.of.shape == (1,) and "1 constant channel" in str(data)


@pytest.mark.fault("outside 2.3")
@pytest.mark.parametrize("frames", [None, 7])
def test_angles_of_all_rows_lie_around_one_direction(tmp_path, frames):
    rng = np.random.default_rng(5)
    texts, truth = [], []
    for i in range(12):
        turn = 178 + rng.uniform(-30, 30, 14)
        truth.append(turn)
        # written from -180 to 180, and with turns that were made before
        written = (turn + 180) % 360 - 180 + 360 * (i % 3)
        texts.append(bvh(np.stack([walk(i)[:, 0], written], 1).round(6)))
    folder = write(tmp_path / "walks", texts)
    data = simulacra.load_data(folder, frames=frames, standardize=False, validation=0, test=0.25)
    for split in data.splits.values():
        angles = split.x[..., 1].double()
        shift = angles.mean() - 178
        assert abs(float(shift) / 360 - round(float(shift) / 360)) < 0.05
        assert float(angles.max() - angles.min()) < 61
    assert abs(float(data.train.x[..., 1].mean() - data.test.x[..., 1].mean())) < 30
