"""Numbers far from 0, such as time stamps: they keep what tells them apart, on the way in and back."""

import csv

import numpy as np
import pytest
import torch
from refusal import assert_refused
from scipy.io import savemat

import simulacra
from simulacra.core.numerics import precision
from simulacra.core.preprocessing.transforms import Affine
from simulacra.data import load_data

KEEP = {"validation": 0, "test": 0}
TIMES = 1.7e9 + 5 * np.random.default_rng(0).normal(size=(300, 2))
MADE = {
    "npy": lambda path: np.save(path, TIMES),
    "npz": lambda path: np.savez(path, x=TIMES, day=np.arange(300)),
    "mat": lambda path: savemat(path, {"x": TIMES}),
    "csv": lambda path: np.savetxt(path, TIMES, "%.17g", ",", header="a,b", comments=""),
}


def near(samples) -> bool:
    """Whether samples are around TIMES and differ from each other as those do."""
    x = np.asarray(samples, np.float64)
    return len(np.unique(x)) == x.size and abs(x.mean() - 1.7e9) < 5 and 3 < x.std() < 8


@pytest.mark.fault("f03")
@pytest.mark.parametrize("kind", MADE)
def test_time_stamps_stay_apart_from_file_to_samples(tmp_path, kind):
    path = tmp_path / f"times.{kind}"
    MADE[kind](path)
    data = load_data(path, **KEEP, standardize=True)
    assert data.train.x.dtype == torch.float64 and np.array_equal(data.train.x.numpy(), TIMES)
    y = data.train.all().x
    assert y.dtype == torch.float32 and len(y.unique()) > 590 and abs(y.std() - 1) < 0.01
    model = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run").model
    assert near(model.sample(200))
    assert len(model.decode(torch.linspace(-2, 2, 50).unsqueeze(1)).unique()) == 100
    near_by = TIMES[:20] + 1e-4
    assert float((model.reconstruct(TIMES[:20]) - torch.tensor(TIMES[:20])).abs().max()) < 20
    assert model.log_prob(TIMES[:20]).values.unique().numel() == 20
    assert not torch.equal(model.encode(TIMES[:20]), model.encode(near_by))
    known = np.ones(TIMES.shape, bool)
    known[:, 1] = False
    assert near(model.complete(TIMES, known))


@pytest.mark.fault("f03")
def test_the_score_of_offset_rows_is_that_of_rows_without(tmp_path):
    centred = TIMES - 1.7e9
    np.save(tmp_path / "a.npy", TIMES)
    np.save(tmp_path / "b.npy", centred)
    scores = []
    for name, rows in (("a", TIMES), ("b", centred)):
        data = load_data(tmp_path / f"{name}.npy", **KEEP)
        model = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / name).model
        scores.append(model.score_samples(rows))
    assert np.abs(scores[0] - scores[1]).max() < 1e-4


@pytest.mark.fault("f03")
def test_tables_of_time_stamps_are_written_with_what_tells_them_apart(tmp_path):
    path = tmp_path / "times.csv"
    MADE["csv"](path)
    data = load_data(path, tails="continued")
    model = simulacra.fit(
        simulacra.VAE(data.space, latent=1, hidden=(8,)), data, epochs=30, out=tmp_path / "r"
    ).model
    from simulacra.core.inputs.to_frames import columns_of, write_csv

    raw, x = model.preprocessing.raw, model.sample(100)
    assert len(set(columns_of(raw, x)["a"])) == 100
    write_csv(raw, x, tmp_path / "out.csv")
    with open(tmp_path / "out.csv") as file:
        written = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    assert np.array_equal(written, x.numpy())


@pytest.mark.fault("f03")
@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_time_stamps_reach_a_device_without_double_precision(tmp_path, kind, monkeypatch):
    path = tmp_path / f"times.{kind}"
    MADE[kind](path)
    data = load_data(path, standardize=True)
    model = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run").model
    wanted = model.score_samples(TIMES[:30])
    for module in ("numerics.precision", "preprocessing.chain", "export.exportable"):
        monkeypatch.setattr(f"simulacra.core.{module}.lacks_float64", lambda device: True)
    assert precision.lacks_float64(torch.device("cpu"))
    assert np.abs(model.score_samples(TIMES[:30]) - wanted).max() < 1e-4
    y = data.train.to("cpu").all().x
    assert y.dtype == torch.float32 and len(y.unique()) > 470
    assert near(model.sample(100))


@pytest.mark.fault("f03")
def test_what_single_precision_holds_stays_in_it(tmp_path):
    """Half the memory, and the digests of runs that were made before."""
    x = TIMES.astype(np.float32)
    for name, kind in (("a", np.float32), ("b", np.float64), ("c", ">f8")):
        np.save(tmp_path / f"{name}.npy", x.astype(kind))
    rows = [load_data(tmp_path / f"{name}.npy", **KEEP).train for name in "abc"]
    assert all(split.x.dtype == torch.float32 for split in rows)
    assert len({split.digest() for split in rows}) == 1
    small = load_data(tmp_path / "a.npy").preprocessing
    assert small.inverse(torch.zeros(1, 2)).dtype == torch.float64
    assert Affine((20.0,), (5.0,)).inverse(torch.zeros(1, 2)).dtype == torch.float32


@pytest.mark.fault("f03")
@pytest.mark.parametrize("kind", ["npy", "mat"])
def test_whole_numbers_beyond_double_precision_are_refused(tmp_path, kind):
    x = np.array([[2**60 + 1, 5], [2**60 + 3, 7]], np.int64)
    path = tmp_path / f"ids.{kind}"
    np.save(path, x) if kind == "npy" else savemat(path, {"x": x})
    assert_refused(path, f"from 5 to {2**60 + 3}", "subtract an offset")
    np.save(tmp_path / "year.npy", np.array([[1999], [2024]]))
    assert_refused(tmp_path / "year.npy", "x.astype('float64')", "load the data with levels=2048")
    assert load_data(tmp_path / "year.npy", levels=2048, **KEEP).train.x.tolist() == [[1999], [2024]]


@pytest.mark.fault("f03")
def test_rows_in_memory_that_single_precision_rounds_are_warned_of(caplog):
    """Nothing standardizes them there."""
    simulacra.from_tensors(TIMES, simulacra.Real((2,)), name="times")
    assert "times: entry 0 lies thousands of deviations from 0" in caplog.text
    caplog.clear()
    simulacra.from_tensors(TIMES - 1.7e9, simulacra.Real((2,)))
    simulacra.from_tensors(np.ones((3, 2)), simulacra.Real((2,)))
    assert not caplog.text
