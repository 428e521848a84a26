"""Rows that stay on disk are the rows that would be in memory."""

import numpy as np
import pytest
import torch
from data_files import write_classes, write_folder
from PIL import Image

from simulacra.core.random.keyed import Rng
from simulacra.data import StreamedSplit, load, load_data
from simulacra.data.images import files as images
from simulacra.data.images.files import ImageFiles, reads_kept

ORDERS = [torch.tensor([3, 1, 2]), torch.tensor([0, 9]), torch.tensor([5])]


def pair(folder, **options):
    return (load_data(folder, stream=s, validation=0, test=0, **options) for s in (True, False))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"size": 5}, {"condition": "label"}, {"binarize": "static", "seed": 4}, {"binarize": "threshold"}],
    ids=str,
)
def test_the_same_pixels_streamed_or_in_memory(tmp_path, options, workers):
    write_classes(tmp_path)
    streamed, memory = pair(tmp_path, **options)
    assert isinstance(streamed.train, StreamedSplit)
    streamed.train.workers = workers
    for a, b in zip(streamed.train.read(ORDERS), memory.train.read(ORDERS), strict=True):
        assert torch.equal(a.x, b.x) and a.x.dtype == torch.uint8
        assert torch.equal(a.index, b.index) and a.rows == b.rows
        assert (a.c is None) == (b.c is None) and (a.c is None or torch.equal(a.c, b.c))
    assert streamed.protocol("train") == memory.protocol("train")
    assert torch.equal(streamed.train.labels, memory.train.labels)


def test_prepared_batches_selections_and_digests_agree(tmp_path):
    write_classes(tmp_path)
    streamed, memory = pair(tmp_path, binarize="dynamic", condition="label")
    assert torch.equal(streamed.train.all().x, memory.train.all().x)
    index = torch.tensor([4, 17, 2])
    a, b = streamed.train.select(index), memory.train.select(index)
    assert len(a) == 3 and torch.equal(a.all().x, b.all().x) and torch.equal(a.c, b.c)
    assert a.digest() != streamed.train.digest() == streamed.train.to("cpu").digest()
    keyed = Rng(0, "t").on(range(3))
    assert torch.equal(streamed.train.batch(index, keyed).x, memory.train.batch(index, keyed).x)


def test_limited_and_cut_splits_keep_their_static_bits(tmp_path):
    write_classes(tmp_path)
    options = {"binarize": "static", "limit": 5}
    a, b = load_data(tmp_path, stream=True, **options), load_data(tmp_path, stream=False, **options)
    for part in ("train", "valid", "test"):
        assert torch.equal(a[part].all().x, b[part].all().x)


def test_a_changed_file_changes_the_digest(tmp_path):
    write_folder(tmp_path)
    before = load_data(tmp_path, stream=True, validation=0, test=0).train.digest()
    Image.new("L", (8, 8)).save(tmp_path / "image_03.png")
    assert load_data(tmp_path, stream=True, validation=0, test=0).train.digest() != before


def test_reading_leaves_the_global_generator_alone(tmp_path):
    write_folder(tmp_path)
    train = load_data(tmp_path, stream=True, validation=0, test=0).train
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(train.read(ORDERS))
    assert torch.equal(torch.get_rng_state(), before)


def test_reading_can_stop_early_and_start_again(tmp_path):
    write_folder(tmp_path)
    train = load_data(tmp_path, stream=True, validation=0, test=0).train
    endless = (torch.tensor([i % 12]) for i in range(10**9))
    first = next(iter(train.read(endless)))
    assert torch.equal(first.x, train.rows(torch.tensor([0])).x)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_damaged_after_loading_is_one_sentence(tmp_path, workers):
    write_folder(tmp_path)
    train = load_data(tmp_path, stream=True, validation=0, test=0).train
    train.workers = workers
    path = tmp_path / "image_02.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"image_02\.png is truncated") as caught:
        list(train.read([torch.tensor([1, 2])]))
    assert "\n" not in str(caught.value)


def test_large_folders_are_streamed_without_being_asked(tmp_path, monkeypatch):
    write_folder(tmp_path)
    assert not isinstance(load_data(tmp_path).train, StreamedSplit)
    monkeypatch.setattr(load, "STREAM_ABOVE", 100)
    train = load_data(tmp_path).train
    assert isinstance(train, StreamedSplit)
    with pytest.raises(ValueError, match="stream=False"):
        _ = train.x


def test_image_files_are_read_in_any_order(tmp_path):
    write_folder(tmp_path, n=4)
    files = ImageFiles(tuple(sorted(tmp_path.iterdir())), (1, 8, 8))
    assert torch.equal(files.read([3, 0]), files.read_all()[[3, 0]])
    assert np.array_equal(files[torch.tensor([2])].read([0]).numpy(), files.read([2]).numpy())


@pytest.mark.parametrize("options, rows", [({"size": 5}, 3), ({"tile": 4}, 12)], ids=str)
def test_a_sample_decodes_a_bounded_number_of_pixels(tmp_path, monkeypatch, options, rows):
    write_folder(tmp_path, n=12)
    files = load_data(tmp_path, stream=True, validation=0, test=0, **options).train.files
    assert len(files.sample(256)) == len(files) and len(files.sample(5)) == 5
    monkeypatch.setattr(images, "PIXELS", 3 * 64 + 10)  # three pages of 8x8
    asked, decode = [], images.decode
    monkeypatch.setattr(images, "decode", lambda p, *a: asked.append(p) or decode(p, *a))
    files.cache.pages.clear()
    assert len(files.sample(256)) == rows and len(set(asked)) == 3
    asked.clear()
    assert len(files.sample(2)) == 2 and len(set(asked)) <= 2


def test_rows_are_read_once_while_reads_are_kept(tmp_path, monkeypatch):
    write_folder(tmp_path, n=4)
    asked, decode = [], images.decode
    monkeypatch.setattr(images, "decode", lambda p, *a: asked.append(p) or decode(p, *a))
    load = lambda **o: load_data(tmp_path, validation=0, test=0, **o).train
    with reads_kept():
        first = load()
        first.x[:] = 0  # another holder's rows are its own
        again = load(binarize="dynamic")
        assert len(asked) == 4 and int(again.x.max()) > 0 and again.x.data_ptr() != first.x.data_ptr()
        load(size=4), Image.new("L", (8, 8)).save(tmp_path / "image_01.png")
        assert torch.equal(load().x[1], torch.zeros(1, 8, 8))
    count = len(asked)
    load()
    assert len(asked) == count + 4
