"""Luminance PSNR, SNR, segmental SNR and modulation spectra, by hand and on the published pictures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.evaluation.pairs.luma import luma, psnr_y
from simulacra.evaluation.pairs.signals import (
    modulation_distance,
    modulation_spectrum,
    segmental_snr,
    snr,
)

PICTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "super_resolution"


def noise(*shape: int, seed: int = 0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- pictures


@pytest.mark.system("G20")
def test_the_luminance_runs_from_16_to_235():
    x = torch.tensor([[0, 0, 0], [255, 255, 255], [255, 0, 0]], dtype=torch.uint8).view(3, 3, 1, 1)
    assert luma(x).flatten().tolist() == pytest.approx([16, 235, 81.481])
    grey = torch.randint(0, 256, (2, 1, 3, 5), dtype=torch.uint8)
    assert torch.equal(luma(grey), grey.double())


@pytest.mark.system("G20")
def test_the_border_is_left_out():
    truth = torch.full((2, 3, 9, 11), 100.0)
    x = truth.clone()
    x[..., 2:-2, 2:-2] += 10
    wrong = 10 * (65.481 + 128.553 + 24.966) / 255
    assert psnr_y(x, truth, 2).tolist() == pytest.approx([20 * math.log10(255 / wrong)] * 2)
    x[..., :2, :] = 0
    assert torch.equal(psnr_y(x, truth, 2), psnr_y(x.clamp(1), truth, 2))
    assert psnr_y(truth, truth, 0).tolist() == [math.inf] * 2


@pytest.mark.system("G20")
@pytest.mark.parametrize(("name", "wanted"), [("Set5", 28.43), ("Set14", 26.09)])
def test_bicubic_has_the_published_psnr(name, wanted):
    """Whole pictures, cut to multiples of 4, by Pillow there and back, without 4 pixels at the borders."""
    files = sorted((PICTURES / name).glob("*.png"))
    if not files:
        pytest.skip(f"{name} is not here")
    found = []
    for file in files:
        image = Image.open(file).convert("RGB")
        width, height = (side // 4 * 4 for side in image.size)
        image = image.crop((0, 0, width, height))
        small = image.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
        large = small.resize((width, height), Image.Resampling.BICUBIC)
        y, x = (torch.from_numpy(np.asarray(i).transpose(2, 0, 1).copy())[None] for i in (large, image))
        found.append(float(psnr_y(y, x, 4)))
    assert round(sum(found) / len(found), 2) == wanted


# ---- recordings


@pytest.mark.system("G23")
def test_snr_is_the_ratio_of_powers():
    x, e = noise(2, 3, 400)
    found = snr(x + 0.1 * e, x)
    assert torch.allclose(found, 10 * (x.square().sum(1) / (0.1 * e).square().sum(1)).log10())
    assert snr(x, x).tolist() == [math.inf] * 3


@pytest.mark.system("G23")
def test_segmental_snr_is_the_mean_over_windowed_frames_within_its_limits():
    """Frames of 30 ms every 7.5 ms, by a loop in place of `unfold`."""
    rate, x, e = 8000, noise(1, 1003)[0].numpy(), noise(1, 1003, seed=1)[0].numpy()
    e = e * np.linspace(0, 3, len(e)) ** 3
    length, step = 240, 60
    w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1))
    expected = []
    for start in range(0, len(x) - length + 1, step):
        at = slice(start, start + length)
        ratio = 10 * np.log10(((w * x[at]) ** 2).sum() / ((w * e[at]) ** 2).sum())
        expected.append(np.clip(ratio, -10, 35))
    assert len(set(expected)) > 5 and -10 in expected
    found = segmental_snr(torch.from_numpy(x + e)[None], torch.from_numpy(x)[None], rate)
    assert found.item() == pytest.approx(np.mean(expected), rel=1e-9)


@pytest.mark.system("G23")
def test_silence_and_perfect_answers_are_at_the_limits():
    x, silent = noise(2, 500), torch.zeros(2, 500, dtype=torch.float64)
    assert segmental_snr(x, x, 8000).tolist() == [35, 35]
    assert segmental_snr(x, silent, 8000).tolist() == [-10, -10]
    assert segmental_snr(silent, silent, 8000).tolist() == [35, 35]
    # a recording of less than a frame is one frame
    assert segmental_snr(1.1 * x[:, :7], x[:, :7], 8000).tolist() == pytest.approx([20, 20])


@pytest.mark.system("G25")
def test_the_modulation_spectrum_of_a_sine_is_one_line():
    t, frequency, size = torch.arange(24, dtype=torch.float64), 5, 0.3
    x = 7 + size * (2 * math.pi * frequency * t / 24).sin()
    found = modulation_spectrum(x.view(1, 24, 1), 1e-9)[:, 0]
    assert found[frequency - 1].item() == pytest.approx(20 * math.log10(size * 24 / 2))
    assert float(found[torch.arange(12) != frequency - 1].max()) < -170


@pytest.mark.system("G25")
def test_smoothing_moves_the_modulation_spectrum_and_texture_moves_it_back():
    x = noise(40, 16, 5)
    smooth = (x + x.roll(1, 1) + x.roll(-1, 1)) / 3
    response = (1 + 2 * (2 * math.pi * torch.arange(1, 9, dtype=torch.float64) / 16).cos()).abs() / 3
    found = (modulation_spectrum(smooth) - modulation_spectrum(x)).mean(1)
    assert torch.allclose(found, 20 * response.log10())
    # the squared error prefers the smooth sequences, the distance those with texture
    other = smooth + noise(40, 16, 5, seed=3) * 0.7
    assert (smooth - x).square().mean() < (other - x).square().mean()
    assert modulation_distance(other, x) < 0.5 * modulation_distance(smooth, x)
    assert modulation_distance(x, x) == 0
    assert modulation_distance(3 * x, x).item() == pytest.approx(20 * math.log10(3), rel=1e-6)


# ---- bad input


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: psnr_y(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9)), "pairs have one size"),
        (lambda: psnr_y(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)), "border=0"),
        (lambda: luma(torch.zeros(3, 8, 8)), r"give x\[None\] for one picture"),
        (lambda: snr(torch.zeros(1, 8), torch.zeros(1, 9)), "cut or resize one of them first"),
        (lambda: segmental_snr(torch.zeros(8), torch.zeros(8), 8000), r"give x\[None\] for one wave"),
        (lambda: modulation_spectrum(torch.zeros(8, 3)), r"give x\[None\] for one sequence"),
        (lambda: modulation_distance(torch.zeros(1, 8, 3), torch.zeros(1, 9, 3)), "cut both to one length"),
    ],
)
def test_bad_input_has_one_sentence_with_a_way_out(call, words):
    with pytest.raises(ValueError, match=words):
        call()
