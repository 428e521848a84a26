"""Images that use a small part of their levels: what models see, what is compared, and what streams."""

from __future__ import annotations

import dataclasses
import logging
import tempfile

import numpy as np
import pytest
import torch
from deep_files import write_pillow, write_tiff

import simulacra
from simulacra.core.preprocessing.transforms import OwnRange
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data import load_data
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.latents.reconstruction import reconstruction

pytestmark = pytest.mark.fault("e2")
KEEP = {"validation": 0.2, "test": 0.2}


def spots(n: int, side: int = 8, low: int = 600, high: int = 6000) -> np.ndarray:
    """Dark images with one bright spot each, of whole numbers."""
    r = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    cy, cx = r.uniform(0, side, (2, n, 1, 1))
    return (low + (high - low) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 6)).astype(np.uint16)


def folder(path, images, write, suffix):
    path.mkdir(parents=True)
    for i, x in enumerate(images):
        write(path / f"{i:03d}{suffix}", x)
    return path


@pytest.fixture
def slides(tmp_path):
    return folder(tmp_path / "slides", spots(60), write_tiff, ".tif")


def sane(data, least=0.3):
    """Whether features of training rows have about the size of one."""
    f = data.space.features(data.train.all().x, torch.float64).flatten()
    return f.quantile(0.01) > -3 and f.quantile(0.99) < 3.5 and f.std() > least


def test_features_of_deep_images_do_not_ask_for_the_nominal_depth(slides, caplog):
    with caplog.at_level(logging.INFO, "simulacra"):
        deep, camera = load_data(slides, **KEEP), load_data(slides, levels=16384, **KEEP)
    bright = from_tensors(9 * torch.from_numpy(spots(60).astype(np.int32))[:, None], Levels((1, 8, 8), 2**16))
    assert (
        sane(bright)
        and sane(deep)
        and torch.equal(deep.space.features(deep.train.x), camera.space.features(camera.train.x))
    )
    assert "of 0 to 65,535: models see them by their mean and deviation" in caplog.text
    streamed = load_data(slides, stream=True, **KEEP)
    assert streamed.space.place == deep.space.place and streamed.test.content() == deep.test.content()


def test_a_vae_of_dark_deep_images_is_better_than_the_mean_image(slides):
    data = load_data(slides, **KEEP)
    model = simulacra.VAE(data.space, latent=4)
    run = simulacra.fit(model, data, epochs=80, out=tempfile.mkdtemp(), progress=False, doctor=False)
    assert reconstruction(run.model, data).explained > 0.5
    again = simulacra.load(run.path)
    assert again.space.place == data.space.place == again.preprocessing.raw.place
    blind = dataclasses.replace(data.space, centre=None, spread=None)
    other = simulacra.fit(
        simulacra.VAE(blind, latent=4), data, epochs=80, out=tempfile.mkdtemp(), doctor=False
    )
    assert reconstruction(other.model, data).explained < 0.3


@pytest.mark.parametrize("dequantize", ["uniform", "logit"])
def test_dequantized_deep_images_are_scaled_and_their_density_is_that_of_the_levels(slides, dequantize):
    data = load_data(slides, dequantize=dequantize, **KEEP)
    assert isinstance(data.preprocessing.steps[-1], OwnRange) and data.space == Real((1, 8, 8)) and sane(data)
    x = data.train.x[:5]
    y, log_det = data.preprocessing.forward(x, Rng(0, rows=range(5)))
    assert torch.equal(data.preprocessing.inverse(y.double()), x)
    plain = dataclasses.replace(data.preprocessing, steps=data.preprocessing.steps[:-1])
    spread = data.preprocessing.steps[-1].scale[0]
    _, before = plain.forward(x, Rng(0, rows=range(5)))
    assert torch.allclose(log_det, before - 64 * np.log(spread))
    # a model of other data keeps its own range
    assert data.under(plain).preprocessing == plain


def test_a_run_without_a_range_keeps_its_features(slides, tmp_path, monkeypatch):
    monkeypatch.setattr("simulacra.data.load.with_own_range", lambda chain, *rest: chain)
    data = load_data(slides, dequantize="uniform", **KEEP)
    model = simulacra.PPCA(data.space, latent=2)
    run = simulacra.fit(model, data, out=tmp_path / "run", doctor=False)
    score = simulacra.evaluate(run).likelihood.mean
    monkeypatch.undo()
    opened = simulacra.load_run(run.path)
    assert opened.data.preprocessing == model.preprocessing
    assert simulacra.evaluate(
        opened.model, load_data(slides, dequantize="uniform", **KEEP)
    ).likelihood.mean == pytest.approx(score)


