"""Bad image files and folders of one's own: one sentence that names the file and the mend."""

import struct
import zlib
from importlib.util import find_spec

import numpy as np
import png
import pytest
import tifffile
from data_files import write, write_folder, write_image
from deep_files import COLOURS, RAMP, deep, write_pillow, write_png, write_pnm, write_tiff
from PIL import Image
from refusal import OURS, assert_refused

from simulacra.data import load_data

KEEP = {"validation": 0, "test": 0}
SMALL, SMALL_COLOURS = RAMP[100:140, :50], COLOURS[100:140, :50]
RGB = {"photometric": "rgb"}
WRITERS = {
    "grey.png": lambda p: write_pillow(p, SMALL),
    "colour.png": lambda p: write_png(p, SMALL_COLOURS),
    "grey.tif": lambda p: write_tiff(p, SMALL),
    "colour.tif": lambda p: write_tiff(p, SMALL_COLOURS, **RGB),
    "deflated.tif": lambda p: write_tiff(p, SMALL_COLOURS, compression="zlib", **RGB),
    "grey.pgm": lambda p: write_pnm(p, SMALL),
    "colour.ppm": lambda p: write_pnm(p, SMALL_COLOURS),
}


@pytest.mark.parametrize("name", WRITERS)
def test_deep_images_that_are_cut_off_or_of_no_kind(tmp_path, name):
    path = WRITERS[name](tmp_path / name)
    whole = path.read_bytes()
    assert len(load_data(tmp_path, **KEEP).train) == 1
    for content, words in (
        (b"", ["is empty (0 bytes)"]),
        (whole[: len(whole) // 2], ["remove it or copy it again"]),
        (whole[:-40], ["remove it or copy it again"]),
        (b"XXXX" + whole[4:], ["no image that can be read", "remove it or copy it again"]),
        (b"\n\n", ["no image that can be read"]),
    ):
        write(path, content)
        assert_refused(tmp_path, str(path), *words, **KEEP)


@pytest.mark.parametrize("name", WRITERS)
def test_random_damage_to_deep_images_is_one_sentence(tmp_path, name):
    path = WRITERS[name](tmp_path / name)
    whole, rng = path.read_bytes(), np.random.default_rng(11)
    for i in range(25):
        wrong = bytearray(whole)
        for at in rng.integers(0, [len(whole), min(300, len(whole))][i % 2], 4):
            wrong[at] = int(rng.integers(256))
        path.write_bytes(wrong)
        try:
            load_data(tmp_path, **KEEP)
        except ValueError as error:
            assert isinstance(error, OURS) and "\n" not in str(error) and str(tmp_path) in str(error)


def with_tag(path, tag: int, value: int) -> None:
    """The TIFF file with another value in one tag of its first page."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags[tag].overwrite(value)


@pytest.mark.parametrize("name", ["grey.tif", "colour.tif", "deflated.tif"])
@pytest.mark.parametrize("side", [20_000, 2**31 - 1])
def test_a_tiff_with_a_lying_size_is_refused_before_anything_is_allocated(tmp_path, name, side):
    path = WRITERS[name](tmp_path / name)
    for tag in (256, 257):
        with_tag(path, tag, side)
    assert_refused(tmp_path, name, "decompression bombs", **KEEP)


@pytest.mark.parametrize("name", ["grey.tif", "colour.tif", "deflated.tif"])
def test_a_tiff_that_promises_more_rows_than_it_has(tmp_path, name):
    path = WRITERS[name](tmp_path / name)
    with_tag(path, 257, 5000)
    assert_refused(tmp_path, name, **KEEP)


def test_a_png_with_a_lying_size_is_refused(tmp_path):
    path = write_png(tmp_path / "a.png", SMALL_COLOURS)
    whole = path.read_bytes()
    head = struct.pack(">2I", 60_000, 60_000) + whole[24:29]
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    write(path, whole[:16] + head + crc + whole[33:])
    assert_refused(tmp_path, "a.png", "decompression bombs", "resize or crop the file first", **KEEP)


@pytest.mark.parametrize("name", ["colour.png", "colour.tif", "planes.tif"])
def test_the_guard_holds_for_every_reader(tmp_path, monkeypatch, name):
    if name == "planes.tif":
        write_tiff(tmp_path / name, SMALL_COLOURS.transpose(2, 0, 1), planarconfig="separate", **RGB)
    else:
        WRITERS[name](tmp_path / name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 50 - 1)
    assert_refused(tmp_path, name, "50x40 pixels", **KEEP)


def test_a_page_that_lies_behind_the_end(tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.stack([SMALL] * 3), photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        at = file.pages[1].offset
    content = bytearray(path.read_bytes())
    first = content.find(struct.pack("<I", at))
    content[first : first + 4] = struct.pack("<I", 2**31)
    write(path, bytes(content))
    assert_refused(tmp_path, "a.tif", **KEEP)


def test_a_ring_of_pages_ends(tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.stack([SMALL] * 3), photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        first, second = file.pages[0].offset, file.pages[1].offset
        content = bytearray(path.read_bytes())
    entries = struct.unpack_from("<H", content, second)[0]
    struct.pack_into("<I", content, second + 2 + 12 * entries, first)
    write(path, bytes(content))
    assert len(load_data(tmp_path, **KEEP).train) == 2


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs reads it")
def test_a_compression_that_needs_more_packages_says_what_to_do(tmp_path):
    path = write_tiff(tmp_path / "a.tif", SMALL_COLOURS, **RGB)
    with_tag(path, 259, 5)
    assert_refused(tmp_path, "a.tif is compressed with LZW", "tiffcp -c zip", **KEEP)


def test_pages_that_are_no_pictures(tmp_path):
    write_tiff(tmp_path / "a.tif", np.zeros((8, 9, 6), np.uint16), photometric="minisblack", planarconfig=1)
    assert_refused(tmp_path, "a.tif", "save it as grey or RGB", **KEEP)
    (tmp_path / "a.tif").unlink()
    write(tmp_path / "a.pgm", b"P2 2 1 4095\n4095\n")
    assert_refused(tmp_path, "a.pgm", "its text holds 1 values, its header promises 2", **KEEP)
    write(tmp_path / "a.pgm", b"P5 2 1 1000\n" + struct.pack(">2H", 5, 1001))
    assert_refused(tmp_path, "a.pgm", "it holds 1001", **KEEP)


# ---- folders


def test_links_that_lead_out_are_refused_and_others_are_not(tmp_path, links):
    folder = write_folder(tmp_path / "photos", n=3)
    (folder / "z.png").symlink_to(folder / "image_00.png")
    assert len(load_data(folder, **KEEP).train) == 4
    other = write_image(tmp_path / "other" / "secret.png", 7)
    (folder / "z.png").unlink()
    (folder / "z.png").symlink_to(other)
    assert_refused(folder, "z.png is a link that leads out", "secret.png", "copy", **KEEP)
    (folder / "z.png").unlink()
    (folder / "z.png").symlink_to(tmp_path / "nowhere.png")
    assert_refused(folder, "z.png is a link to a file that is not there", **KEEP)


def test_linked_class_folders_are_refused(tmp_path, links):
    write_folder(tmp_path / "photos" / "a", n=3)
    write_folder(tmp_path / "elsewhere", n=3)
    (tmp_path / "photos" / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert_refused(tmp_path / "photos", str(tmp_path / "photos" / "b"), "leads out", **KEEP)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(load_data(tmp_path / "link", **KEEP).train) == 3


@pytest.mark.parametrize("options", [{}, {"tile": 3}, {"validation": 0}], ids=str)
def test_a_single_image_cannot_be_split(tmp_path, options):
    write_pillow(tmp_path / "only.png", deep(0))
    assert_refused(tmp_path, "a single image, only.png", "validation=0", "test=0", **options)
    assert len(load_data(tmp_path, **KEEP).train) == 1


def test_names_with_blanks_and_beyond_ascii(tmp_path):
    names = ["Probe 1 (ü).png", "細胞 - 2.png", 'a\'b "c".png', "📷.PNG"]
    for i, name in enumerate(names):
        write_pillow(tmp_path / "Größe 4" / name, deep(i)) if i else write_image(
            tmp_path / "Größe 4" / name, i, (11, 9)
        )
    assert_refused(tmp_path, "Probe 1 (ü).png", "8 bits", **KEEP)
    write_pillow(tmp_path / "Größe 4" / names[0], deep(0))
    data = load_data(tmp_path, stream=True, **KEEP)
    assert data.label_names == ("Größe 4",) and sorted(p.name for p in data.train.files.paths) == sorted(
        names
    )
    assert len(data.train.all().x) == 4


@pytest.mark.parametrize("options", [{}, {"size": 3}, {"crop": 1}, {"tile": 1}], ids=str)
def test_images_of_one_pixel(tmp_path, options):
    for i in range(3):
        write_pillow(tmp_path / f"{i}.png", np.array([[300 * i]], np.uint16))
    x = load_data(tmp_path, **options, **KEEP).train.x
    assert [int(v) for v in x[:, 0, 0, 0]] == [0, 300, 600]
    write_pillow(tmp_path / "3.png", deep(3))
    assert_refused(tmp_path, "0.png is 1x1", "tile=1", **KEEP)


def test_a_png_of_16_bits_with_a_wrong_checksum(tmp_path):
    path = write_png(tmp_path / "a.png", SMALL_COLOURS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    write(path, bytes(content))
    with pytest.raises(png.Error):
        list(png.Reader(filename=str(path)).read()[2])
    assert_refused(tmp_path, "a.png is truncated or damaged", **KEEP)
