"""Data sets by name: embedded, drawn, and in their publishers' files."""

import numpy as np
import pytest
import torch
from data_files import RNG, idx_bytes, write, write_binarized, write_cifar, write_mnist

from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data import available, load_data
from simulacra.data.catalog.fetch import fetch  # noqa: F401  (its name must not hide load_data's package)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_digits_are_levels_with_labels():
    data = load_data("digits")
    assert data.space == Levels((1, 8, 8), 17)
    assert data.train.x.dtype == torch.uint8
    assert sum(len(split) for split in data.splits.values()) == 1797
    assert int(data.train.x.max()) == 16
    assert set(data.train.labels.tolist()) == set(range(10))
    assert data.train.c is None and data.label_names[3] == "3"


def test_splits_share_no_row_and_depend_on_the_seed_alone():
    a, b, c = load_data("digits"), load_data("digits"), load_data("digits", seed=1)
    assert a.train.digest() == b.train.digest() != c.train.digest()
    rows = [tuple(x.flatten().tolist()) for split in a.splits.values() for x in split.x]
    source = load_data("digits", validation=0, test=0).train
    assert sorted(rows) == sorted(tuple(x.flatten().tolist()) for x in source.x)


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_keeps_its_test_split_and_cuts_validation_from_train(home, zipped):
    arrays = write_mnist(home / "mnist", zipped=zipped)
    data = load_data("mnist")
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 36, "valid": 4, "test": 20}
    assert data.space == Levels((1, 28, 28), 256)
    assert np.array_equal(data.test.x[:, 0].numpy(), arrays["t10k-images-idx3-ubyte"])
    assert np.array_equal(data.test.labels.numpy(), arrays["t10k-labels-idx1-ubyte"])
    kept = torch.cat([data.train.x, data.valid.x])
    assert len(kept.flatten(1).unique(dim=0)) == 40


def test_validation_as_a_number_of_rows(home):
    write_mnist(home / "mnist")
    assert len(load_data("mnist", validation=10).valid) == 10
    assert load_data("mnist", validation=0).valid is None


def test_fashion_mnist_has_its_own_folder_and_names(home):
    write_mnist(home / "fashion_mnist")
    data = load_data("fashion-mnist", condition="label")
    assert data.label_names[9] == "Ankle boot"
    assert data.condition == Categorical((), 10, data.label_names)
    assert torch.equal(data.train.c, data.train.labels)


@pytest.mark.parametrize("packed", [True, False])
def test_binarized_mnist_is_binary_with_three_splits_of_its_own(home, packed):
    rows = write_binarized(home / "binarized_mnist", packed)
    data = load_data("binarized-mnist")
    assert data.space == Binary((1, 28, 28))
    for part, x in rows.items():
        assert np.array_equal(data[part].x.view(-1, 784).numpy(), x)
    assert data.train.labels is None
    assert "Larochelle" in data.protocol("test").preprocessing


def test_the_cache_is_searched_after_the_folder_of_the_variable(home):
    write_mnist(home.parent / "cache" / "simulacra" / "mnist")
    assert len(load_data("mnist").test) == 20
    assert {s.name: s.ready for s in available()}["mnist"]


def test_cifar10_joins_its_batches(home):
    images = write_cifar(home / "cifar10" / "cifar-10-batches-bin")
    data = load_data("cifar10", validation=0)
    assert data.space == Levels((3, 32, 32), 256)
    assert np.array_equal(data.train.x.numpy(), images)
    assert data.test.labels.tolist() == [9, 8, 7, 6]
    assert data.label_names[9] == "truck"


def test_olivetti_faces_stand_upright(home):
    from scipy.io import savemat

    faces = RNG.integers(0, 256, (400, 64, 64), np.uint8)
    (home / "faces").mkdir(parents=True)
    savemat(home / "faces" / "olivettifaces.mat", {"faces": faces.transpose(0, 2, 1).reshape(400, 4096).T})
    data = load_data("olivetti", validation=0, test=0)
    assert np.array_equal(data.train.x[:, 0].numpy(), faces)
    assert data.train.labels.tolist()[:11] == [0] * 10 + [1]


# ---- binarization, dequantization, geometry


@pytest.mark.system("I6")
def test_each_binarization_is_a_protocol_of_its_own(home):
    write_mnist(home / "mnist")
    write_binarized(home / "binarized_mnist", packed=True)
    kinds = {b: load_data("mnist", binarize=b) for b in (None, "static", "dynamic", "threshold")}
    protocols = [data.protocol("test") for data in kinds.values()]
    protocols.append(load_data("mnist", binarize="static", seed=1).protocol("test"))
    protocols.append(load_data("mnist", binarize="threshold", threshold=0.3).protocol("test"))
    protocols.append(load_data("binarized-mnist").protocol("test"))
    assert len({p.digest for p in protocols}) == len(protocols)
    assert len({p.preprocessing for p in protocols}) == len(protocols)