def test_data_that_use_their_levels_have_no_range(tmp_path):
    assert not load_data("digits").space.ranged
    full = np.random.default_rng(0).integers(0, 2**16, (40, 5, 5)).astype(np.uint16)
    assert not load_data(folder(tmp_path / "full", full, write_tiff, ".tif"), **KEEP).space.ranged


def test_quiet_recordings_are_louder_to_models_and_come_out_as_they_were(tmp_path):
    from simulacra.core.spaces.audio import write_wav

    (tmp_path / "quiet").mkdir()
    for i in range(20):
        write_wav(0.01 * np.sin(np.arange(400) * (0.1 + i / 100)), 8000, tmp_path / "quiet" / f"{i}.wav")
    data = load_data(tmp_path / "quiet", tile=50)
    assert sane(data) and data.preprocessing.raw.check(data.train.x) is None
    assert torch.allclose(data.preprocessing.inverse(data.train.all().x), data.train.x, atol=1e-6)
    assert not load_data(tmp_path / "quiet", tile=50, standardize=False).preprocessing.steps
    codes = load_data(tmp_path / "quiet", tile=50, mu_law=256)
    assert codes.space.ranged and sane(codes)


def test_rows_from_memory_are_seen_in_their_range():
    x = torch.from_numpy(spots(50).astype(np.int32))[:, None]
    data = from_tensors(x, Levels((1, 8, 8), 2**16))
    assert sane(data) and data.space == Levels((1, 8, 8), 2**16)


@pytest.mark.parametrize("maker", [simulacra.GAN, simulacra.Autoencoder], ids=["gan", "autoencoder"])
def test_every_level_is_within_reach(maker):
    space = Levels((3,), 2**16, centre=1000.0, spread=800.0)
    model = maker(space, error="cross-entropy") if maker is simulacra.Autoencoder else maker(space)
    reach = torch.tensor([[0.0, 1000.0, 6900.0]])
    features = space.features(reach)
    if maker is simulacra.Autoencoder:
        assert ((model._share(features) > 0) & (model._share(features) < 1)).all()
    else:
        model.G.forward = lambda z, c=None: model.seen(reach).expand(len(z), -1)
        assert torch.allclose(model.emit(torch.zeros(2, model.latent))[0], reach[0], atol=1)


# ---- one protocol


def test_two_nominal_depths_of_the_same_integers_are_one_protocol(slides):
    deep, camera = load_data(slides, **KEEP), load_data(slides, levels=16384, **KEEP)
    assert deep.protocol("test") == camera.protocol("test") and deep.test.digest() != camera.test.digest()
    assert deep.protocol("test").digest == camera.protocol("test").digest
    assert deep.protocol("test") != deep.protocol("train")
    for unlike in ({"size": 4}, {"crop": 5}, {"binarize": "dynamic"}, {"binarize": "static"}):
        assert load_data(slides, **unlike, **KEEP).protocol("test") != deep.protocol("test")
    darker = [
        load_data(slides, binarize="dynamic", levels=n, **KEEP).protocol("test") for n in (16384, 2**16)
    ]
    assert darker[0] != darker[1]
    a, b = (simulacra.PPCA(Real((64,)), latent=1), deep)
    assert (a is not None and b.space == camera.space) or b.space.levels != camera.space.levels


def test_bytes_and_16_bits_of_the_same_values_are_one_protocol(tmp_path):
    x = (spots(30) // 30).astype(np.uint8)
    eight = load_data(folder(tmp_path / "a" / "set", x, write_pillow, ".png"), **KEEP)
    sixteen = load_data(folder(tmp_path / "b" / "set", x.astype(np.uint16), write_pillow, ".png"), **KEEP)
    assert (eight.space.levels, sixteen.space.levels) == (256, 2**16)
    assert eight.protocol("test") == sixteen.protocol("test")
    found = []
    for kind in (np.uint8, np.uint16, np.int32):
        np.save(tmp_path / f"{kind.__name__}.npy", x.astype(kind))
        found += [load_data(tmp_path / f"{kind.__name__}.npy", levels=n, **KEEP) for n in (256, 4096)]
    assert len({data.protocol("test").digest for data in found}) == 1
    x[0, 0, 0] += 1
    np.save(tmp_path / "other.npy", x)
    assert load_data(tmp_path / "other.npy", **KEEP).protocol("train") != found[0].protocol("train")


def test_compare_ranks_models_of_two_depths(slides):
    reports = {}
    for levels in (16384, 2**16):
        data = load_data(slides, levels=levels, **KEEP)
        model = simulacra.VAE(data.space, latent=2)
        run = simulacra.fit(model, data, epochs=2, out=tempfile.mkdtemp(), doctor=False)
        reports[f"of {levels}"] = simulacra.evaluate(run, k=5)
    found = simulacra.compare(reports)
    assert len(found.rankings) == 1 and not found.refusals
