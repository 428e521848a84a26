"""Images of more than 8 bits stay what they are, from the file to the model and back."""

import logging

import numpy as np
import pytest
import torch
from data_files import write_folder, write_image
from deep_files import COLOURS, RAMP, deep, write_pillow, write_png, write_pnm, write_slides, write_tiff
from PIL import Image, ImageOps
from refusal import assert_refused

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data import StreamedSplit, load_data
from simulacra.exploration.drawing.sheet import images_of
from simulacra.exploration.rendering.tiles import pixels

KEEP = {"validation": 0, "test": 0}  # every row in `train`, in the order of the files
RGB = {"photometric": "rgb"}
FILES = {
    "pillow.png": lambda p: write_pillow(p, RAMP),
    "pypng.png": lambda p: write_png(p, RAMP),
    "interlaced.png": lambda p: write_png(p, COLOURS, interlace=True),
    "colour.png": lambda p: write_png(p, COLOURS),
    "grey.tif": lambda p: write_tiff(p, RAMP),
    "big-endian.tif": lambda p: write_tiff(p, RAMP, byteorder=">"),
    "lzw.tif": lambda p: write_pillow(p, RAMP, compression="tiff_lzw"),
    "colour.tif": lambda p: write_tiff(p, COLOURS, **RGB),
    "big.tif": lambda p: write_tiff(p, COLOURS, bigtiff=True, **RGB),
    "planes.tif": lambda p: write_tiff(p, COLOURS.transpose(2, 0, 1), planarconfig="separate", **RGB),
    "deflated.tif": lambda p: write_tiff(p, COLOURS, compression="zlib", predictor=True, **RGB),
    "tiled.tif": lambda p: write_tiff(p, COLOURS, tile=(64, 48), **RGB),
    "grey.pgm": lambda p: write_pnm(p, RAMP),
    "colour.ppm": lambda p: write_pnm(p, COLOURS),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_every_level_of_16_bits_survives(tmp_path, name, stream):
    FILES[name](tmp_path / name)
    data = load_data(tmp_path, stream=stream, **KEEP)
    x = data.train.rows(torch.tensor([0])).x
    wanted = COLOURS if len(x[0]) == 3 else RAMP[..., None]
    assert data.space == Levels((wanted.shape[2], 256, 256), 2**16) and x.dtype == torch.int32
    assert np.array_equal(x[0].permute(1, 2, 0).numpy(), wanted)
    y = data.train.batch(torch.tensor([0]), Rng(0)).x
    back = data.preprocessing.inverse(data.space.from_features(data.space.features(y)))
    assert back.dtype == torch.int32 and torch.equal(back, x)


@pytest.mark.parametrize("side, factor", [(128, 2), (64, 4)])
def test_resizing_by_a_factor_is_the_rounded_mean_of_blocks(tmp_path, side, factor):
    write_pillow(tmp_path / "a.png", RAMP)
    x = load_data(tmp_path, size=side, **KEEP).train.x[0, 0]
    blocks = RAMP.reshape(side, factor, side, factor).astype(float).mean((1, 3))
    assert len(x.unique()) > 256 and np.abs(x.numpy() - blocks).max() <= 0.5 + 1e-3


def test_lanczos_stays_within_the_levels_and_agrees_with_8_bits(tmp_path):
    grey = np.random.default_rng(5).integers(0, 256, (50, 50), np.uint8)
    for name, x in (("a", grey), ("b", grey.astype(np.uint16) * 257)):
        (tmp_path / name).mkdir()
        write_pillow(tmp_path / name / "x.png", x)
    shallow = load_data(tmp_path / "a", size=21, **KEEP).train.x.double() / 255
    fine = load_data(tmp_path / "b", size=21, **KEEP).train.x.double() / 65535
    assert (shallow - fine).abs().max() < 1.5 / 255 and fine.min() >= 0 and fine.max() <= 1


def test_12_bits_in_16_are_declared(tmp_path):
    write_pillow(tmp_path / "a.png", deep(0, below=4096))
    write_tiff(tmp_path / "b.tif", deep(1, below=4096))
    data = load_data(tmp_path, levels=4096, **KEEP)
    assert data.space == Levels((1, 9, 11), 4096) and int(data.train.x.max()) == 4095
    assert data.train.digest() != load_data(tmp_path, **KEEP).train.digest()


def test_a_12_bit_pgm_is_not_stretched(tmp_path):
    x = deep(2, below=4096)
    write_pnm(tmp_path / "a.pgm", x, maxval=4095)
    data = load_data(tmp_path, **KEEP)
    assert data.space.levels == 4096 and np.array_equal(data.train.x[0, 0].numpy(), x)


def test_values_beyond_the_levels_name_file_and_value(tmp_path):
    write_pillow(tmp_path / "a.png", deep(0, below=4096))
    write_pillow(tmp_path / "b.png", deep(1, below=5001))
    assert_refused(tmp_path, "b.png", "5000", "levels=4096", levels=4096)
    streamed = load_data(tmp_path, levels=4096, stream=True, **KEEP).train
    with pytest.raises(ValueError, match=r"b\.png holds the value 5000"):
        list(streamed.read([torch.tensor([0, 1])]))
    assert_refused(tmp_path, "16 bits hold 65536 levels", levels=70000)
    write_folder(tmp_path / "eight", n=3)
    assert_refused(tmp_path / "eight", "levels=4096", "8 bits", levels=4096)


@pytest.mark.parametrize("options", [{}, {"stream": True}, {"binarize": "static"}], ids=str)
def test_a_camera_with_fewer_bits_is_suggested(tmp_path, caplog, options):
    for i in range(4):
        (tmp_path / "full").mkdir(exist_ok=True), (tmp_path / "camera").mkdir(exist_ok=True)
        write_pillow(tmp_path / "full" / f"{i}.png", deep(i))
        write_pillow(tmp_path / "camera" / f"{i}.png", deep(i, below=4000))
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path / "full", **options, **KEEP)
        load_data(tmp_path / "camera", levels=2**16, **options, **KEEP)
        assert "add levels" not in caplog.text
        load_data(tmp_path / "camera", **options, **KEEP)
    assert "no value of 4 rows is above 3,999" in caplog.text and "add levels=4096" in caplog.text


