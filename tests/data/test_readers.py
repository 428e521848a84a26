"""Readers: each kind of data has its own, with its own options; rows may lie outside memory."""

import dataclasses
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from refusal import sentence_of

import simulacra
from simulacra import Binary, Levels, Real, load_data
from simulacra.cli.options.loading import loading
from simulacra.data.dataset import Dataset
from simulacra.data.load import usual_options
from simulacra.data.readers import READERS, find_reader
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source
from simulacra.data.sources.stream import StreamedSplit

X = np.random.default_rng(0).normal(size=(60, 3)).round(3)


class Doubles(RowStore):
    """Rows i, 2 i, 3 i in place of a video or a text on disk."""

    shape, dtype = (3,), torch.float32

    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        return Doubles(self.numbers[index])

    def read(self, index):
        return self.numbers[list(index)].unsqueeze(1) * torch.tensor([1.0, 2.0, 3.0])

    def digest(self):
        return str(self.numbers.tolist())


def test_a_store_of_another_kind_streams_through_training(tmp_path):
    rows = Doubles(torch.arange(40.0))
    source = Source("doubles", Real((3,)), {"train": Part(rows)}, standardize=False)
    chain = simulacra.Preprocessing(source.space)
    splits = {"train": StreamedSplit(rows, chain), "test": StreamedSplit(rows[torch.arange(7)], chain)}
    data = Dataset("doubles", splits, chain)
    run = simulacra.fit(
        simulacra.VAE(data.space, latent=1, hidden=(5,)), data, epochs=2, out=tmp_path / "run"
    )
    assert data.test.rows(torch.tensor([4])).x.tolist() == [[4.0, 8.0, 12.0]]
    batches = list(data.train.read([torch.tensor([3, 1]), torch.tensor([39])]))
    assert [batch.x[:, 0].tolist() for batch in batches] == [[3.0, 1.0], [39.0]]
    assert torch.isfinite(run.model.log_prob(rows.read_all()).values).all()


def test_every_option_of_a_reader_is_described_and_an_option_of_the_command_line():
    offered = inspect.signature(loading()).parameters
    for reader in READERS:
        for field in dataclasses.fields(reader.options):
            assert field.name in offered
            assert f"{field.name}: " in inspect.getdoc(reader.options), (reader.kind, field.name)
    assert set(offered) == set(usual_options())


@pytest.mark.parametrize(
    "name, option, near",
    [
        ("rows.npy", "separator", "leave it out"),
        ("rows.npy", "keys", "did you mean key=?"),
        ("t.csv", "lable", "did you mean label=?"),
        ("t.csv", "size", "leave it out"),
        ("digits", "types", "leave it out"),
        ("ring", "size", "leave it out"),
    ],
)
def test_an_option_that_a_reader_does_not_take_is_refused_by_name(tmp_path, monkeypatch, name, option, near):
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", X)
    Path("t.csv").write_text("a,b\n1.5,2\n2.5,7\n")
    sentence_of(lambda: load_data(name, **{option: 3}), f"{option}=3 is no option of {name}", near)


def test_options_at_their_default_apply_to_everything():
    usual = usual_options()
    assert len(load_data("digits", **usual).train) == 1437
    sentence_of(lambda: load_data("digits", binarize="dinamic"), "binarize is 'dinamic'", "'dynamic'")


def test_arrays_lists_and_data_sets_load_as_files_do(tmp_path):
    np.save(tmp_path / "rows.npy", X)
    filed = load_data(tmp_path / "rows.npy")
    for given in (X, torch.tensor(X), X.tolist(), np.asfortranarray(X)[::1]):
        data = load_data(given)
        assert data.space == filed.space and torch.equal(data.train.x, filed.train.x), type(given)
    labelled = torch.utils.data.TensorDataset(torch.tensor(X), torch.arange(60) % 3)
    data = load_data(labelled, condition="label", validation=0, test=0)
    assert torch.equal(data.train.x, torch.tensor(X)) and data.train.labels.tolist() == [
        i % 3 for i in range(60)
    ]
    assert load_data(data) is data
    sentence_of(lambda: load_data(data, test=0.3), "is loaded already", "test=")
    assert load_data({"a": [0.5, 1.5] * 9, "b": ["u", "v"] * 9}).preprocessing.raw.names == ("a", "b")
    sentence_of(lambda: load_data(3.5), "not float")


def test_pictures_load_as_rows_of_levels():
    pictures = [Image.fromarray(np.full((6, 4), 10 * i, np.uint8)) for i in range(20)]
    data = load_data(pictures, validation=0, test=0)
    assert data.space.shape == (1, 6, 4) and isinstance(data.space, Levels)
    assert data.train.x[:, 0, 0, 0].tolist() == [10 * i for i in range(20)]
    mixed = [*pictures, pictures[0].resize((3, 3))]
    sentence_of(lambda: load_data(mixed), "picture 20 (from 0) is 3x3", "load them with size=3")


def test_equal_rows_are_dropped_and_counted(caplog):
    x = np.repeat(X[:20], 3, axis=0)
    with caplog.at_level("INFO", "simulacra"):
        data = load_data(x, duplicates="drop", validation=0, test=0)
    assert len(data.train) == 20 and "40 of 60 rows dropped" in caplog.text
    assert torch.equal(data.train.x, torch.tensor(X[:20]))
    assert len(load_data(x, validation=0, test=0).train) == 60


def test_a_row_of_two_official_splits_stays_in_test(tmp_path):
    for part, levels in (("train", range(12)), ("test", range(9, 15))):
        (tmp_path / "p" / part).mkdir(parents=True)
        for i in levels:
            Image.fromarray(np.full((3, 3), 10 * i + 1, np.uint8)).save(tmp_path / "p" / part / f"{i}.png")
    data = load_data(tmp_path / "p", duplicates="drop", validation=0)
    assert sorted(data.test.x[:, 0, 0, 0].tolist()) == [10 * i + 1 for i in range(9, 15)]
    assert sorted(data.train.x[:, 0, 0, 0].tolist()) == [10 * i + 1 for i in range(9)]
    assert data.notes["duplicates"] == "3 of 18 rows dropped (3 of train)"


def test_labels_tell_equal_rows_apart():
    x = np.array([[0, 1], [0, 1], [0, 1]] * 10)
    data = load_data(x, label=[0, 1, 1] * 10, duplicates="drop", validation=0, test=0)
    assert len(data.train) == 2 and isinstance(data.space, Binary)


def test_readers_are_found_by_what_they_read(tmp_path):
    assert find_reader("ring")[0].kind == "a toy" and find_reader(X)[0].kind == "an array in memory"
    (tmp_path / "a.dat").write_text("1 2\n")
    assert find_reader(tmp_path / "a.dat")[0].kind == "a table"
