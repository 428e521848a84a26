"""Images of fewer than 256 levels keep the whole numbers that are stored; black and white meet greys."""

import logging

import numpy as np
import pytest
import torch
from image_writers import planes, png_bytes, pnm_bytes, tiff_bytes
from PIL import Image
from refusal import assert_refused

import simulacra
from simulacra.cli import main
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data import load_data

KEEP = {"validation": 0, "test": 0}
RNG = np.random.default_rng(8)


def write_maps(folder, most: int, n: int = 12) -> list[np.ndarray]:
    """PGM files of that maximum."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = [RNG.integers(0, most + 1, (8, 8)) for _ in range(n)]
    for i, x in enumerate(arrays):
        (folder / f"{i:02d}.pgm").write_bytes(pnm_bytes(x, most))
    return arrays


def write_bits(folder, n: int = 12, side: int = 8) -> np.ndarray:
    """Black and white PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    bits = RNG.integers(0, 2, (n, side, side)).astype(bool)
    for i, x in enumerate(bits):
        Image.fromarray(x).save(folder / f"{i:02d}.png")
    return bits


@pytest.mark.fault("f19")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("most", [1, 2, 15, 100, 200, 254, 255, 256, 1000])
def test_a_maximum_is_the_number_of_levels_and_nothing_is_spread(tmp_path, most, stream):
    arrays = write_maps(tmp_path, most)
    data = load_data(tmp_path, stream=stream, **KEEP)
    assert data.space == Levels((1, 8, 8), most + 1)
    assert np.array_equal(data.train.rows(torch.arange(12)).x[:, 0].numpy(), arrays)
    assert load_data(tmp_path, levels=most + 1, **KEEP).space.levels == most + 1
    assert_refused(tmp_path, f"levels={most + 2} does not fit", f"from 2 to {most + 1}", levels=most + 2)


@pytest.mark.fault("f19")
def test_values_within_fewer_levels_may_be_declared(tmp_path):
    for i in range(12):
        (tmp_path / f"{i}.pgm").write_bytes(pnm_bytes(RNG.integers(0, 16, (8, 8)), 200 + i))
    assert_refused(tmp_path, "0.pgm has values from 0 to 200", "1.pgm has values from 0 to 201", "levels=201")
    assert load_data(tmp_path, levels=201).space.levels == 201
    assert load_data(tmp_path, levels=16).space.levels == 16
    assert_refused(tmp_path, "levels=8", "larger", levels=8)


@pytest.mark.fault("f19")
def test_mixed_depths_below_8_bits_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png_bytes(np.full((3, 3), 2), 2))
    (tmp_path / "b.png").write_bytes(png_bytes(np.full((3, 3), 3), 4))
    assert_refused(tmp_path, "a.png has 2 bits a channel", "b.png has 4 bits", "levels=4", **KEEP)
    assert load_data(tmp_path, levels=4, **KEEP).train.x[:, 0, 0, 0].tolist() == [2, 3]


def test_depths_are_said_in_bits_or_levels(tmp_path, caplog):
    write_maps(tmp_path, 200, n=3)
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path, **KEEP)
    assert "3 images, 201 levels, 8x8" in caplog.text


# ---- black and white


@pytest.mark.fault("f19")
def test_black_and_white_files_have_two_levels(tmp_path):
    bits = write_bits(tmp_path)
    data = load_data(tmp_path, **KEEP)
    assert data.space == Levels((1, 8, 8), 2) and np.array_equal(data.train.x[:, 0].numpy(), bits)
    for scheme in ("dynamic", "static", "threshold"):
        cut = load_data(tmp_path, binarize=scheme, **KEEP)
        assert cut.space == Binary((1, 8, 8)) and torch.equal(cut.train.all().x, data.train.x.float())


def test_black_and_white_is_0_and_255_among_greys_and_where_it_is_resized(tmp_path, caplog):
    bits = write_bits(tmp_path / "photos")
    with caplog.at_level(logging.INFO, "simulacra"):
        small = load_data(tmp_path / "photos", size=4, **KEEP)
        Image.fromarray(np.full((8, 8), 9, np.uint8)).save(tmp_path / "photos" / "x.png")
        beside = load_data(tmp_path / "photos", **KEEP)
    means = 255 * bits.reshape(12, 4, 2, 4, 2).mean((2, 4))
    assert small.space.levels == 256 and np.abs(small.train.x[:, 0].numpy() - means).max() <= 1
    assert beside.space.levels == 256 and np.array_equal(beside.train.x[:12, 0].numpy(), 255 * bits)
    assert caplog.text.count("12 of black and white, as 0 and 255 of 256 levels") == 2
    (tmp_path / "photos" / "x.png").unlink()
    assert load_data(tmp_path / "photos", levels=256, **KEEP).train.x.max() == 255
    assert load_data(tmp_path / "photos", levels=2, size=4, **KEEP).space.levels == 2


@pytest.mark.parametrize("name", ["vae", "rbm", "made", "pixelcnn"])
def test_models_take_black_and_white_files(tmp_path, name):
    write_bits(tmp_path / "photos", side=5)
    binary = ["--data.binarize", "threshold"] if name == "rbm" else []
    where = str(tmp_path / "run")
    command = ["train", name, str(tmp_path / "photos"), "--epochs", "1", "--out", where, *binary]
    assert main(command) == 0


# ---- pictures that are handed to a model


def model_of(folder, **options):
    data = load_data(folder, **KEEP, **options)
    model = simulacra.VAE(data.space, latent=1, hidden=(3,), net="mlp")
    model.preprocessing = data.preprocessing
    return model, data.train.x


@pytest.mark.fault("f19")
@pytest.mark.parametrize("kind", ["pgm", "deep pgm", "png", "tif", "bits", "resized bits"])
def test_pictures_of_few_levels_score_as_their_files(tmp_path, kind):
    options = {"size": 4} if kind == "resized bits" else {}
    if "bits" in kind:
        write_bits(tmp_path)
    elif "pgm" in kind:
        write_maps(tmp_path, 3000 if "deep" in kind else 200)
    else:
        for i in range(12):
            x = RNG.integers(0, 16, (8, 8))
            content = png_bytes(x, 4) if kind == "png" else tiff_bytes(x, 4)
            (tmp_path / f"{i:02d}.{kind}").write_bytes(content)
    model, x = model_of(tmp_path, **options)
    opened = [Image.open(path) for path in sorted(tmp_path.iterdir())]
    wanted = model.log_prob(x, k=2, seed=1).values
    assert torch.equal(model.log_prob(opened, k=2, seed=1).values, wanted)
    # once more, when they are loaded
    assert torch.equal(model.log_prob(opened, k=2, seed=1).values, wanted)


def test_pictures_of_another_depth_are_refused(tmp_path):
    write_maps(tmp_path / "few", 15)
    model, _ = model_of(tmp_path / "few")
    (tmp_path / "a.png").write_bytes(png_bytes(np.full((8, 8), 200), 8))
    (tmp_path / "b.png").write_bytes(png_bytes(np.full((8, 8), 3), 2))
    (tmp_path / "c.png").write_bytes(png_bytes(np.full((8, 8, 3), 3), 16))
    for name, words in (("a", "holds the value 200"), ("b", "4 levels"), ("c", "cut to 8 bits")):
        with pytest.raises(ValueError, match=words):
            model.log_prob(Image.open(tmp_path / f"{name}.png"))
    same = np.full((8, 8), 5, np.uint8)
    from_memory = model.log_prob(Image.fromarray(same), k=2, seed=1).values
    assert torch.equal(from_memory, model.log_prob(planes(same)[None], k=2, seed=1).values)