def test_a_suggestion_looks_at_whole_images_where_they_are_resized(tmp_path, caplog):
    for i in range(4):
        x = np.full((8, 8), 600, np.uint16)
        x[3, 3] = 4000
        write_pillow(tmp_path / f"{i}.png", x)
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path, size=2, **KEEP)
    assert "is above 4,000" in caplog.text and "add levels=4096" in caplog.text
    assert load_data(tmp_path, size=2, levels=4096, **KEEP).space.levels == 4096


def test_mixed_depths_name_two_files_and_the_mend(tmp_path):
    write_image(tmp_path / "a.png", 0, (11, 9))
    write_pillow(tmp_path / "b.png", deep(1, below=256))
    assert_refused(tmp_path, "a.png has 8 bits", "b.png has 16", "levels=256")
    assert load_data(tmp_path, levels=256, **KEEP).train.x.dtype == torch.uint8


@pytest.mark.parametrize(
    "kind, words",
    [
        ("f2", "floats"),
        ("f4", "floats"),
        ("f8", "floats"),
        ("i2", "signed"),
        ("i4", "signed"),
        ("u4", "32-bit"),
    ],
)
def test_what_has_no_levels_is_refused(tmp_path, kind, words):
    write_tiff(tmp_path / "a.tif", np.ones((9, 11), kind))
    assert_refused(tmp_path, "a.tif", words, "16 bits", ".npy")


def test_grey_and_colour_of_16_bits_meet(tmp_path):
    write_png(tmp_path / "a.png", COLOURS)
    write_pillow(tmp_path / "b.png", RAMP)
    x = load_data(tmp_path, **KEEP).train.x
    assert torch.equal(x[1, 0], x[1, 2]) and not torch.equal(x[0, 0], x[0, 2])
    grey = load_data(tmp_path, grey=True, **KEEP).train.x
    luminance = COLOURS @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[0, 0].numpy() - luminance).max() < 1.5 and np.array_equal(grey[1, 0].numpy(), RAMP)


@pytest.mark.parametrize("write", [write_png, write_tiff], ids=["png", "tiff"])
def test_an_opaque_alpha_channel_is_left_out_and_another_refused(tmp_path, write):
    path = tmp_path / ("a.png" if write is write_png else "a.tif")
    x = np.concatenate([COLOURS, np.full((256, 256, 1), 65535, np.uint16)], 2)
    options = {} if write is write_png else {**RGB, "extrasamples": ["unassalpha"]}
    write(path, x, **options)
    assert np.array_equal(load_data(tmp_path, **KEEP).train.x[0].permute(1, 2, 0).numpy(), COLOURS)
    x[7, 3, 3] = 65534
    write(path, x, **options)
    assert_refused(tmp_path, "partly transparent", **KEEP)


