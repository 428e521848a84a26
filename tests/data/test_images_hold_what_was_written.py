"""Image files of any dialect hold what was written into them, or are refused in one sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from image_writers import (
    SEEN,
    moving,
    pam_bytes,
    pbm_bytes,
    planes,
    png_bytes,
    pnm_bytes,
    tag_chunk,
    tiff_bytes,
    with_chunk,
)
from PIL import Image
from refusal import assert_refused

from simulacra.core.spaces.plain import Levels
from simulacra.data import load_data

KEEP = {"validation": 0, "test": 0}
SIDES = st.integers(1, 9)
BITS = st.sampled_from([1, 2, 4, 8, 16])


def drawn(data, below: int, channels: int = 0) -> np.ndarray:
    """Whole numbers (H, W) or (H, W, C), the highest one among them more often than by chance."""
    height, width = data.draw(SIDES), data.draw(SIDES)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(0, below, (height, width, channels) if channels else (height, width))
    x.flat[0] = below - 1 if rng.integers(2) else 0
    return x.astype(np.uint16)


def assert_holds(name: str, content, wanted: list[np.ndarray], levels: int, **options) -> None:
    """A folder with a file `name` gives these rows (C, H, W) of so many levels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        content(path) if callable(content) else path.write_bytes(content)
        data = load_data(folder, **KEEP, **options)
        assert data.preprocessing.raw == Levels(wanted[0].shape, levels)
        assert np.array_equal(data.train.x.numpy(), np.stack(wanted).astype(np.int64))


