"""`simulacra denoise` on photographs of any size and recordings of any length."""

from __future__ import annotations

import numpy as np
import png
import pytest
import torch
from installed_package import install
from PIL import Image

import simulacra
from simulacra import Audio, Levels
from simulacra.core.numerics.stitched import stitched
from simulacra.core.preprocessing.images import coloured, save_png
from simulacra.core.spaces.audio import write_wav
from simulacra.data.audio.wav import read_wav

pytestmark = [pytest.mark.system("D6"), pytest.mark.fault("photos")]
SIDE = 8


@pytest.fixture
def maps(tmp_path_factory, monkeypatch):
    """The package of a model that denoises by adding its level."""
    install("mapping_models", tmp_path_factory.mktemp("site"), monkeypatch)
    import mapping_models

    return mapping_models


def autoencoder(path, channels: int = 1, levels: int = 256):
    space = Levels((channels, SIDE, SIDE), levels)
    model = simulacra.Autoencoder(space, latent=3, hidden=(5,), net="mlp", corruption="gaussian:0.2")
    model.save(path)
    return simulacra.load(path)


def photo(folder, name: str, *shape: int, levels: int = 256) -> np.ndarray:
    x = np.random.default_rng(sum(shape)).integers(0, levels, shape)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    save_png(x, levels, folder / name)
    return x


def read(path) -> np.ndarray:
    """The pixels of a .png file at their full depth, shape (C, H, W)."""
    with open(path, "rb") as file:
        width, height, rows, info = png.Reader(file=file).read()
        flat = np.stack([np.asarray(row) for row in rows])
    return flat.reshape(height, width, info["planes"]).transpose(2, 0, 1)


def whole(model, x: np.ndarray, level: float) -> np.ndarray:
    clean = lambda tiles: model.denoise(tiles, level=level)
    return stitched(clean, torch.tensor(x), (SIDE, SIDE)).numpy()


def test_photographs_of_any_size_come_back_at_their_size_and_by_their_names(cli, tmp_path):
    model = autoencoder(tmp_path / "m.safetensors")
    sizes = {"at home/a.png": (1, 8, 8), "trip/b c.png": (1, 21, 34), "trip/d.png": (1, 8, 50)}
    rows = {name: photo(tmp_path / "noisy", name, *shape) for name, shape in sizes.items()}
    done = cli("denoise", "m.safetensors", "noisy", "--level", 0.1, "--out", "clean/")
    assert done.code == 0 and "3 rows, seed 0: clean/" in done.out, done.err
    for name, x in rows.items():
        assert np.array_equal(read(tmp_path / "clean" / name), whole(model, x, 0.1)), name
    x, found = rows["at home/a.png"], read(tmp_path / "clean/at home/a.png")
    assert np.array_equal(found[None], model.denoise(x[None], level=0.1))


def test_depth_and_colors_stay(cli, tmp_path):
    deep, color = (
        autoencoder(tmp_path / "deep.safetensors", 3, 2**16),
        autoencoder(tmp_path / "c.safetensors", 3),
    )
    x = photo(tmp_path / "deep", "a.png", 3, 11, 20, levels=2**16)
    assert cli("denoise", "deep.safetensors", "deep", "--level", 0.2, "--out", "o1").code == 0
    found = read(tmp_path / "o1/a.png")
    assert found.max() > 255 and np.array_equal(found, whole(deep, x.astype(np.int32), 0.2))
    # a grey picture among colored ones stays grey, a .bmp of colors becomes a .png of colors
    grey, colored = (
        photo(tmp_path / "mixed", "grey.png", 1, 9, 10),
        photo(tmp_path / "mixed", "x.png", 3, 9, 10),
    )
    (tmp_path / "mixed/x.png").unlink()
    Image.fromarray(colored.astype(np.uint8).transpose(1, 2, 0)).save(tmp_path / "mixed/colors.bmp")
    done = cli("denoise", "c.safetensors", "mixed", "--level", 0.2, "--out", "o2")
    assert done.code == 0, done.err
    assert np.array_equal(read(tmp_path / "o2/colors.png"), whole(color, colored.astype(np.uint8), 0.2))
    expected = coloured(whole(color, grey.astype(np.uint8).repeat(3, 0), 0.2), 1)
    assert np.array_equal(read(tmp_path / "o2/grey.png"), expected)


