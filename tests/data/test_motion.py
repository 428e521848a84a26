"""Recorded motion: BVH files as a skeleton's software writes them, alone, in folders and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.motion.bvh import read_bvh

HEAD = """HIERARCHY
ROOT Hips
{
	OFFSET 0.0 0.0 0.0
	CHANNELS 3 Xposition Zrotation Yrotation
	JOINT Leg
	{
		OFFSET 1.0 0 0
		CHANNELS 1 Xrotation
		End Site
		{
			OFFSET 0 1 0
		}
	}
}
MOTION
"""


def text(frames: np.ndarray, seconds: float = 1 / 120) -> str:
    lines = [" ".join(f"{value:.4f}" for value in frame) for frame in frames]
    return f"{HEAD}Frames: {len(frames)}\nFrame Time: {seconds:.7f}\n" + "\n".join(lines) + "\n"


def walk(seed: int, n: int) -> np.ndarray:
    """Frames of a walk whose second channel turns round and round, and whose last one never moves."""
    rng = np.random.default_rng(seed)
    turn = (37.0 * np.arange(n) + 180) % 360 - 180
    return np.stack([rng.normal(size=n), turn, rng.normal(size=n), np.full(n, 5.0)], 1)


def write(folder: Path, count: int = 8, styles: tuple[str, ...] = ("",), n: int = 20) -> Path:
    for i in range(count):
        place = folder / styles[i % len(styles)]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.bvh").write_text(text(walk(i, n + i)))
    return folder


def test_frames_are_those_of_the_file_with_angles_unwrapped():
    frames = walk(1, 30)
    found = read_bvh("walk.bvh", text(frames).encode())
    assert found.channels == ("Hips Xposition", "Hips Zrotation", "Hips Yrotation", "Leg Xrotation")
    np.testing.assert_allclose(found.frames[:, 0], frames[:, 0], atol=1e-4)
    np.testing.assert_allclose(np.diff(found.frames[:, 1]), 37.0, atol=1e-3)
    assert found.seconds == pytest.approx(1 / 120, rel=1e-5)


def test_a_folder_is_read_with_styles_and_lengths(tmp_path):
    folder = write(tmp_path / "walks", styles=("calm", "fast"))
    data = simulacra.load_data(folder, condition="label", validation=0.25, test=0.25)
    assert data.condition.names == ("calm", "fast")
    assert data.space.shape == (27, 3) and data.space.of == Real((3,))
    parts = [part for part in (data.train, data.valid, data.test) if part is not None]
    assert sorted(torch.cat([part.lengths for part in parts]).tolist()) == list(range(20, 28))
    raw = data.preprocessing.inverse(data.train.batch(torch.tensor([0]), Rng(0)).x)
    kept = data.train.x[0, : int(data.train.lengths[0])].double()
    torch.testing.assert_close(raw[0, : len(kept)].double(), kept, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("every, frames, rows, steps", [(1, 10, 3, 10), (2, 6, 3, 6), (4, 3, 3, 3)])
def test_windows_of_a_single_file(tmp_path, every, frames, rows, steps):
    path = tmp_path / "long.bvh"
    path.write_text(text(walk(3, 30)))
    data = simulacra.load_data(path, every=every, frames=frames, validation=0, test=0, standardize=False)
    assert data.train.x.shape == (rows, steps, 3)
    whole = walk(3, 30)[::every]
    np.testing.assert_allclose(data.train.x[0, :, 0], whole[:frames, 0], atol=1e-4)


def test_standardized_frames_have_mean_0_and_deviation_1(tmp_path):
    data = simulacra.load_data(write(tmp_path / "walks", 12), validation=0, test=0)
    batch = data.train.batch(torch.arange(12), Rng(0, rows=range(12)))
    frames = torch.cat([x[:n] for x, n in zip(batch.x, batch.lengths.tolist())]).double()
    assert (
        float(frames.mean(0).abs().max()) < 1e-5
        and float((frames.std(0, correction=0) - 1).abs().max()) < 1e-5
    )


def test_scaling_the_frames_changes_no_score(tmp_path):
    """The Jacobian of the standardization counts each frame before the end of a row, and none after it."""
    found = []
    for factor in (1.0, 0.1):
        folder = tmp_path / f"walks{factor}"
        folder.mkdir()
        for i in range(8):
            (folder / f"{i}.bvh").write_text(text(walk(i, 20 + i) * [factor, 1, 1, 1]))
        data = simulacra.load_data(folder, validation=0, test=0.25)
        torch.manual_seed(0)
        model = simulacra.CRBM(data.space, hidden=2, order=1)
        run = simulacra.fit(model, data, out=tmp_path / f"run{factor}", epochs=0.1, progress=False)
        x, lengths = data.test.x, data.test.lengths
        found.append(run.model.log_prob(x, lengths=lengths.tolist()).values + lengths * np.log(factor))
    # four decimals are written, so that the tenth loses one
    torch.testing.assert_close(found[0], found[1], atol=0.5, rtol=1e-3)


@pytest.mark.parametrize(
    "content, says",
    [
        (b"\x89PNG\r\n", "holds bytes that are no text"),
        (b"hello", "must begin with HIERARCHY"),
        (HEAD.encode(), "no line `Frames:`"),
        (text(walk(0, 9)).replace("Frames: 9", "Frames: 12").encode(), "promises 12 frames of 4 channels"),
        (text(walk(0, 9)).encode()[:-9], "it is cut or damaged"),
        (text(walk(0, 9)).replace("5.0000", "five", 1).encode(), "text in place of a number"),
        (text(walk(0, 9)).replace("5.0000", "nan", 1).encode(), "missing or infinite"),
        (text(walk(0, 9)).replace("CHANNELS 3", "CHANNELS 33").encode(), "damaged CHANNELS"),
        (text(walk(0, 9)).replace("CHANNELS 3", "CHANNELS x").encode(), "damaged CHANNELS"),
    ],
)
def test_damaged_files_are_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "walk.bvh"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        simulacra.load_data(path, frames=3)


def test_other_bad_input(tmp_path):
    folder = write(tmp_path / "walks", 3)
    (folder / "other.bvh").write_text(text(walk(0, 9)).replace("Leg", "Arm"))
    with pytest.raises(ValueError, match="holds skeletons"):
        simulacra.load_data(folder)
    with pytest.raises(ValueError, match="is a single recording of 20 frames: load it with frames="):
        simulacra.load_data(folder / "0.bvh")
    with pytest.raises(ValueError, match="every=0 must be at least 1"):
        simulacra.load_data(folder, every=0)
    (folder / "photo.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"holds images, such as .*, and recorded motion, such as"):
        simulacra.load_data(folder)
