"""Pictures with captions: a table beside a folder, several captions a picture, and drawn shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.captions.shapes import CaptionedShapes, caption
from simulacra.data.dataset import Dataset


@pytest.fixture
def folder(tmp_path):
    """Twenty grey pictures; the grey of each is ten times its number."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(20):
        Image.fromarray(np.full((4, 6), 10 * i, np.uint8)).save(pictures / f"p{i}.png")
    return pictures


def table(folder, rows, name="captions.csv", head="file,caption"):
    path = folder.parent / name
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def load(folder, path, **more) -> Dataset:
    return simulacra.load_data(folder, condition=f"captions:{path}", **more)


def texts(data, split="train"):
    return data.conditioning.raw.texts(data[split].c)


def greys(data, split="train"):
    return (data[split].rows(torch.arange(len(data[split]))).x[:, 0, 0, 0] // 10).tolist()


PLAIN = [f"p{i}.png,number {i} is {'dark' if i < 10 else 'light'}" for i in range(20)]


def test_every_picture_has_its_own_caption(folder):
    data = load(folder, table(folder, PLAIN))
    assert isinstance(data.condition, Tokens) and data.condition.unit == "words"
    assert not observed(data.condition)  # a text is no picture that could be translated
    assert [len(data[split]) for split in ("train", "valid", "test")] == [16, 2, 2]
    for split in ("train", "valid", "test"):
        for grey, text in zip(greys(data, split), texts(data, split)):
            assert text.split()[2:] == ["is", "dark" if grey < 10 else "light"]
    # the number of each training picture is in the vocabulary, that of others is unknown
    assert all(text.split()[1] == str(grey) for grey, text in zip(greys(data), texts(data)))
    assert all("<unknown>" in text for text in texts(data, "test"))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("file,caption", lambda i: f"p{i}.png"),
        ("file_name,text", lambda i: f"p{i}"),
        ("Image;Description", lambda i: f".\\p{i}.png"),
        ("file,caption", lambda i: f"pictures/p{i}.png"),
    ],
)
def test_files_may_be_named_in_several_ways(folder, head, name):
    mark = ";" if ";" in head else ","
    path = table(folder, [f"{name(i)}{mark}number {i}" for i in range(20)], head=head)
    data = load(folder, path, validation=0, test=0)
    assert texts(data) == [f"number {grey}" for grey in greys(data)]


def test_several_captions_are_rows_that_stay_in_one_split(folder):
    rows = [f"p{i}.png,{word} {i}" for i in range(20) for word in ("grey", "shade")]
    data = load(folder, table(folder, rows), validation=0.2, test=0.2)
    seen = {split: set(greys(data, split)) for split in ("train", "valid", "test")}
    assert sum(len(data[split]) for split in seen) == 40
    assert all(greys(data, split).count(grey) == 2 for split in seen for grey in seen[split])
    assert not (seen["train"] & seen["test"] or seen["train"] & seen["valid"] or seen["valid"] & seen["test"])
    assert "up to 2 a picture" in data.notes["condition"]