def assert_file_refused(name: str, content, *words: str) -> None:
    """A folder with that file is refused in one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        content(path) if callable(content) else path.write_bytes(content)
        assert_refused(folder, name, *words, **KEEP)


@pytest.mark.property
@pytest.mark.fault("f19")
@given(st.data())
def test_a_png_holds_what_was_written(data):
    bits = data.draw(BITS)
    channels = data.draw(st.sampled_from([0, 2, 3, 4] if bits >= 8 else [0]))
    x = drawn(data, 2**bits, channels)
    if channels in (2, 4):
        x[..., -1] = 2**bits - 1
    content = png_bytes(x, bits, interlace=data.draw(st.booleans()))
    assert_holds("a.png", content, [planes(x)[: {0: 1, 2: 1, 3: 3, 4: 3}[channels]]], 2**bits)


@pytest.mark.property
@pytest.mark.fault("f16")
@given(st.data())
def test_a_turned_png_holds_what_is_seen(data):
    bits, turn = data.draw(BITS), data.draw(st.integers(1, 8))
    x = drawn(data, 2**bits, data.draw(st.sampled_from([0, 3] if bits >= 8 else [0])))
    kind = data.draw(st.sampled_from(["eXIf", "tEXt", "zTXt", "iTXt"]))
    content = with_chunk(png_bytes(x, bits), tag_chunk(turn, kind), behind=data.draw(st.booleans()))
    assert_holds("a.png", content, [planes(SEEN[turn](x))], 2**bits)


@pytest.mark.property
@given(st.data())
def test_a_colour_that_is_declared_transparent_is_refused_where_it_is_seen(data):
    bits = data.draw(BITS)
    channels = data.draw(st.sampled_from([0, 3] if bits >= 8 else [0]))
    x = drawn(data, 2**bits, channels)
    hidden = data.draw(st.integers(0, 2**bits - 1))
    content = png_bytes(x, bits, transparent=(hidden,) * 3 if channels else hidden)
    if (planes(x) == hidden).all(0).any():
        assert_file_refused("a.png", content, "partly transparent")
    else:
        assert_holds("a.png", content, [planes(x)], 2**bits)


@pytest.mark.property
@given(st.data())
def test_a_palette_gives_the_colours_that_it_says(data):
    bits, grey = data.draw(st.sampled_from([1, 2, 4, 8])), data.draw(st.booleans())
    x, rng = drawn(data, 2**bits), np.random.default_rng(data.draw(st.integers(0, 99)))
    colours = rng.integers(0, 256, (2**bits, 3))
    colours = colours[:, :1].repeat(3, 1) if grey else colours
    is_grey = (colours == colours[:, :1]).all()
    content = png_bytes(x, bits, palette=[tuple(map(int, colour)) for colour in colours])
    assert_holds("a.png", content, [planes(colours[x])[: 1 if is_grey else 3]], 256)


@pytest.mark.property
@pytest.mark.fault("f19")
@given(st.data())
def test_a_pgm_or_ppm_holds_what_was_written(data):
    most = data.draw(
        st.one_of(st.integers(1, 65535), st.sampled_from([1, 15, 200, 254, 255, 256, 4095, 65535]))
    )
    x = drawn(data, most + 1, data.draw(st.sampled_from([0, 3])))
    comment = data.draw(st.sampled_from([b"", b"# 3 4 5", b"\n#\n# P5\n"]))
    content = pnm_bytes(x, most, data.draw(st.booleans()), comment)
    name = data.draw(st.sampled_from(["a.pgm", "a.PPM", "a.pnm"]))
    assert_holds(name, content, [planes(x)], most + 1)


@pytest.mark.property
@given(st.data())
def test_an_arbitrary_map_holds_what_was_written(data):
    most, channels = data.draw(st.integers(1, 65535)), data.draw(st.integers(1, 4))
    x = drawn(data, most + 1, channels)
    opaque = data.draw(st.booleans()) or channels in (1, 3)
    if channels in (2, 4):
        x[..., -1] = most if opaque else most - 1
    if opaque:
        assert_holds("a.pam", pam_bytes(x, most), [planes(x)[: 1 if channels < 3 else 3]], most + 1)
    else:
        assert_file_refused("a.pam", pam_bytes(x, most), "partly transparent")


@pytest.mark.property
@given(st.data())
def test_several_maps_of_one_file_are_rows(data):
    most, count = data.draw(st.sampled_from([1, 15, 255, 300])), data.draw(st.integers(1, 4))
    x = drawn(data, most + 1)
    content = b"".join(pnm_bytes(np.roll(x, k), most) for k in range(count))
    assert_holds("a.pgm", content, [planes(np.roll(x, k)) for k in range(count)], most + 1)


@pytest.mark.property
@given(st.data())
def test_bits_of_a_pbm_or_tiff_are_black_and_white(data):
    x, plain = drawn(data, 2), data.draw(st.booleans())
    assert_holds("a.pbm", pbm_bytes(x, plain), [planes(1 - x)], 2)


@pytest.mark.property
@pytest.mark.fault("f19")
@given(st.data())
def test_a_tiff_of_few_bits_holds_what_was_written(data):
    bits, photometric = data.draw(st.sampled_from([1, 2, 4, 8])), data.draw(st.sampled_from([0, 1]))
    x = drawn(data, 2**bits)
    order, fill = data.draw(st.sampled_from("<>")), data.draw(st.sampled_from([1, 2]))
    wanted = x if photometric else 2**bits - 1 - x
    assert_holds("a.tif", tiff_bytes(x, bits, order, photometric, fill), [planes(wanted)], 2**bits)


@pytest.mark.property
@given(st.data())
def test_a_tiff_holds_what_was_written(data):
    bits, channels = data.draw(st.sampled_from([8, 16])), data.draw(st.sampled_from([0, 3, 4]))
    x = drawn(data, 2**bits, channels)
    if channels == 4:
        x[..., 3] = 2**bits - 1
    x = x.astype(f"u{bits // 8}")
    turn = data.draw(st.integers(1, 8))
    options = {
        "byteorder": data.draw(st.sampled_from("<>")),
        "bigtiff": data.draw(st.booleans()),
        "compression": data.draw(st.sampled_from([None, "zlib"])),
        "tile": data.draw(st.sampled_from([None, (16, 16)])),
        "photometric": "rgb" if channels else "minisblack",
        "extratags": [(274, "H", 1, turn, False)],
    }
    apart = channels and data.draw(st.booleans())
    options |= {"planarconfig": "separate"} if apart else {}
    options |= (
        {"extrasamples": [data.draw(st.sampled_from(["unassalpha", "unspecified"]))]} if channels == 4 else {}
    )
    wanted = planes(SEEN[turn](x))[: 3 if channels else 1]
    kept = x.transpose(2, 0, 1) if apart else x
    assert_holds("a.tif", lambda path: tifffile.imwrite(path, kept, **options), [wanted], 2**bits)


@pytest.mark.property
@given(st.data())
def test_a_tiff_that_pillow_compresses_holds_what_was_written(data):
    kind = data.draw(st.sampled_from(["1", "L", "RGB", "I;16"]))
    x = drawn(data, {"1": 2, "I;16": 2**16}.get(kind, 256), 3 if kind == "RGB" else 0)
    image = Image.fromarray(x.astype({"1": bool, "I;16": np.uint16}.get(kind, np.uint8)))
    squeezed = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"] + ["group4"] * (kind == "1")
    how = data.draw(st.sampled_from(squeezed))
    write = lambda path: image.save(path, compression=how)
    assert_holds("a.tiff", write, [planes(x)], {"1": 2, "I;16": 2**16}.get(kind, 256))


@pytest.mark.property
@pytest.mark.fault("f17")
@given(st.data())
def test_every_frame_of_an_animation_is_a_row(data):
    suffix = data.draw(st.sampled_from([".png", ".webp", ".gif", ".tif"]))
    grey, count = suffix in (".gif", ".tif") or data.draw(st.booleans()), data.draw(st.integers(1, 4))
    x = drawn(data, 256, 0 if grey and suffix != ".webp" else 3).astype(np.uint8)
    # frames differ, as Pillow joins those that do not
    frames = [(x + 50 * k).astype(np.uint8) for k in range(count)]
    options = {"lossless": True} if suffix == ".webp" else {}
    if suffix == ".png":
        options = {
            "disposal": data.draw(st.sampled_from([0, 1])),
            "blend": data.draw(st.sampled_from([0, 1])),
        }
        options |= {"disposal": 0} if x.ndim == 2 else {}
    assert_holds(f"a{suffix}", lambda path: moving(path, frames, **options), [planes(f) for f in frames], 256)
