"""Data of one's own by path: arrays, tables, folders of images."""

import gzip

import numpy as np
import pytest
import torch
from data_files import RNG, write, write_classes, write_folder, write_image
from PIL import Image
from scipy.io import savemat

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data import load_data
from simulacra.data.arrays.matlab import read_mat

PIXELS = RNG.integers(0, 256, (20, 6, 5), np.uint8)
KEEP = {"validation": 0, "test": 0}  # every row in `train`, in the order of the file


# ---- arrays


@pytest.mark.parametrize(
    "array, shape",
    [
        (PIXELS, (1, 6, 5)),
        (PIXELS[..., None], (1, 6, 5)),
        (PIXELS[:, None], (1, 6, 5)),
        (np.stack([PIXELS] * 3, -1), (3, 6, 5)),
        (np.stack([PIXELS] * 3, 1), (3, 6, 5)),
        (PIXELS.astype(np.int64), (1, 6, 5)),
        (PIXELS.astype(np.float64), (1, 6, 5)),
        (PIXELS.reshape(20, 30), (30,)),
    ],
)
def test_pixels_of_any_layout_become_levels(tmp_path, array, shape):
    np.save(tmp_path / "a.npy", array)
    data = load_data(tmp_path / "a.npy", **KEEP)
    assert data.space == Levels(shape, 256) and data.train.x.dtype == torch.uint8
    first = data.train.x.view(20, -1, 30)[:, 0].view(20, 6, 5).numpy()
    assert np.array_equal(first, PIXELS)


@pytest.mark.parametrize("kind", [np.uint8, bool, np.float32])
def test_zeros_and_ones_are_binary(tmp_path, kind):
    np.save(tmp_path / "a.npy", (PIXELS > 100).astype(kind))
    data = load_data(tmp_path / "a.npy", **KEEP)
    assert data.space == Binary((1, 6, 5)) and data.train.x.dtype == torch.uint8


def test_floats_are_real_and_standardized_by_the_training_rows(tmp_path):
    x = RNG.normal(5, 3, (200, 4)).astype(np.float32)
    x[:, 2] = 7.0
    np.save(tmp_path / "a.npy", x)
    data = load_data(str(tmp_path / "a.npy"))
    assert data.space == Real((4,)) and data.name == "a"
    y = data.train.all().x
    assert torch.allclose(y.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(y.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0, 1.0]), atol=1e-5)
    assert abs(float(data.test.all().x[:, 0].mean())) > 1e-6
    assert torch.allclose(data.preprocessing.inverse(y), data.train.x, atol=1e-5)
    assert not load_data(tmp_path / "a.npy", standardize=False).preprocessing.steps


def test_real_images_are_standardized_as_a_whole(tmp_path):
    np.save(tmp_path / "a.npy", RNG.random((30, 3, 4, 4)))
    steps = load_data(tmp_path / "a.npy").preprocessing.steps
    assert len(steps) == 1 and len(steps[0].shift) == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_with_key_and_labels(tmp_path, order):
    images = np.asarray(PIXELS, order=order)
    np.savez(tmp_path / "a.npz", images=images, kind=np.arange(20) % 3 + 5, other=np.zeros(2))
    data = load_data(tmp_path / "a.npz", key="images", label="kind", condition="label", **KEEP)
    assert np.array_equal(data.train.x[:, 0].numpy(), PIXELS)
    assert data.condition == Categorical((), 3, ("5", "6", "7"))
    assert data.train.c.tolist() == [i % 3 for i in range(20)]