def test_a_transparent_colour_of_a_16_bit_png_is_refused(tmp_path):
    write_png(tmp_path / "a.png", COLOURS, transparent=tuple(map(int, COLOURS[5, 6])))
    assert_refused(tmp_path, "partly transparent", **KEEP)


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_tiffs_of_any_depth_are_turned_alike(tmp_path, turn):
    tag, small = [(274, "H", 1, turn, False)], RAMP[:6, 2:7] % 251
    image = Image.fromarray(small.astype(np.uint8))
    image.getexif()[274] = turn
    seen = np.array(ImageOps.exif_transpose(image))
    for name in ("eight", "deep"):
        (tmp_path / name).mkdir()
    write_tiff(tmp_path / "eight" / "a.tif", small.astype(np.uint8), extratags=tag)
    write_tiff(tmp_path / "eight" / "b.tif", small.astype(np.uint8), extratags=tag, compression="zlib")
    write_tiff(tmp_path / "deep" / "a.tif", np.stack([small] * 3, -1), extratags=tag, **RGB)
    write_tiff(tmp_path / "deep" / "b.tif", small, extratags=tag)
    Image.fromarray(small).save(tmp_path / "deep" / "c.tif", compression="tiff_lzw", tiffinfo={274: turn})
    for name in ("eight", "deep"):
        x = load_data(tmp_path / name, **KEEP).train.x
        assert all(np.array_equal(plane, seen) for row in x.numpy() for plane in row)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_white_is_zero_is_undone(tmp_path, kind):
    x = RAMP[:4, :5].astype(kind)
    write_tiff(tmp_path / "a.tif", x, photometric="miniswhite")
    assert np.array_equal(load_data(tmp_path, **KEEP).train.x[0, 0].numpy(), np.iinfo(kind).max - x)


def test_deep_pixels_binarize_and_dequantize(tmp_path):
    write_slides(tmp_path, [(9, 11)] * 6)
    raw = load_data(tmp_path, **KEEP).train.x
    cut = load_data(tmp_path, binarize="threshold", **KEEP)
    assert cut.space == Binary((1, 9, 11)) and cut.train.x.dtype == torch.uint8
    assert torch.equal(cut.train.x.bool(), raw > 32767)
    fixed = [load_data(tmp_path, binarize="static", stream=s, **KEEP).train.all().x for s in (False, True)]
    assert torch.equal(*fixed)
    spread = load_data(tmp_path, dequantize="uniform", **KEEP)
    assert (spread.preprocessing.inverse(spread.train.all().x) - raw).abs().max() <= 1


def test_streamed_deep_rows_have_the_digest_of_those_in_memory(tmp_path):
    write_slides(tmp_path, [(9, 11)] * 6)
    streamed, memory = (load_data(tmp_path, stream=s, **KEEP) for s in (True, False))
    assert isinstance(streamed.train, StreamedSplit)
    assert streamed.protocol("train") == memory.protocol("train")
    order = [torch.tensor([4, 1, 5]), torch.tensor([0])]
    for a, b in zip(streamed.train.read(order), memory.train.read(order), strict=True):
        assert torch.equal(a.x, b.x) and a.x.dtype == torch.int32
    memory.space.check(memory.train.x)
    assert memory.train.select(torch.tensor([2])).digest() != memory.train.digest()


def test_arrays_of_16_bit_images_and_of_declared_levels(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([deep(i) for i in range(12)]))
    data = load_data(tmp_path / "a.npy", **KEEP)
    assert data.space == Levels((1, 9, 11), 2**16) and data.train.x.dtype == torch.int32
    np.save(tmp_path / "b.npy", np.stack([deep(i, below=1024) for i in range(12)]).astype(np.int64))
    assert_refused(tmp_path / "b.npy", "to 1023", "levels=")
    half = load_data(tmp_path / "b.npy", levels=1024, size=3, **KEEP)
    assert half.space == Levels((1, 3, 3), 1024) and half.train.x.max() < 1024
    assert_refused(tmp_path / "b.npy", "levels=1000", levels=1000)
    assert_refused("digits", "levels=4", "leave it out", levels=4)


def test_pictures_of_deep_levels_are_scaled(tmp_path):
    x = torch.tensor([[[[0, 257, 32768, 65535]]]], dtype=torch.int32)
    assert pixels(images_of(Levels((1, 1, 4), 2**16), x))[0, 0, :, 0].tolist() == [0, 1, 128, 255]
