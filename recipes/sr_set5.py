"""Super-resolution by a factor of four: Set5 and Set14 by bicubic interpolation, SRResNet and SRGAN.

command     SIMULACRA_DATA=DATA python recipes/sr_set5.py [--minutes N] [--out FOLDER] (DATA holds
            super_resolution/, with T91, Set5 and Set14)
protocol    91 training images; pictures shrunk by Pillow's bicubic filter; PSNR of the luminance without 4
            pixels at each border, the mean over whole pictures; grey pictures are their own luminance
published   Ledig et al. 2017: bicubic 28.43 dB on Set5 and 25.99 dB on Set14, SRResNet 32.05 and 28.49, SRGAN
            29.40 and 26.02; their networks have 64 channels and 16 blocks, and see 350,000 images for days
ours        bicubic 28.43 and 26.00 dB; SRResNet in a trial of 9,000 steps, of which 2,250 were made, with a
            learning rate still high: on Set5 30.23 dB after 0.8 CPU minutes (250 steps), 30.89 dB after 2.9
            (1,000 steps), 31.06 dB after 5.9 (2,000 steps, 27.77 dB on Set14), 31.08 dB after 6.7. Our goal
            is 29.5 dB on Set5.
            SRGAN: not yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

import simulacra
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.data.catalog import names
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.pairs.luma import psnr_y
from simulacra.training.hardware.budget import Budget

FACTOR, SIDE = 4, 96  # of the resolution; pixels of a training tile
SIZES = {"channels": 32, "blocks": 8, "error": "absolute", "lr": 1e-3}
EPOCHS, GAME_EPOCHS = 160.0, 20.0
SETTINGS = {"batch_size": 16, "warmup": 0.01, "validate": False}
SETS = ("Set5", "Set14")
PROTOCOL = "x4, luminance, 4 pixels at each border left out"
OURS = f"{PROTOCOL}; T91 in place of 350,000 images, 32 channels and 8 blocks, an hour in place of days"
LEDIG = "Ledig et al. 2017, table 2"
psnr_figure = partial(Figure, source=LEDIG, unit="dB", protocol=PROTOCOL)
# other seeds and details of training
network_figure = partial(psnr_figure, tolerance=0.05, wide=0.3)
FIGURES = (
    # rounding, and the filters of Matlab and Pillow
    psnr_figure("Set5, bicubic", published=28.43, tolerance=0.01, wide=0.05),
    psnr_figure("Set14, bicubic", published=25.99, tolerance=0.01, wide=0.05),
    # not published: the goal for an hour on 91 images, a decibel above bicubic interpolation
    Figure(
        "Set5, SRResNet, beside our goal",
        published=29.5,
        source="the goal that was set before the run",
        unit="dB",
        protocol=OURS,
        tolerance=0.0,
        wide=0.0,
        better="higher",
    ),
    network_figure("Set5, SRResNet", published=32.05, better="higher"),
    network_figure("Set14, SRResNet", published=28.49, better="higher"),
    # a game pays in decibels for what it draws, so neither direction is better
    network_figure("Set5, SRGAN", published=29.40),
    network_figure("Set14, SRGAN", published=26.02),
)


def pictures(part: str) -> list[Image.Image]:
    """Returns the pictures of T91, Set5 or Set14, cropped to multiples of the factor.

    Args:
        part: name of the folder.
    """
    place = f"super_resolution/{part}"
    entry = names.Entry(part, "", folders=(place,), by_hand=f"save the pictures of {part} in {place}")
    folder = next((home / place for home in names.homes() if (home / place).is_dir()), None)
    if folder is None:
        names.locate(entry)
    found = [Image.open(path) for path in sorted(folder.glob("*.png"))]
    return [one.crop((0, 0, *(side - side % FACTOR for side in one.size))) for one in found]


def shrunk(picture: Image.Image) -> Image.Image:
    """Returns a picture of a quarter of the sides, by the bicubic filter with antialiasing."""
    return picture.resize([side // FACTOR for side in picture.size], Image.Resampling.BICUBIC)


def levels(picture: Image.Image) -> Tensor:
    """Returns the levels of a picture, shape (1, C, H, W)."""
    rows = torch.as_tensor(np.array(picture))
    return rows.reshape(*rows.shape[:2], -1).permute(2, 0, 1)[None]


def training_pairs(step: int = SIDE // 2) -> Dataset:
    """Returns tiles of the training images that overlap by half, and the same places of the shrunk images.

    Args:
        step: pixels between neighboring tiles.
    """
    x, c = [], []
    for picture in pictures("T91"):
        large, small = levels(picture.convert("RGB"))[0], levels(shrunk(picture.convert("RGB")))[0]
        _, height, width = large.shape
        for top in starts(height, step):
            for left in starts(width, step):
                x.append(large[:, top : top + SIDE, left : left + SIDE])
                top_of_c, left_of_c, side = top // FACTOR, left // FACTOR, SIDE // FACTOR
                c.append(small[:, top_of_c : top_of_c + side, left_of_c : left_of_c + side])
    spaces = (Levels((3, side, side), 256) for side in (SIDE, SIDE // FACTOR))
    space, condition = spaces
    return simulacra.from_tensors(
        torch.stack(x), space, "t91", torch.stack(c), condition, valid=0.0, test=0.01
    )


def starts(length: int, step: int) -> list[int]:
    """Returns where tiles of a side begin, the last one at its end; none of a side below that of a tile."""
    last = length - SIDE
    return sorted({*range(0, last + 1, step), last}) if last >= 0 else []


@torch.no_grad()
def enlarged(model: simulacra.SRGAN, small: Image.Image) -> Tensor:
    """Returns the model's picture of four times the sides, levels of shape (1, 3, 4 H, 4 W).

    Args:
        model: a trained model.
        small: a picture of any size.
    """
    with evaluating(model):
        return model.draw(Rng(0, rows=range(1)), levels(small.convert("RGB")).to(model.device))


def score(model: simulacra.SRGAN | None, part: str) -> float:
    """Returns the mean PSNR of the pictures of a set in dB.

    Args:
        model: a trained model; None: bicubic interpolation.
        part: name of the set.
    """
    found = []
    for truth in pictures(part):
        small, colours = shrunk(truth), len(truth.getbands())
        if model is None:
            x = levels(small.resize(truth.size, Image.Resampling.BICUBIC))
        else:
            x = enlarged(model, small).float()
            x = x if colours == 3 else x.mean(1, keepdim=True)
        found.append(float(psnr_y(x, levels(truth), FACTOR)))
    return sum(found) / len(found)


def card(side: int = 160) -> Image.Image:
    """Returns a drawn picture of rings, slanted lines and letters, which no data set holds."""
    large = Image.new("RGB", (4 * side, 4 * side), (236, 232, 220))
    draw = ImageDraw.Draw(large)
    for i in range(9):
        r, shade = 4 * (side // 3 - 5 * i), (30 + 12 * i, 60, 110) if i % 2 else (236, 232, 220)
        draw.ellipse([8 * side // 3 - r, 5 * side // 3 - r, 8 * side // 3 + r, 5 * side // 3 + r], fill=shade)
    for i in range(8):
        draw.line([20 + 90 * i, 4 * side, 300 + 90 * i, 11 * side // 4], (150, 40, 30), 6 + 3 * i)
    draw.text((20, 0), "Aa", (20, 40, 20), ImageFont.load_default(side))
    # reduced, so that its edges are smooth
    return large.resize((side, side), Image.Resampling.BOX)


def compared(model: simulacra.SRGAN) -> Image.Image:
    """Returns the card by its small pixels, by bicubic interpolation, by the model, and as it is.

    Args:
        model: a trained model.
    """
    truth = card()
    small, side = shrunk(truth), truth.width
    ours = enlarged(model, small)[0].byte().permute(1, 2, 0).cpu().numpy()
    ways = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)
    panels = [*(small.resize(truth.size, how) for how in ways), Image.fromarray(ours), truth]
    whole = Image.new("RGB", (4 * side + 24, side), "white")
    for i, panel in enumerate(panels):
        whole.paste(panel, (i * (side + 8), 0))
    return whole.resize((2 * whole.width, 2 * whole.height), Image.Resampling.NEAREST)


def trained(budget: Budget, data: Dataset) -> Iterator[tuple[str, simulacra.SRGAN, float]]:
    """Yields name, model and share of the schedule of SRResNet, and of SRGAN, which goes on from it.

    Args:
        budget: time limit and folder.
        data: pairs of tiles.
    """
    torch.manual_seed(0)
    first = simulacra.SRGAN(data.space, data.condition, adversarial=0.0, **SIZES)
    run = budget.fit("srresnet", first, data, EPOCHS, 0.8, **SETTINGS)
    yield "SRResNet", run.model, run.epochs / EPOCHS
    game = simulacra.SRGAN(data.space, data.condition, **SIZES)
    game.G.load_state_dict(run.model.G.state_dict())
    then = budget.fit("srgan", game, data, GAME_EPOCHS, 0.15, stages={"error": 0.01}, **SETTINGS)
    yield "SRGAN", then.model, then.epochs / GAME_EPOCHS


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains both models and measures the pictures of both sets, and their bicubic interpolation."""
    figures = iter(FIGURES)
    for part in SETS:
        yield next(figures).measured(score(None, part))
    for name, model, share in trained(budget, training_pairs()):
        for part in SETS:
            value = budget.once(f"{name}-{part}", score, model, part)
            if (name, part) == ("SRResNet", "Set5"):
                yield next(figures).measured(value, share=share)
            yield next(figures).measured(value, protocol=OURS, share=share)


def main() -> None:
    """Trains the models, and prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--picture", type=Path, help="file of a drawn card, enlarged by the finished SRResNet"
    )
    asked = parser.parse_args()
    for measured in reproduce(Budget(minutes=asked.minutes, folder=asked.out)):
        print(measured, flush=True)
    if asked.picture and asked.out:
        compared(simulacra.load_run(asked.out / "srresnet").model).save(asked.picture)


if __name__ == "__main__":
    main()
