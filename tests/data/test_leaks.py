"""Copies across splits: planted ones are found and named, unrelated rows are left alone."""

import io
import logging
import time

import numpy as np
import pytest
import torch
from data_files import write
from PIL import Image
from scipy.ndimage import gaussian_filter

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real
from simulacra.data import from_tensors, load_data
from simulacra.data.leaks.nearness import NEAR_IMAGES, thumbnails
from simulacra.data.leaks.search import copies_within, find_leaks, warn_of_copies
from simulacra.evaluation.diagnostics.shared_rows import shared_rows


def faces(n, seed, side=33):
    """Smooth images that are unlike each other."""
    noise = np.random.default_rng(seed).normal(size=(n, side, side))
    smooth = gaussian_filter(noise, (0, 3, 3))
    low, high = smooth.min((1, 2), keepdims=True), smooth.max((1, 2), keepdims=True)
    return (20 + 200 * (smooth - low) / (high - low)).astype(np.uint8)


def saved(folder, images, split="train"):
    (folder / split).mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / split / f"{i:02d}.png")
    return folder


def resaved(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


CHANGES = {
    "copied": lambda a: a,
    "one level brighter": lambda a: a + 1,
    "brighter": lambda a: (a.astype(int) + 25).clip(0, 255).astype(np.uint8),
    "of less contrast": lambda a: (a * 0.8).astype(np.uint8),
    "saved as a good JPEG": lambda a: resaved(a, 90),
    "saved as a JPEG": lambda a: resaved(a, 75),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_planted_image_is_found_and_named(tmp_path, change, stream):
    train, test = faces(30, 1), faces(11, 2)
    test[7] = CHANGES[change](train[21])
    saved(saved(tmp_path, train), test, "test")
    leaks = find_leaks(load_data(tmp_path, validation=0, stream=stream))
    (pair,) = leaks.pairs
    assert pair.splits == ("train", "test") and pair.rows == (21, 7)
    assert pair.names == ("train/21.png", "test/07.png") and pair.distance < NEAR_IMAGES
    assert (pair.distance == 0) == (change == "copied") and len(leaks.exact) == (change == "copied")
    assert "test/07.png (test) and train/21.png (train)" in str(leaks)


def test_colour_and_deep_images_likewise(tmp_path):
    colour = np.stack([faces(20, seed) for seed in (3, 4, 5)], -1)
    colour[13] = colour[2] // 2
    np.save(tmp_path / "c.npy", colour)
    # 16 bits that hold what a camera of 12 gave
    deep = faces(20, 6).astype(np.uint16) * 16
    deep[19] = deep[4] + 3
    np.save(tmp_path / "d.npy", deep)
    for file, rows in (("c.npy", {2, 13}), ("d.npy", {4, 19})):
        words = ["train" if i not in (13, 19) else "test" for i in range(20)]
        lines = "\n".join(["row,split", *(f"{i},{word}" for i, word in enumerate(words))])
        splits = write(tmp_path / "s.csv", lines.encode())
        (pair,) = find_leaks(load_data(tmp_path / file, splits=str(splits))).pairs
        assert {int(name.split()[1]) for name in pair.names} == rows


@pytest.mark.parametrize("seed", range(3))
def test_no_alarm_on_smooth_images_and_digits(seed):
    data = from_tensors(torch.from_numpy(faces(400, seed))[:, None], Levels((1, 33, 33)), seed=seed)
    assert not find_leaks(data).pairs
    assert not find_leaks(load_data("digits", seed=seed)).pairs


@pytest.mark.parametrize(
    "name, where", [("mnist", "mnist"), ("olivetti", "faces/olivettifaces.mat"), ("cifar10", "cifar10")]
)
def test_no_alarm_on_the_real_ones(real_data, name, where):
    real_data(where)
    assert not find_leaks(load_data(name)).pairs


def test_garments_that_stand_there_twice(real_data):
    real_data("fashion_mnist")
    assert 5 < len(find_leaks(load_data("fashion-mnist")).pairs) < 50


def test_blank_images_say_nothing(tmp_path):
    images = faces(30, 7)
    images[::4] = 255
    data = from_tensors(torch.from_numpy(images)[:, None], Levels((1, 33, 33)))
    assert not find_leaks(data).pairs and copies_within(data.train) == 0


def test_thumbnails_do_not_see_brightness_and_contrast():
    x = torch.from_numpy(faces(5, 8))[:, None].float()
    assert torch.allclose(thumbnails(x), thumbnails(3 * x + 40), atol=1e-5)
    assert thumbnails(torch.full((1, 1, 9, 9), 7.0)).isnan().all()


def test_copies_within_a_split():
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(9))
    x[10:13] = x[0]
    data = from_tensors(x, Real((3,)), valid=0, test=0)
    assert copies_within(data.train) == 3 and not find_leaks(data).pairs


# ---- tables


def table(n, seed):
    """Six columns of three kinds, and the space of them."""
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) * [1, 40, 0.01] + [0, 500, 3]
    price = np.exp(2 * rng.normal(size=n))
    kind = rng.integers(0, 4, n)
    x = torch.from_numpy(np.column_stack([real, price, kind]))
    return x, Table({"a": Real(), "b": Real(), "c": Real(), "price": Positive(), "kind": Categorical((), 4)})