def test_static_bits_do_not_depend_on_validation_limit_or_default_type(home):
    write_mnist(home / "mnist", train=300)
    whole = load_data("mnist", binarize="static", validation=0)
    cut = load_data("mnist", binarize="static", validation=0.5)
    assert whole.train.x.dtype == torch.uint8 and whole.space == Binary((1, 28, 28))
    order = Rng(0, "split").permutation("rows", 300)
    assert torch.equal(cut.train.x, whole.train.x[order[150:].sort().values])
    some = some_of(len(whole.test), 7, Rng(0, "limit", "test"))
    assert torch.equal(load_data("mnist", binarize="static", limit=7).test.x, whole.test.x[some])
    kept = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        assert load_data("mnist", binarize="static", validation=0).train.digest() == whole.train.digest()
    finally:
        torch.set_default_dtype(kept)


def test_static_bits_have_the_pixels_as_probabilities(home):
    arrays = write_mnist(home / "mnist", train=1)
    images = np.repeat(arrays["train-images-idx3-ubyte"], 2000, axis=0)
    write(home / "mnist" / "train-images-idx3-ubyte.gz", idx_bytes(images), zipped=True)
    write(home / "mnist" / "train-labels-idx1-ubyte.gz", idx_bytes(np.zeros(2000, np.uint8)), zipped=True)
    p = torch.from_numpy(images[0] / 255.0)
    x = load_data("mnist", binarize="static", validation=0).train.x[:, 0].double()
    z = (x.mean(0) - p) / (p * (1 - p) / 2000).sqrt().clamp_min(1e-9)
    inside = (p > 0) & (p < 1)
    assert abs(float(z[inside].mean())) < 4 / 28 and float(z[inside].abs().max()) < 5
    assert torch.equal(x.mean(0)[p == 0], p[p == 0]) and torch.equal(x.mean(0)[p == 1], p[p == 1])


def test_threshold_cuts_where_it_says(home):
    arrays = write_mnist(home / "mnist")
    data = load_data("mnist", binarize="threshold", threshold=0.25)
    assert np.array_equal(data.test.x[:, 0].numpy(), arrays["t10k-images-idx3-ubyte"] / 255 > 0.25)


def test_dynamic_and_dequantized_pixels_keep_the_raw_bytes():
    dynamic = load_data("digits", binarize="dynamic")
    assert dynamic.train.x.dtype == torch.uint8 and int(dynamic.train.x.max()) == 16
    index = torch.arange(8)
    a, b = (dynamic.train.batch(index, Rng(0, "step", t).on(range(8))).x for t in (0, 1))
    assert set(a.unique().tolist()) == {0.0, 1.0} and not torch.equal(a, b)
    logit = load_data("digits", dequantize="logit")
    assert logit.space == Real((1, 8, 8)) and not logit.preprocessing.exact
    y = logit.train.batch(index, Rng(0).on(range(8))).x
    assert torch.equal(logit.preprocessing.inverse(y), logit.train.x[:8])


def test_size_averages_where_it_divides_the_side(home):
    arrays = write_mnist(home / "mnist")
    data = load_data("mnist", size=14)
    means = arrays["t10k-images-idx3-ubyte"].reshape(-1, 14, 2, 14, 2).mean((2, 4))
    assert data.space == Levels((1, 14, 14), 256)
    assert np.abs(data.test.x[:, 0].numpy() - means).max() <= 1
    assert "14x14" in data.protocol("test").preprocessing


def test_grey_makes_one_channel(home):
    images = write_cifar(home / "cifar10")
    data = load_data("cifar10", grey=True, size=20, validation=0)
    assert data.space == Levels((1, 20, 20), 256) and data.train.x.dtype == torch.uint8
    weights = np.array([0.299, 0.587, 0.114]).reshape(3, 1, 1)
    grey = load_data("cifar10", grey=True, validation=0).train.x[:, 0].numpy()
    assert np.abs(grey - (images * weights).sum(1)).max() <= 1.0


def test_resized_digits_stay_within_their_levels():
    assert int(load_data("digits", size=11).train.x.max()) <= 16


def test_limit_keeps_rows_of_each_split_in_their_order():
    whole, few = load_data("digits"), load_data("digits", limit=5)
    assert {len(split) for split in few.splits.values()} == {5}
    some = some_of(len(whole.test), 5, Rng(0, "limit", "test"))
    assert torch.equal(few.test.x, whole.test.x[some])
    assert torch.equal(few.test.labels, whole.test.labels[some])


def test_the_spec_makes_the_same_data_again():
    import json

    data = load_data("digits", binarize="static", seed=3, condition="label", limit=50)
    again = load_data(**json.loads(json.dumps(data.spec)))
    assert again.protocol("test") == data.protocol("test")
    assert again.train.digest() == data.train.digest() and again.condition == data.condition


def test_all_rows_of_a_split_can_be_selected_and_moved_with_their_labels():
    train = load_data("digits", condition="label").train
    few = train.select(torch.tensor([3, 1]))
    assert torch.equal(few.labels, train.labels[[3, 1]]) and torch.equal(few.c, train.c[[3, 1]])
    assert train.to("cpu").digest() == train.digest() != few.digest()
