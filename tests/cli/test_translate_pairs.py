"""`simulacra translate` by models whose condition is an image or a wave: files of any size, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Audio, Binary, Levels, Real
from simulacra.core.methods.whole import translate_whole
from simulacra.core.spaces.audio import write_wav
from simulacra.data.audio.wav import read_wav

DRAW = np.random.default_rng(3)
GREY, COLOUR, SMALL = Levels((1, 8, 8), 256), Levels((3, 8, 8), 256), Levels((3, 4, 4), 256)
WAVE = Audio((40,), 8000)
MODELS = {
    "colour": (COLOUR, GREY),
    "large": (Levels((3, 16, 16), 256), SMALL),
    "wave": (WAVE, WAVE),
    "bits": (GREY, Binary((1, 8, 8))),
    "real": (Real((3, 4, 4)), SMALL),
    "plain": (GREY, None),
}


def pixels(*shape, levels=256):
    return DRAW.integers(0, levels, shape, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Untrained games of each kind of pair, pictures and recordings of several sizes."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, (space, condition) in MODELS.items():
        simulacra.GAN(space, condition=condition, latent=2, hidden=(6,)).save(folder / name)
    (folder / "in").mkdir()
    for name, image in {
        "in/one.png": pixels(8, 8),
        "in/big.bmp": pixels(13, 21),
        "in/low.png": pixels(5, 30),
        "rgb.png": pixels(6, 9, 3),
        "deep.png": DRAW.integers(0, 2**16, (9, 9)).astype(np.uint16),
    }.items():
        Image.fromarray(image).save(folder / name)
    Image.fromarray(255 * pixels(9, 9, levels=2)).convert("1").save(folder / "bw.png")
    for name, n, rate in (("long", 101, 8000), ("short", 21, 8000), ("fast", 101, 16000)):
        write_wav(DRAW.normal(size=n) / 10, rate, folder / f"{name}.wav")
    np.save(folder / "grey.npy", pixels(5, 8, 8))
    return folder


@pytest.fixture
def run(cli, folder, monkeypatch):
    monkeypatch.chdir(folder)
    return lambda *words: cli("translate", *words)


def image_of(path):
    """An image file as a tensor (C, H, W)."""
    found = torch.tensor(np.array(Image.open(path)))
    return found.movedim(-1, 0) if found.dim() == 3 else found[None]


def test_pictures_of_any_size_get_the_answers_of_python_under_their_names(run, folder, tmp_path):
    done = run("colour", "in", "--out", tmp_path / "out", "--seed", 4)
    assert done.code == 0 and "3 rows, seed 4" in done.out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["big.png", "low.png", "one.png"]
    model = simulacra.load(folder / "colour")
    for given, name in (("one.png", "one"), ("big.bmp", "big"), ("low.png", "low")):
        x, y = image_of(folder / "in" / given), image_of(tmp_path / "out" / f"{name}.png")
        assert torch.equal(y, translate_whole(model, x, seed=4)[0]) and y.shape == (3, *x.shape[1:])
    one = Image.open(folder / "in/one.png")
    assert torch.equal(image_of(tmp_path / "out/one.png"), model.translate(one, seed=4)[0])


def test_answers_are_larger_by_the_factor_of_the_model(run, tmp_path):
    assert run("large", "rgb.png", "--out", tmp_path / "l.png").code == 0
    assert image_of(tmp_path / "l.png").shape == (3, 24, 36)
    # a grey picture for a source of colors
    assert run("large", "in/low.png", "--out", tmp_path / "g.png").code == 0
    assert image_of(tmp_path / "g.png").shape == (3, 20, 120)


def test_several_draws_are_numbered_and_the_first_is_that_of_one(run, tmp_path):
    assert run("colour", "in/big.bmp", "--out", tmp_path / "three", "--n", 3).code == 0
    assert run("colour", "in/big.bmp", "--out", tmp_path / "one.png").code == 0
    drawn = [image_of(tmp_path / f"three/big-{j}.png") for j in (1, 2, 3)]
    assert torch.equal(drawn[0], image_of(tmp_path / "one.png")) and not torch.equal(*drawn[1:])
    assert run("colour", "grey.npy", "--out", tmp_path / "y.npy", "--n", 2).code == 0
    assert np.load(tmp_path / "y.npy").shape == (2, 5, 8, 8, 3)


@pytest.mark.parametrize(("name", "n"), [("long", 101), ("short", 21)])
def test_recordings_keep_their_length(run, folder, tmp_path, name, n):
    assert run("wave", f"{name}.wav", "--out", tmp_path / "a.wav").code == 0
    found, given = read_wav(tmp_path / "a.wav"), read_wav(folder / f"{name}.wav").x
    assert (found.rate, len(found)) == (8000, n)
    expected = translate_whole(simulacra.load(folder / "wave"), given)[0]
    torch.testing.assert_close(found.x, expected, rtol=0, atol=1e-4)


def test_black_and_white_pictures_are_sources(run, tmp_path):
    assert run("bits", "bw.png", "--out", tmp_path / "b.png").code == 0
    assert image_of(tmp_path / "b.png").shape == (1, 9, 9)


REFUSED = [
    (("plain", "in"), "GAN cannot do translate(): that needs a model that translates"),
    (("colour", "in", "--n", 0), "--n is 0, but it must be at least 1"),
    (("colour", "in", "--to", "3"), "GAN translates to one target: leave out --to"),
    (
        ("colour", "in", "--condition", "3"),
        "GAN translates its condition, and these are the rows of in: leave",
    ),
    (
        ("colour", "rgb.png"),
        "rgb.png has 3 channels, but the model was trained on images with 1: turn it grey",
    ),
    (("colour", "deep.png"), "deep.png has 65,536 levels, but the model was trained on 256: convert it"),
    (("bits", "in/one.png"), "in/one.png has 256 levels, but the model was trained on 0 and 1: convert it"),
    (
        ("wave", "fast.wav"),
        "fast.wav has 16,000 samples a second, but the model was trained on 8,000: convert",
    ),
    (("colour", "long.wav"), "x has shape (1, 101), but Levels(shape=(1, 8, 8), levels=256) needs"),
    (("real", "rgb.png"), "the answers for rgb.png are Real(shape=(3, 4, 4)), which no image"),
    (("colour", "nothere"), "nothere"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=lambda v: v if isinstance(v, str) else v[0])
def test_what_cannot_be_translated_is_one_sentence(run, tmp_path, words, said):
    done = run(*words, "--out", tmp_path / "o")
    assert done.code == 2 and said in done.err and not (tmp_path / "o").exists()
    assert len([line for line in done.err.splitlines() if "error" in line]) == 1 and ".;" not in done.err


def test_samples_are_given_images_folders_and_arrays(cli, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    (tmp_path / "eights").mkdir()
    for i in range(3):
        Image.fromarray(pixels(8, 8)).save(tmp_path / f"eights/{i}.png")
    for condition, n in (("in/one.png", 16), (tmp_path / "eights", 3), ("grey.npy", 5)):
        done = cli("sample", "colour", "--condition", condition, "--seed", 1, "--out", tmp_path / "s.npy")
        assert done.code == 0 and np.load(tmp_path / "s.npy").shape == (n, 3, 8, 8)
    for condition, said in (
        ("in/big.bmp", "in/big.bmp is 21x13, but the condition is 8x8: simulacra translate takes files"),
        ("in", "big.bmp is 21x13"),
        (tmp_path, "holds no images: --condition takes a .png"),
    ):
        refused = cli("sample", "colour", "--condition", condition)
        assert refused.code == 2 and said in refused.err
    refused = cli("sample", "wave", "--condition", "long.wav")
    assert refused.code == 2 and "simulacra translate" in refused.err
