"""Raw in, raw out: a picture handed to a model is treated as the pictures that it was trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra.cli import main
from simulacra.core.preprocessing.chain import preprocessing_from
from simulacra.core.preprocessing.images import save_png
from simulacra.data import load_data
from simulacra.data.images.decode import decode

RNG = np.random.default_rng(3)


def folder(path, mode: str, sizes=((23, 17), (19, 31)), n: int = 12):
    """Colour, grey or 16-bit images of several sizes."""
    path.mkdir()
    for i in range(n):
        width, height = sizes[i % len(sizes)]
        if mode == "I;16":
            image = Image.fromarray(RNG.integers(0, 2**16, (height, width), np.uint16))
        else:
            channels = (height, width, 3) if mode == "RGB" else (height, width)
            image = Image.fromarray(RNG.integers(0, 256, channels, np.uint8))
        image.save(path / f"image {i:02d}.png")
    return path


def opened(path) -> list[Image.Image]:
    return [Image.open(file) for file in sorted(path.glob("*.png"))]


CASES = {
    "resized": ("RGB", {"size": 9}),
    "resized and grey": ("RGB", {"size": 9, "grey": True}),
    "cropped": ("L", {"crop": 11}),
    "deep": ("I;16", {"size": 8}),
    "deep tiles": ("I;16", {"tile": 8}),
}


@pytest.mark.parametrize("mode, options", CASES.values(), ids=CASES)
def test_a_file_and_its_tensor_score_the_same(tmp_path, mode, options):
    where = folder(tmp_path / "photos", mode)
    data = load_data(where, validation=0, test=0, **options)
    torch.manual_seed(0)
    model = simulacra.VAE(data.space, latent=2, hidden=(7,), net="mlp")
    model.preprocessing = data.preprocessing
    model.save(tmp_path / "model")
    again = simulacra.load(tmp_path / "model")
    assert again.preprocessing == preprocessing_from(data.preprocessing.spec()) == data.preprocessing
    from_files, from_tensor = again.log_prob(opened(where), k=3), model.log_prob(data.train.x, k=3)
    assert torch.equal(from_files.values, from_tensor.values)
    assert torch.equal(again.encode(opened(where)), model.encode(data.train.x))
    sample = again.sample(3, seed=1)
    again.preprocessing.raw.check(sample)
    assert sample.dtype == data.train.x.dtype


def test_pictures_that_do_not_fit_are_refused(tmp_path):
    data = load_data(folder(tmp_path / "grey", "L", sizes=((16, 16),)))
    model = simulacra.VAE(data.space, latent=2, hidden=(7,), net="mlp")
    refused = {
        "is 17x16, but the model takes 16x16": Image.new("L", (17, 16)),
        "is partly transparent": Image.new("RGBA", (16, 16)),
        "the mode LAB: convert it": Image.new("LAB", (16, 16)),
        "16 bits a value": Image.new("I;16", (16, 16)),
    }
    for words, image in refused.items():
        with pytest.raises(ValueError, match=words):
            model.log_prob(image)
    vector = simulacra.PPCA(simulacra.Real((3,)), latent=1)
    with pytest.raises(ValueError, match="x holds images, but the model was trained on Real"):
        vector.log_prob(Image.new("L", (3, 1)))


@pytest.mark.parametrize(
    "shape, levels",
    [*(((1, 7, 5), levels) for levels in (2, 3, 16, 17, 256, 4096)), ((3, 4, 6), 256), ((3, 4, 6), 2)],
)
def test_images_are_saved_at_their_depth(tmp_path, shape, levels):
    pixels = RNG.integers(0, levels, shape)
    save_png(pixels, levels, tmp_path / "x.png")
    (back,) = decode(tmp_path / "x.png", shape[0])
    assert np.array_equal(back, pixels * (255 if (shape[0], levels) == (3, 2) else 1))


def test_deep_colour_images_are_saved_whole(tmp_path):
    pixels = RNG.integers(0, 2**16, (3, 4, 5))
    save_png(pixels, 2**16, tmp_path / "x.png")
    (back,) = decode(tmp_path / "x.png", 3)
    assert np.array_equal(back, pixels)


def test_samples_go_into_a_folder_one_by_one(tmp_path):
    data = load_data(folder(tmp_path / "deep", "I;16", sizes=((8, 8),)))
    model = simulacra.VAE(data.space, latent=2, hidden=(7,), net="mlp")
    model.preprocessing = data.preprocessing
    model.save(tmp_path / "model")
    assert (
        main(
            ["sample", str(tmp_path / "model"), "--n", "11", "--seed", "2", "--out", f"{tmp_path / 'drawn'}/"]
        )
        == 0
    )
    files = sorted((tmp_path / "drawn").iterdir())
    assert [file.name for file in files] == [f"{i:02d}.png" for i in range(11)]
    drawn = np.stack([next(decode(file, 1)) for file in files])
    assert np.array_equal(drawn, model.eval().sample(11, seed=2).numpy())