def planted(x, space, cell, by):
    """The data set, in which a row of test is one of train but for a cell."""
    data = from_tensors(x, space, seed=2)
    copied = data.train.x[17].clone()
    copied[cell] += by
    data.test.x[3] = copied
    return data


@pytest.mark.parametrize("n", [300, 5000])
@pytest.mark.parametrize("cell, by", [(0, 0.0), (0, 1e-6), (1, 4e-5), (3, 1e-7)])
def test_a_planted_row_is_found(n, cell, by):
    data = planted(*table(n, 10), cell, by)
    (pair,) = find_leaks(data).pairs
    assert pair.splits == ("train", "test") and pair.rows == (17, 3)
    assert (pair.distance == 0) == (by == 0)


def test_another_class_is_another_row():
    x, space = table(300, 11)
    x[:, 4] = 1
    assert not find_leaks(planted(x, space, 4, 1)).pairs


@pytest.mark.parametrize("columns", [1, 2, 3, 10, 200])
@pytest.mark.parametrize("seed", range(3))
def test_no_alarm_on_random_tables(columns, seed):
    x = torch.randn(4000, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert not find_leaks(from_tensors(x, Real((columns,)), seed=seed)).pairs


@pytest.mark.parametrize("seed", range(3))
def test_no_alarm_on_columns_that_hang_together(seed):
    """One cause behind eight columns, zeros in most rows, and long tails."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(3000, 1))
    together = cause * rng.normal(size=8) + 1e-9 * rng.normal(size=(3000, 8))
    zeros = np.where(rng.random((3000, 5)) < 0.9, 0.0, rng.normal(size=(3000, 5))) + 1e-12 * cause
    tails = np.exp(6 * rng.normal(size=(3000, 2)))
    for x in (together, zeros, tails):
        assert not find_leaks(from_tensors(torch.from_numpy(x), Real((x.shape[1],)), seed=seed)).pairs


def test_the_toys_are_not_accused():
    for name in ("ring", "swiss-roll", "linear-gaussian"):
        assert not find_leaks(load_data(name)).pairs
    assert find_leaks(load_data("bars-and-stripes")).by_chance


# ---- when data are loaded


def test_loading_names_copies_and_the_mend(tmp_path, caplog):
    x = np.random.default_rng(12).normal(size=(60, 4))
    x[30:] = x[:30]
    np.save(tmp_path / "a.npy", x)
    with caplog.at_level(logging.WARNING, "simulacra"):
        load_data(tmp_path / "a.npy")
    (record,) = caplog.records
    assert "rows stand in two splits, such as row" in record.getMessage() and "groups=" in record.getMessage()


@pytest.mark.parametrize("name", ["digits", "bars-and-stripes", "ring", "linear-gaussian"])
def test_loading_is_silent_on_named_data(name, caplog):
    with caplog.at_level(logging.WARNING, "simulacra"):
        load_data(name)
    assert not caplog.records


def test_loading_is_silent_on_tables_of_few_classes(tmp_path, caplog):
    rng = np.random.default_rng(13)
    rows = "\n".join(["a,b,c", *(f"{'xy'[i]},{'uvw'[j]},{k}" for i, j, k in rng.integers(0, 2, (200, 3)))])
    with caplog.at_level(logging.WARNING, "simulacra"):
        data = load_data(write(tmp_path / "t.csv", rows.encode()))
    assert not caplog.records
    assert find_leaks(data).by_chance and "chance" in str(find_leaks(data))


def warned(x, space, caplog, **options):
    """What loading rows in random order says, and whether copies are called chance."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    with caplog.at_level(logging.WARNING, "simulacra"):
        data = load_data(from_tensors(x[order], space))
        warn_of_copies(data)
    return " ".join(record.getMessage() for record in caplog.records), find_leaks(data).by_chance


REPEATED = {
    "reals twice": lambda g: torch.randn(2000, 2, generator=g, dtype=torch.float64).repeat(2, 1),
    "one cause, twice": lambda g: (
        torch.randn(2000, 1, generator=g, dtype=torch.float64) * torch.tensor([1.0, 2.0, 3.0])
    ).repeat(2, 1),
    "one column twice": lambda g: torch.randn(2000, 1, generator=g, dtype=torch.float64).repeat(2, 1),
    "single precision twice": lambda g: (100 * torch.randn(2000, 2, generator=g)).repeat(2, 1),
    "coins forty times": lambda g: (torch.rand(30, 64, generator=g) < 0.5).byte().repeat(40, 1),
}


@pytest.mark.fault("scores 2.3")
@pytest.mark.parametrize("kind", REPEATED)
def test_rows_that_were_written_again_are_not_chance(kind, caplog):
    x = REPEATED[kind](torch.Generator().manual_seed(20))
    space = Binary((64,)) if kind.startswith("coins") else Real((x.shape[1],))
    said, by_chance = warned(x, space, caplog)
    assert not by_chance
    assert said.count(" (test) and row ") + said.count(" (valid) and row ") == 3
    assert "duplicates='drop'" in said and "--data.duplicates drop" in said


@pytest.mark.fault("scores 2.3")
def test_a_file_of_repeated_rows_is_warned_of_until_they_are_dropped(tmp_path, caplog):
    r = np.random.default_rng(0)
    rows = np.repeat((r.random((30, 64)) < 0.5).astype(np.uint8), 40, axis=0)[r.permutation(1200)]
    np.savez(tmp_path / "repeated.npz", x=rows)
    with caplog.at_level(logging.WARNING, "simulacra"):
        load_data(tmp_path / "repeated.npz")
        assert "rows stand in two splits" in caplog.text and "duplicates='drop'" in caplog.text
        caplog.clear()
        data = load_data(tmp_path / "repeated.npz", duplicates="drop")
    assert not caplog.records and sum(map(len, data.splits.values())) == 30


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_rounded_rows_that_meet_by_chance_stay_chance(decimals, caplog):
    g = torch.Generator().manual_seed(21)
    x = (10.0 ** (1 - decimals) * torch.randn(4000, 2, generator=g, dtype=torch.float64)).round(
        decimals=decimals
    )
    said, by_chance = warned(x, Real((2,)), caplog)
    assert by_chance and not said


def test_looking_for_copies_is_quick():
    """70,000 images of 28x28: 0.2 s for equal ones, 3 s for near ones on one idle core."""
    x = torch.randint(0, 256, (20_000, 1, 28, 28), generator=torch.Generator().manual_seed(14)).byte()
    data = from_tensors(x, Levels((1, 28, 28)))
    began = time.perf_counter()
    warn_of_copies(data)
    assert time.perf_counter() - began < 1
    assert not find_leaks(data).pairs
    assert time.perf_counter() - began < 20


@pytest.mark.fault("scores 2.6")
def test_equal_rows_of_several_kinds_are_by_chance_and_rows_written_twice_are_not():
    """Easy rows of few ones are equal often, though all rows together have many values."""
    rng = np.random.default_rng(0)
    easy, hard = rng.random((1500, 20)) < 0.02, rng.random((1500, 20)) < 0.5
    kinds = np.concatenate([easy, hard])[rng.permutation(3000)]
    twice = np.repeat(rng.random((1500, 30)) < 0.5, 2, axis=0)[rng.permutation(3000)]
    found = {}
    for name, x in {"kinds": kinds, "twice": twice}.items():
        rows = torch.from_numpy(x.astype("u1"))
        data = from_tensors(rows, Binary((x.shape[1],)), valid=0, test=0.2)
        found[name] = shared_rows(data)
    assert found["kinds"].rows > 100 and found["kinds"].rows < 5 * found["kinds"].expected
    assert found["twice"].rows > 100 and found["twice"].expected < 1
