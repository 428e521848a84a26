"""What sentences about data suggest works: each option in each of them is typed, and the data load."""

import logging

import pytest
from data_suggestions import CASES
from suggested import options_in

from simulacra import load_data
from simulacra.cli.inspect import _options
from simulacra.data.inspection.facts import inspect_data

GEOMETRY = {"size", "crop", "tile"}  # one takes the place of another


def typed(options):
    """Options as the command line reads them."""
    return _options([(f"data.{name}", str(value)) for name, value in options.items()])


def message_of(case, name, options, caplog):
    """The sentence that is said of these data."""
    if case.where == "error":
        with pytest.raises(ValueError) as caught:
            load_data(name, **options)
        return str(caught.value)
    if case.where == "inspection":
        return inspect_data(name, **options).facts["groups"]
    with caplog.at_level(logging.WARNING, "simulacra"):
        data = load_data(name, **options)
    if case.where == "log":
        return caplog.text
    if case.where == "x":
        with pytest.raises(ValueError) as caught:
            _ = data.train.x
        return str(caught.value)
    return data.notes[case.where]


@pytest.mark.fault("scores 2.6")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.site}: {case.words}")
def test_each_way_out_loads(case, tmp_path, caplog):
    name, options = case.make(tmp_path)
    said = message_of(case, name, options, caplog)
    for part in case.words.split("{}"):
        assert part in said
    ways = options_in(said)
    assert ways, said
    for way in ways:
        given = {key: value for key, value in options.items() if not {key, *way} <= GEOMETRY or key in way}
        load_data(name, **{**given, **typed(way)})
