"""What sentences about data suggest works: each option in each of them is typed, and the data load."""

import logging

import numpy as np
import pytest
from data_suggestions import ten_bits
from suggested import options_in
from text_suggestions import CASES

from simulacra import load_data
from simulacra.cli.inspect import _options
from simulacra.core.errors.suggestion import Phrase, Refusal
from simulacra.data.inspection.facts import inspect_data

GEOMETRY = {"size", "crop", "tile"}  # one takes the place of another


def typed(options):
    """Options as the command line reads them."""
    return _options([(f"data.{name}", str(value)) for name, value in options.items()])


def message_of(case, name, options, caplog):
    """The sentence that is said of these data; of a refusal the ways out are its data."""
    if case.where == "error":
        with pytest.raises(Refusal) as caught:
            load_data(name, **options)
        return Phrase(str(caught.value), caught.value)
    if case.where == "inspection":
        facts = inspect_data(name, **options).facts
        return facts.get("groups") or facts["pairs"]
    with caplog.at_level(logging.WARNING, "simulacra"):
        data = load_data(name, **options)
    if case.where == "log":
        return caplog.text
    if case.where == "x":
        with pytest.raises(Refusal) as caught:
            _ = data.train.x
        return Phrase(str(caught.value), caught.value)
    return data.notes[case.where]


# what failed when it was typed
FAILED = {
    "if it stands for a missing entry load it with",
    "or if it holds labels load it with",
    "is a class: if it means missing",
}


def marked(case):
    """A case by its sentence."""
    marks = [pytest.mark.fault("scores 2.6")] if case.words in FAILED else []
    return pytest.param(case, id=f"{case.site}: {case.words}", marks=marks)


# two ways out, of which one is wrong
QUESTIONS = {"which may be names or values because of"}


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_each_way_out_loads(case, tmp_path, caplog):
    name, options = case.make(tmp_path)
    said = message_of(case, name, options, caplog)
    for part in case.words.split("{}"):
        assert part in said
    ways = options_in(said)
    assert ways, said
    if isinstance(said, Phrase):
        # what the command line prints is what the refusal carries
        assert [dict(way.options).keys() for way in said.suggestions] == [way.keys() for way in ways]
        words = [dict(zip(way.words[::2], way.words[1::2])) for way in said.suggestions]
        assert words == [{f"--data.{name}": value for name, value in way.items()} for way in ways]
        ways = [{name.removeprefix("--data."): value for name, value in way.items()} for way in words]
    for way in ways:
        given = {key: value for key, value in options.items() if not {key, *way} <= GEOMETRY or key in way}
        loads(name, {**given, **typed(way)}, case.words in QUESTIONS)


def loads(name, options, question):
    """Load; of a question the wrong answer is refused with a way out of its own."""
    try:
        load_data(name, **options)
    except ValueError as error:
        assert question, error
        for way in options_in(str(error)):
            load_data(name, **{**options, **typed(way)})


def test_packed_depths_are_loaded_once_they_are_saved_with_16_bits(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    folder, options = ten_bits(tmp_path)
    with pytest.raises(ValueError, match="packed into 10 bits") as caught:
        load_data(folder, **options)
    x = np.random.default_rng(0).integers(0, 1024, (12, 6, 8)).astype(np.uint16)
    for i, page in enumerate(x):
        tifffile.imwrite(tmp_path / ("a.tif" if i == 0 else f"{i}.tif"), page)
    (way,) = options_in(str(caught.value))
    assert load_data(folder, **typed(way)).preprocessing.raw.levels == 1024