def test_a_file_that_cannot_be_used_is_named_and_the_others_are_done(cli, tmp_path):
    model = autoencoder(tmp_path / "m.safetensors")
    x = photo(tmp_path / "noisy", "good.png", 1, 12, 9)
    photo(tmp_path / "noisy", "small.png", 1, 12, 7)
    photo(tmp_path / "noisy", "colored.png", 3, 12, 9)
    photo(tmp_path / "noisy", "deep.png", 1, 12, 9, levels=2**16)
    (tmp_path / "noisy/broken.png").write_bytes((tmp_path / "noisy/good.png").read_bytes()[:60])
    (tmp_path / "noisy/text.png").write_text("no image")
    done = cli("denoise", "m.safetensors", "noisy", "--level", 0.1, "--out", "clean")
    assert done.code == 3 and "5 rows have no answer, and exit code 3 says so" in done.err
    for words in (
        "small.png is 7x12, smaller than the 8x8 that the model takes: leave it out or enlarge it",
        "colored.png has 3 channels, but the model was trained on images with 1: turn it grey",
        "deep.png has 65,536 levels, but the model was trained on 256: convert it to 8 bits",
        "text.png is no image that can be read",
        "broken.png",
    ):
        assert words in done.err, words
    assert [path.name for path in (tmp_path / "clean").iterdir()] == ["good.png"]
    assert np.array_equal(read(tmp_path / "clean/good.png"), whole(model, x, 0.1))
    # nothing is left where no file can be used
    (tmp_path / "noisy/good.png").unlink()
    refused = cli("denoise", "m.safetensors", "noisy", "--out", "none")
    assert refused.code == 2 and "no row of noisy has an answer" in refused.err
    assert not (tmp_path / "none").exists()


def test_a_run_of_tiles_or_of_grey_answers_whole_pictures(cli, tmp_path):
    """Each channel of a colored photograph is answered alone by a run that turned its photographs grey."""
    photo(tmp_path / "photos", "a.png", 3, 24, 24)
    photo(tmp_path / "photos", "b.png", 3, 16, 32)
    words = ("--data.tile", SIDE, "--data.grey", "true", "--model.latent", 2, "--model.hidden", "[4]")
    noise = ("--model.corruption", "gaussian:0.2", "--epochs", 1, "--out", "run")
    whole_set = ("--data.validation", 0, "--data.test", 0)
    done = cli("train", "autoencoder", "photos", *words, *whole_set, *noise)
    assert done.code == 0, done.err
    x = photo(tmp_path / "noisy", "p.png", 3, 13, 22)
    assert cli("denoise", "run", "noisy", "--out", "clean").code == 0
    model = simulacra.load("run")
    expected = [whole(model, channel[None].astype(np.uint8), 0.2)[0] for channel in x]
    assert np.array_equal(read(tmp_path / "clean/p.png"), np.stack(expected))


def test_recordings_of_any_length(cli, maps, tmp_path):
    maps.Shifts(Audio((16,), 8000)).save(tmp_path / "m.safetensors")
    (tmp_path / "in").mkdir()
    x = 0.3 * torch.sin(torch.arange(101.0) / 3)
    write_wav(x, 8000, tmp_path / "in/long.wav")
    write_wav(x[:9], 8000, tmp_path / "in/short.wav")
    write_wav(x, 4000, tmp_path / "in/slow.wav")
    done = cli("denoise", "m.safetensors", "in", "--level", 0.1, "--seed", 2, "--out", "out")
    assert done.code == 3 and "2 rows have no answer" in done.err
    assert "short.wav has 9 samples, fewer than the 16 that the model takes: leave it out" in done.err
    assert "slow.wav has 4,000 samples a second, but the model was trained on 8,000" in done.err
    heard, model = read_wav(tmp_path / "in/long.wav").x, simulacra.load("m.safetensors")
    expected = stitched(lambda t: model.denoise(t, level=0.1, seed=2), heard, (16,))
    found = read_wav(tmp_path / "out/long.wav")
    assert found.rate == 8000 and torch.allclose(found.x, expected, atol=2.0**-15)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["long.wav"]
