"""Recordings mixed with noise of a folder: the ratio, the windows, their keys, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.corruption.mix import Mix, noises_of
from simulacra.core.corruption.parse import parse
from simulacra.core.corruption.raw_rows import at_levels
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio, write_wav
from simulacra.core.spaces.plain import Levels, Real

pytestmark = [pytest.mark.system("D6"), pytest.mark.fault("corruptions")]
RATE, T = 8000, 10
SPACE = Audio((T,), RATE)


@pytest.fixture
def noises(tmp_path):
    """Two recordings, 13 and 4 samples long: 4 windows of 10 samples, and 4 beginnings of a repeated one."""
    folder = tmp_path / "noises"
    folder.mkdir()
    g = torch.Generator().manual_seed(1)
    for name, n in (("a", 13), ("b", 4)):
        write_wav(0.2 * torch.randn(n, generator=g).clamp(-4, 4), RATE, folder / f"{name}.wav")
    return folder


def waves(n: int) -> torch.Tensor:
    return 0.05 * torch.randn(n, T, generator=torch.Generator().manual_seed(2))


def mixed(corruption, x: torch.Tensor, seed: int = 0, name: str = "corruption") -> torch.Tensor:
    return corruption.apply(x, Rng(seed, "test", rows=range(len(x))), SPACE, name)


def windows(folder) -> torch.Tensor:
    """All windows in order, shape (8, T)."""
    found = noises_of(str(folder), RATE)
    a, b = found.x[:13], found.x[13:]
    return torch.stack([*(a[i : i + T] for i in range(4)), *(b.roll(-i).repeat(3)[:T] for i in range(4))])


@pytest.mark.parametrize("level", [20.0, 6.0])
def test_the_ratio_of_powers_is_that_of_the_level(float64, noises, level):
    x = waves(50)
    y = mixed(parse(f"mix:{noises}:{level}"), x)
    ratio = 10 * (x.square().mean(1) / (y - x).square().mean(1)).log10()
    torch.testing.assert_close(ratio, torch.full((50,), level), rtol=1e-6, atol=1e-6)


def test_every_window_is_drawn_as_often(float64, noises):
    """800 rows, 8 windows: each within five standard deviations of 100."""
    y, x = mixed(Mix(20.0, str(noises)), waves(800)), waves(800)
    unit = lambda t: t / t.norm(dim=1, keepdim=True)
    like = unit(y - x) @ unit(windows(noises).double()).T
    torch.testing.assert_close(like.max(1).values, torch.ones(800))
    counts = torch.bincount(like.argmax(1), minlength=8)
    assert bool(((counts - 100).abs() < 5 * math.sqrt(800 / 8 * 7 / 8)).all()), counts


def test_a_row_has_its_noise_whatever_the_batch(noises):
    corruption, x = Mix(10.0, str(noises)), waves(50)
    whole = mixed(corruption, x)
    for n in (2, 3):
        assert torch.equal(mixed(corruption, x[:n]), whole[:n])
    assert not torch.equal(mixed(corruption, x, 1), whole)
    assert not torch.equal(mixed(corruption, x, name="other"), whole)


def test_silence_is_not_mixed_and_the_sum_is_clipped(tmp_path, noises):
    silent = torch.zeros(3, T)
    assert torch.equal(mixed(Mix(10.0, str(noises)), silent), silent)
    (tmp_path / "silence").mkdir()
    write_wav(torch.zeros(20), RATE, tmp_path / "silence/s.wav")
    assert torch.equal(mixed(Mix(10.0, str(tmp_path / "silence")), waves(3)), waves(3))
    loud = mixed(Mix(-20.0, str(noises)), 18 * waves(50).clamp(-0.05, 0.05))
    assert float(loud.abs().max()) == 1.0
    SPACE.check(loud)


def test_less_noise_is_removed_by_its_power():
    """Ten decibels fewer are a tenth of the power; at more noise the whole estimate is the answer."""
    corruption, x, r = Mix(5.0, "noises"), torch.ones(2, T), torch.zeros(2, T)
    torch.testing.assert_close(corruption.cleaned(x, r, 15.0), 0.9 * x)
    for level in (None, 5.0, -3.0):
        assert torch.equal(corruption.cleaned(x, r, level), r)
    found = at_levels(corruption, simulacra.Autoencoder(SPACE, latent=2), (0.5, 1.0, 2.0))
    assert [one.level for one in found] == pytest.approx([5 + 6.0206, 5.0, 5 - 6.0206], abs=1e-4)


def test_text_and_corruption_are_the_same(noises):
    for text in ("mix:noises:10", "mix:C:\\noises:-2.5", "mix:a/b:0"):
        assert parse(text).text == text
    assert parse("mix:noises") == Mix(10.0, "noises") and parse(f"mix:{noises}").folder == str(noises)


def test_a_model_trains_with_it_and_is_used_where_the_noise_is_not(noises, tmp_path):
    data = simulacra.from_tensors(waves(40), SPACE, valid=0, test=0)
    model = simulacra.Autoencoder(SPACE, latent=2, hidden=(4,), corruption=f"mix:{noises}:5")
    run = simulacra.fit(model, data, out=tmp_path / "run", epochs=1, progress=False, doctor=False)
    noises.rename(tmp_path / "elsewhere")
    noises_of.cache_clear()
    found = simulacra.load(tmp_path / "run")
    assert torch.equal(found.denoise(waves(3)), run.model.denoise(waves(3)))
    with pytest.raises(Refusal, match="finds no recordings in"):
        mixed(found.corruption, waves(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mix", "mix needs a folder of recordings, .*use corruption='gaussian:0.1'"),
        ("mix::10", "mix needs a folder of recordings"),
        ("mix:noises:loud", "ratio in decibels, not 'loud': use corruption='mix:noises:10'"),
        ("mix:noises:inf", "ratio in decibels, not inf: use corruption='mix:noises:10'"),
    ],
)
def test_text_that_is_no_mixture_is_refused(text, words):
    with pytest.raises(Refusal, match=words) as refused:
        parse(text)
    (way,) = refused.value.suggestions
    assert parse(dict(way.options)["corruption"]).space(SPACE) == SPACE


@pytest.mark.parametrize("space", [Real((4,)), Levels((1, 3, 3), 5)], ids=str)
def test_what_is_no_recording_is_refused(space):
    with pytest.raises(Refusal, match="corruption 'mix:noises:10' needs recordings") as refused:
        parse("mix:noises").space(space)
    (way,) = refused.value.suggestions
    assert parse(dict(way.options)["corruption"]).space(space) == space


def test_recordings_of_another_rate_are_named(noises):
    with pytest.raises(Refusal, match=r"a.wav has 8,000 samples a second, .* of 16,000: convert it"):
        Mix(10.0, str(noises)).apply(waves(2), Rng(0, rows=range(2)), Audio((T,), 16000))
