"""An orientation tag is undone wherever a file keeps it, and in a picture that is handed to a model."""

import logging

import numpy as np
import pytest
import torch
from image_writers import SEEN, chunk, planes, png_bytes, tag_chunk, with_chunk
from PIL import Image
from refusal import assert_refused

import simulacra
from simulacra.data import load_data

KEEP = {"validation": 0, "test": 0}
PIXELS = np.random.default_rng(6).integers(0, 256, (5, 8, 3), np.uint8)


def tagged(turn: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = turn
    return tags


def write(path, kind: str, turn: int) -> None:
    """One picture with its tag, in a file of that kind."""
    image = Image.fromarray(PIXELS)
    if kind.startswith("png"):
        _, chunk_kind, place = kind.split()
        path.write_bytes(with_chunk(png_bytes(PIXELS), tag_chunk(turn, chunk_kind), place == "behind"))
    elif kind == "webp":
        image.save(path, lossless=True, exif=tagged(turn))
    elif kind == "tif":
        image.save(path, exif=tagged(turn))
    else:
        image.save(path, quality=95, exif=tagged(turn))


KINDS = [
    *(f"png {c} {p}" for c in ("eXIf", "tEXt", "zTXt", "iTXt") for p in ("before", "behind")),
    "webp",
    "tif",
]


@pytest.mark.fault("f16")
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", [*KINDS, "jpg"])
def test_files_and_pictures_are_turned_as_their_tag_says(tmp_path, kind, turn):
    path = tmp_path / f"a.{kind.split()[0]}"
    write(path, kind, turn)
    data = load_data(tmp_path, **KEEP)
    plain = np.array(Image.open(path).convert("RGB")) if kind == "jpg" else PIXELS
    assert np.array_equal(data.train.x[0].numpy(), planes(SEEN[turn](plain)))
    model = simulacra.VAE(data.space, latent=1, hidden=(3,), net="mlp")
    model.preprocessing = data.preprocessing
    torch.manual_seed(0)
    from_picture = model.log_prob(Image.open(path), k=2, seed=1).values
    assert torch.equal(from_picture, model.log_prob(data.train.x, k=2, seed=1).values)


@pytest.mark.fault("f16")
def test_turned_files_are_counted_and_sizes_are_those_that_are_seen(tmp_path, caplog):
    for i, turn in enumerate((1, 6, 8)):
        write(tmp_path / f"{i}.png", "png eXIf behind", turn)
    pixels = PIXELS.swapaxes(0, 1)
    (tmp_path / "0.png").write_bytes(png_bytes(pixels))
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path, **KEEP)
    assert "3 images, 8 bit, 5x8; 2 turned as their orientation tag says" in caplog.text


def test_a_tag_behind_the_pixels_is_found_without_decoding(tmp_path, monkeypatch):
    write(tmp_path / "a.png", "png eXIf behind", 6)
    from simulacra.data.images.headers import read_heads

    monkeypatch.setattr(Image.Image, "load", None)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    ((head,),) = read_heads([tmp_path / "a.png"])
    assert (head.width, head.height, head.turn) == (5, 8, 6)


def test_tags_that_say_nothing_and_tags_that_are_damaged(tmp_path):
    (tmp_path / "a.png").write_bytes(with_chunk(png_bytes(PIXELS), chunk(b"eXIf", b"nonsense"), True))
    (tmp_path / "b.png").write_bytes(with_chunk(png_bytes(PIXELS), tag_chunk(9, "eXIf"), True))
    assert load_data(tmp_path, **KEEP).train.x.shape == (2, 3, 5, 8)
    wrong = bytearray(tag_chunk(6, "eXIf"))
    wrong[-1] ^= 1
    (tmp_path / "c.png").write_bytes(with_chunk(png_bytes(PIXELS), bytes(wrong), True))
    assert_refused(tmp_path, "c.png is truncated or damaged", **KEEP)
