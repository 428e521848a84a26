"""Two domains without pairs: two folders, two classes, words of file names, half of the rows made anew."""

from __future__ import annotations

import wave

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra


def pictures(folder, n, side=6, at=0):
    folder.mkdir(parents=True)
    for i in range(n):
        Image.fromarray(np.full((side, side), at + i, np.uint8)).save(folder / f"{i}.png")
    return folder


def recordings(folder, names):
    folder.mkdir()
    for i, name in enumerate(names):
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes((np.arange(50, dtype=np.int16) + 7 * i).tobytes())
    return folder


def test_two_folders_are_labelled_by_their_names(tmp_path):
    horses, zebras = pictures(tmp_path / "horses", 12), pictures(tmp_path / "zebras", 5, at=100)
    data = simulacra.load_data(horses, condition=f"domain:{zebras}", validation=0.0, test=3)
    assert data.condition.names == ("horses", "zebras")
    for split in data.splits.values():
        rows = split.rows(torch.arange(len(split)))
        assert torch.equal(rows.c.long(), (rows.x[:, 0, 0, 0] >= 100).long())
    assert sum(map(len, data.splits.values())) == 17


def test_half_of_the_rows_become_edges_and_no_row_is_in_both():
    data = simulacra.load_data("digits", condition="domain:edges", seed=3)
    assert data.condition.names == ("plain", "edges")
    kind, x = data.train.c, data.train.x.long()
    edges = simulacra.load_data("digits", condition="edges", seed=3).train.c.long()
    before = simulacra.load_data("digits", seed=3).train.x.long()
    assert torch.equal(x[kind == 0], before[kind == 0])
    assert torch.equal(x[kind == 1], edges[kind == 1])
    assert abs(float(kind.float().mean()) - 0.5) < 0.05
    again = simulacra.load_data("digits", condition="domain:edges", seed=3)
    assert torch.equal(again.train.c, kind) and torch.equal(again.train.x.long(), x)


def test_two_classes_of_ten():
    data = simulacra.load_data("digits", condition="domain:7,3")
    assert data.condition.names == ("7", "3") and data.label_names == ("7", "3")
    assert sum(map(len, data.splits.values())) == 362


def test_words_of_file_names_are_domains(tmp_path):
    names = [f"{i}_{who}_{k}" for i in range(4) for who in ("theo", "ann", "bob") for k in range(2)]
    folder = recordings(tmp_path / "voices", names)
    data = simulacra.load_data(folder, condition="domain:theo,bob", validation=0.0, test=4)
    assert data.condition.names == ("theo", "bob")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 12, "test": 4}


def test_files_that_lie_on_disk_are_made_when_they_are_read(tmp_path):
    folder = pictures(tmp_path / "photos", 20)
    options = {"condition": "domain:edges", "validation": 0.0, "test": 4}
    held = simulacra.load_data(folder, **options)
    streamed = simulacra.load_data(folder, stream=True, **options)
    index = torch.arange(16)
    a, b = held.train.rows(index), streamed.train.rows(index)
    assert torch.equal(a.x, b.x) and torch.equal(a.c.long(), b.c.long())
    # edges of one level are black
    assert not bool(a.x[a.c == 1].any()) and held.train.digest() == streamed.train.digest()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("domain:1,2,3", "names 3 domains"),
        ("domain:3,3", "names 1 domain,"),
        ("domain:3,cow", "no row of 'cow'"),
        ("domain:nowhere", "no folder, no corruption and no two classes"),
    ],
)
def test_what_names_no_two_domains_is_refused(condition, words):
    with pytest.raises(ValueError, match=words):
        simulacra.load_data("digits", condition=condition)


def test_folders_that_are_no_two_domains_are_refused(tmp_path):
    here = pictures(tmp_path / "here", 6)
    (tmp_path / "empty").mkdir()
    larger, sound = pictures(tmp_path / "larger", 6, side=9), recordings(tmp_path / "sound", ["a", "b"])
    for other, words in (
        (tmp_path / "empty", "holds no images"),
        (larger, "size="),
        (sound, "give two folders of one kind"),
        (here, "share files"),
    ):
        with pytest.raises(ValueError, match=words):
            simulacra.load_data(here, condition=f"domain:{other}")
    sized = simulacra.load_data(here, condition=f"domain:{larger}", size=6)
    assert sized.space.shape == (1, 6, 6)