def test_pictures_in_folders_of_splits_and_classes(folder):
    for i in range(20):
        place = folder / ("train" if i < 14 else "valid" if i < 17 else "test") / ("odd" if i % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        (folder / f"p{i}.png").rename(place / f"{'x' if i == 3 else 'p'}{i if i != 3 else 1}.png")
    names = {3: "train/odd/x1.png", 1: "odd/p1.png"}  # the others by their own name alone
    data = load(folder, table(folder, [f"{names.get(i, f'p{i}')},number {i}" for i in range(20)]))
    assert [len(data[split]) for split in ("train", "valid", "test")] == [14, 3, 3]
    assert texts(data) == [f"number {grey}" for grey in greys(data)]
    assert data.label_names == ("even", "odd")


def test_a_table_in_the_folder_is_found_and_a_run_opens_it_again(folder):
    path = table(folder, PLAIN).rename(folder / "captions.csv")
    data = simulacra.load_data(folder, condition="captions:captions.csv")
    assert data.spec["condition"] == f"captions:{path.resolve()}"
    again = simulacra.load_data(**{**data.spec, "name_or_path": data.spec["name_or_path"]})
    assert again.condition == data.condition and torch.equal(again.train.c, data.train.c)


@pytest.mark.parametrize(
    ("rows", "head", "words"),
    [
        (
            PLAIN[:-1],
            "file,caption",
            r"1 of 20 pictures of .* has no caption in .* \(p19\.png\): write a cap",
        ),
        (
            [*PLAIN, "p99.png,far"],
            "file,caption",
            r"1 of the pictures that .* names is not in .* \(p99\.png\)",
        ),
        (
            [*PLAIN[:-1], "p99.png,far"],
            "file,caption",
            r"p99.*, and 1 of 20 pictures.*p19.*: correct the names",
        ),
        (
            [*PLAIN[:-1], "p19.png,"],
            "file,caption",
            r"1 of 20 captions of .* is empty \(line 21\): write what",
        ),
        ([*PLAIN[:-2], "p18.png,", "p19.png, "], "file,caption", r"2 of 20 .* are empty \(lines 20, 21\)"),
        (PLAIN, "one,two", r"has the columns one, two, but none is called file: captions need a first line"),
        (PLAIN, "file,two", r"has the columns file, two, but none is called caption"),
        (["p0.png,a,b", *PLAIN[1:]], "file,caption", r"a caption with commas stands in quotation marks"),
    ],
)
def test_captions_that_do_not_fit_are_one_sentence(folder, rows, head, words):
    with pytest.raises(ValueError, match=words) as refused:
        load(folder, table(folder, rows, head=head))
    assert "\n" not in str(refused.value)


def test_no_table_no_pictures_and_no_captions_of_their_own(folder):
    with pytest.raises(ValueError, match=r"names a table that is not there: give a \.csv file"):
        load(folder, "nowhere.csv")
    with pytest.raises(ValueError, match=r"captions belong to the pictures of a folder"):
        simulacra.load_data("digits", condition=f"captions:{table(folder, PLAIN)}")
    with pytest.raises(ValueError, match=r"stands for captions that the data hold .*captions\.csv"):
        table(folder, PLAIN)
        simulacra.load_data(folder, condition="captions")


@pytest.mark.parametrize("side", [8, 15])
def test_drawn_shapes_show_what_their_captions_say(side):
    toy = CaptionedShapes(side)
    x, factors = toy.sample(300, seed=2)
    assert torch.equal(toy.sample(30, seed=2)[0], x[:30])  # whatever the number
    assert not torch.equal(toy.sample(30, seed=3)[0], x[:30])
    toy.space.check(x)
    away = (x.double() - x[:, :, :1, :1].double()).abs().sum(1)  # the corner is the ground
    weight = away / away.sum((1, 2), keepdim=True)
    line = (torch.arange(side) + 0.5) / side
    down, right = (weight.sum(2) * line).sum(1), (weight.sum(1) * line).sum(1)
    named = {name: i for i, name in enumerate(toy.attributes["place"])}
    place = factors[:, 3]
    assert (right[place == named["left"]] < 0.4).all() and (right[place == named["right"]] > 0.6).all()
    assert (down[place == named["top"]] < 0.4).all() and (down[place == named["bottom"]] > 0.6).all()
    size = away.sum((1, 2))
    for shape in range(4):
        of = factors[:, 2] == shape
        assert size[of & (factors[:, 0] == 1)].mean() > 1.5 * size[of & (factors[:, 0] == 0)].mean()
    words = toy.texts(factors)
    assert all(toy.attributes["colour"][k] in text for k, text in zip(factors[:, 1].tolist(), words))
    assert len(set(words)) > 100 and caption(1, 4, 3, 2) == "a large white cross at the top"


def test_named_shapes_have_captions_beside_their_labels():
    data = simulacra.load_data("captioned-shapes", condition="captions", limit=50)
    assert data.spec["condition"] == "captions"
    assert set(data.truth.attributes) == {"size", "colour", "shape", "place"}
    shapes = [data.label_names[k] for k in data.train.labels.tolist()]
    assert all(shape in text for shape, text in zip(shapes, texts(data)))
