"""Files with random damage are read or refused in one sentence; nothing else may happen."""

import numpy as np
import pytest
from data_files import RNG, write, write_image, write_mnist
from refusal import OURS
from scipy.io import savemat

from simulacra.data import load_data

PIXELS = RNG.integers(0, 256, (12, 6, 5), np.uint8)


def damages(content: bytes, rng: np.random.Generator):
    """The content cut off, with wrong bytes, with a hole of zeros, and with bytes put in."""
    at = int(rng.integers(len(content)))
    yield content[:at]
    for reach in (len(content), min(150, len(content))):
        wrong = bytearray(content)
        for i in rng.integers(0, reach, 3):
            wrong[i] = int(rng.integers(256))
        yield bytes(wrong)
    yield content[:at] + bytes(len(content[at : at + 30])) + content[at + 30 :]
    yield content[:at] + rng.bytes(10) + content[at:]


def make(kind: str, folder):
    """A data set of some kind, what loads it, and the file to damage."""
    options = {}
    if kind == "idx":
        write_mnist(folder / "mnist", 10, 10)
        return "mnist", folder / "mnist" / "train-images-idx3-ubyte.gz", options
    if kind.startswith("."):
        for i in range(2):
            write_image(folder / "images" / f"{i}{kind}", i, (30, 20), "RGB")
        return folder / "images", folder / "images" / f"1{kind}", options
    path = folder / f"a.{kind}"
    if kind == "csv":
        write(path, b"a,b,k\n" + b"1.5,2,x\n3,4,y\n" * 10)
        options = {"label": "k"}
    elif kind == "mat":
        savemat(path, {"x": PIXELS}, do_compression=True)
    else:
        np.save(path, PIXELS) if kind == "npy" else np.savez_compressed(path, x=PIXELS)
    return path, path, options


@pytest.mark.parametrize(
    "kind", ["idx", "npy", "npz", "mat", "csv", ".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm"]
)
def test_random_damage(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path))
    what, path, options = make(kind, tmp_path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(8):
        for content in damages(whole, rng):
            path.write_bytes(content)
            try:
                load_data(what, **options)
            except ValueError as error:
                assert isinstance(error, OURS) and "\n" not in str(error)
                assert str(tmp_path) in str(error)
