"""The real data sets, where SIMULACRA_DATA has them."""

import time

import pytest
import torch

from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data import load_data


def test_mnist(real_data):
    real_data("mnist")
    data = load_data("mnist", validation=10_000)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 50_000, "valid": 10_000, "test": 10_000}
    assert torch.bincount(data.test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert float(data.train.x.double().mean()) / 255 == pytest.approx(0.1307, abs=0.001)


def test_fashion_mnist(real_data):
    real_data("fashion_mnist")
    data = load_data("fashion-mnist", validation=0)
    assert torch.bincount(data.train.labels).tolist() == [6000] * 10
    assert torch.bincount(data.test.labels).tolist() == [1000] * 10


def test_binarized_mnist_from_either_file(real_data, tmp_path, monkeypatch, links):
    folder = real_data("binarized_mnist")
    packed = load_data("binarized-mnist")
    assert {k: len(v) for k, v in packed.splits.items()} == {"train": 50_000, "valid": 10_000, "test": 10_000}
    means = [float(packed[part].x.double().mean()) for part in ("train", "valid", "test")]
    assert means == pytest.approx([0.13056, 0.13113, 0.13251], abs=1e-5)
    texts = sorted(folder.glob("*.amat*"))
    if len(texts) < 3:
        pytest.skip("needs the three .amat files")
    (tmp_path / "binarized_mnist").mkdir()
    for path in texts:
        (tmp_path / "binarized_mnist" / path.name).symlink_to(path.resolve())
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path))
    started = time.perf_counter()
    text = load_data("binarized-mnist")
    assert time.perf_counter() - started < 20
    assert text.protocol("train") == packed.protocol("train")
    assert text.protocol("test") == packed.protocol("test")


def test_static_mnist_is_as_dark_as_the_fixed_one(real_data):
    real_data("mnist"), real_data("binarized_mnist")
    own, fixed = load_data("mnist", binarize="static"), load_data("binarized-mnist")
    assert own.space == fixed.space == Binary((1, 28, 28))
    gap = float(own.test.x.double().mean() - fixed.test.x.double().mean())
    assert abs(gap) < 0.002


def test_olivetti(real_data):
    real_data("faces/olivettifaces.mat")
    data = load_data("olivetti", validation=0, test=0)
    assert data.space == Levels((1, 64, 64), 256)
    assert torch.bincount(data.train.labels).tolist() == [10] * 40
    x = data.train.x.double().flatten(1)
    same = (x[0::10] - x[1::10]).norm(dim=1).mean()
    other = x[0::10] - x[0::10].roll(1, 0)
    assert float(same) < 0.7 * float(other.norm(dim=1).mean())


def test_cifar10(real_data):
    real_data("cifar10")
    data = load_data("cifar10")
    assert data.space == Levels((3, 32, 32), 256) and data.label_names[0] == "airplane"
    assert torch.bincount(data.test.labels).unique().numel() == 1 and int(data.test.labels.max()) == 9


@pytest.mark.parametrize(
    "file, options, columns",
    [
        ("uci/winequality-red.csv", {"label": "-1"}, 11),
        ("uci/ionosphere.csv", {"label": "35"}, 34),
        ("uci/parkinsons.csv", {"label": "status"}, 22),
        ("uci/housing.data", {}, 14),
    ],
)
def test_tables_in_the_wild(real_data, file, options, columns):
    data = load_data(real_data(file), **options)
    assert data.space.shape == (columns,) and (data.train.labels is not None) == bool(options)


def test_arrays_and_folders_in_the_wild(real_data):
    coil = load_data(real_data("coil20/coil20_32x32.npz"), key="images", label="object", condition="label")
    assert coil.condition.classes == 20 and coil.space == Levels((1, 32, 32), 256)
    pairs = real_data("facades/pairs")
    streamed, memory = (load_data(pairs, size=64, stream=s) for s in (True, False))
    assert streamed.protocol("test") == memory.protocol("test")
    assert torch.equal(streamed.test.all().x, memory.test.all().x)