def test_npz_needs_no_key_where_one_array_is_left(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", images=PIXELS, kind=np.array(["b", "a"] * 10))
    data = load_data(tmp_path / "a.npz", label="kind", **KEEP)
    assert data.label_names == ("a", "b") and data.train.labels.tolist() == [1, 0] * 10


def test_mat_with_key_and_column_of_labels(tmp_path):
    savemat(tmp_path / "a.mat", {"x": PIXELS.astype(float), "y": np.arange(20)[:, None] % 2})
    data = load_data(tmp_path / "a.mat", key="x", label="y", **KEEP)
    assert data.space == Levels((1, 6, 5), 256) and data.train.labels.tolist() == [0, 1] * 10


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", bool])
def test_mat_files_are_read_as_scipy_reads_them(tmp_path, compressed, kind):
    from scipy.io import loadmat

    for i, shape in enumerate([(3, 4), (2, 3, 4), (1, 1), (5, 1)]):
        arrays = {"x": (RNG.random(shape) * 100).astype(kind), "a_longer_name": np.arange(3.0), "s": "text"}
        path = tmp_path / f"{i}.mat"
        savemat(path, arrays, do_compression=compressed)
        found, wanted = read_mat(path), loadmat(path)
        assert found.pop("s").tolist() == ["text"] and set(found) == {"x", "a_longer_name"}
        assert all(np.array_equal(found[k], wanted[k]) and found[k].shape == wanted[k].shape for k in found)
        assert found["x"].dtype == wanted["x"].dtype


# ---- tables


TABLE = RNG.normal(size=(30, 3)).round(4)


def text(rows, separator=",", header=None) -> bytes:
    lines = [separator.join(map(str, row)) for row in rows]
    return "\n".join(([separator.join(header)] if header else []) + lines).encode() + b"\n"


@pytest.mark.parametrize("separator", [",", ";", "\t", "   ", ", "])
@pytest.mark.parametrize("header", [None, ("a", "b", "c")])
@pytest.mark.parametrize("zipped", [False, True])
def test_tables_of_any_separator_with_and_without_header(tmp_path, separator, header, zipped):
    path = write(tmp_path / ("t.csv" + ".gz" * zipped), text(TABLE, separator, header), zipped)
    data = load_data(path, **KEEP, standardize=True)
    assert data.space == Real((3,)) and data.name == "t"
    assert np.allclose(data.train.x.numpy(), TABLE)


@pytest.mark.parametrize(
    "label, header", [("kind", ("a", "kind", "c")), ("2", None), ("-2", None), ("2", ("a", "b", "c"))]
)
def test_label_column_by_name_or_number(tmp_path, label, header):
    rows = [[a, "good" if i % 3 else "bad", c] for i, (a, _, c) in enumerate(TABLE)]
    path = write(tmp_path / "t.csv", text(rows, ",", header))
    data = load_data(path, label=label, condition="label", **KEEP)
    assert data.label_names == ("bad", "good") and np.allclose(data.train.x.numpy(), TABLE[:, [0, 2]])
    assert data.train.c.tolist() == [int(i % 3 > 0) for i in range(30)]


def test_numbered_classes_are_sorted_as_numbers(tmp_path):
    path = write(tmp_path / "t.csv", text([[a, i % 11 + 1] for i, (a, *_) in enumerate(TABLE)]))
    assert load_data(path, label="-1").label_names == tuple(str(i) for i in range(1, 12))


def test_a_table_of_zeros_and_ones_is_binary(tmp_path):
    path = write(tmp_path / "t.csv", text((TABLE > 0).astype(int)))
    assert load_data(path).space == Binary((3,))


def test_quoted_cells_blank_lines_and_byte_order_marks(tmp_path):
    content = '\ufeff"a, first";b\r\n\r\n1.5;"2"\r\n3;4\r\n'.encode()
    data = load_data(write(tmp_path / "t.csv", content), standardize=False, **KEEP)
    assert data.train.x.tolist() == [[1.5, 2.0], [3.0, 4.0]]


# ---- folders


def test_a_folder_of_images(tmp_path):
    data = load_data(write_folder(tmp_path / "photos"), **KEEP)
    assert data.name == "photos" and data.space == Levels((1, 8, 8), 256)
    assert data.train.labels is None
    for i, x in enumerate(data.train.x):
        with Image.open(tmp_path / "photos" / f"image_{i:02d}.png") as image:
            assert np.array_equal(x[0].numpy(), np.array(image))


def test_class_folders_are_labels(tmp_path):
    data = load_data(write_classes(tmp_path / "p"), condition="label", **KEEP)
    assert data.label_names == ("ant", "bee") and data.train.c.tolist() == [0] * 10 + [1] * 10


def test_split_folders_are_splits(tmp_path):
    write_classes(tmp_path / "train", n=6)
    write_classes(tmp_path / "val", n=2)
    write_classes(tmp_path / "test", n=3)
    data = load_data(tmp_path)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 12, "valid": 4, "test": 6}
    assert data.test.labels.tolist() == [0] * 3 + [1] * 3


def test_grey_and_colour_files_meet_in_colour(tmp_path):
    write_image(tmp_path / "a.png", 0, mode="RGB")
    write_image(tmp_path / "b.bmp", 1, mode="L")
    data = load_data(tmp_path, **KEEP)
    assert data.space == Levels((3, 8, 8), 256)
    assert torch.equal(data.train.x[1, 0], data.train.x[1, 2])
    assert load_data(tmp_path, grey=True, **KEEP).space == Levels((1, 8, 8), 256)


def test_size_takes_the_central_square(tmp_path):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, 4:12] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    data = load_data(tmp_path, size=4, **KEEP)
    assert data.train.x.shape == (1, 1, 4, 4) and set(data.train.x.flatten().tolist()) == {200}


def test_palette_bilevel_and_opaque_alpha_files(tmp_path):
    colour = Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8))
    colour.quantize(16).save(tmp_path / "palette.png")
    colour.convert("RGBA").save(tmp_path / "opaque.png")
    colour.convert("1").save(tmp_path / "bilevel.png")
    data = load_data(tmp_path, **KEEP)
    assert data.space == Levels((3, 8, 8), 256)
    assert set(data.train.x[0].flatten().tolist()) == {0, 255}
    assert np.array_equal(data.train.x[1].permute(1, 2, 0).numpy(), np.array(colour))


def test_a_turned_photo_is_read_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (10, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert load_data(tmp_path, **KEEP).space == Levels((1, 10, 4), 256)


def test_binarized_folders(tmp_path):
    write_folder(tmp_path)
    data = load_data(tmp_path, binarize="threshold", **KEEP)
    raw = load_data(tmp_path, **KEEP)
    assert data.space == Binary((1, 8, 8)) and torch.equal(data.train.x, (raw.train.x > 127).byte())


def test_text_and_hidden_files_beside_images_are_left_alone(tmp_path):
    write_folder(tmp_path)
    write(tmp_path / "README.txt", b"photos of mine")
    write(tmp_path / "._image.png", b"")
    write(tmp_path / ".thumbnails" / "image.png", b"")
    assert len(load_data(tmp_path, **KEEP).train) == 12


def test_gz_is_found_out_by_content_not_by_name(tmp_path):
    path = write(tmp_path / "t.csv", gzip.compress(text(TABLE)))
    assert np.allclose(load_data(path, **KEEP).train.x.numpy(), TABLE)
