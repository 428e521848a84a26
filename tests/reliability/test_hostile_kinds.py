"""Strange files, places and saved models are read or refused in one sentence, within limits."""

from __future__ import annotations

import sys

import pytest

import simulacra
from reliability.hostile.reading import forked
from reliability.hostile.samples import samples
from reliability.hostile.strange_files import STRANGE
from reliability.hostile.strange_places import MODELS, PLACES

pytestmark = [
    pytest.mark.fault("doors 1.7"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and counts the memory of forked processes"),
]


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """What readers import stands in memory before processes are forked."""
    for name, content in samples().items():
        if name.endswith((".mid", ".txt")):
            continue
        path = tmp_path_factory.mktemp("valid") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        simulacra.load_data(path.parent if "/" in name else path, validation=0, test=0)


def entries(folder):
    """All that lies in a folder, without following links."""
    return sorted(str(path) for path in folder.rglob("*"))


def tried(make, folder, use):
    """What becomes of `use` of the thing that `make` puts into the folder, which is left as it was."""
    place = folder / "given"
    place.mkdir()
    given = make(place)
    before = entries(place)
    outcome = forked(lambda: use(given), folder / "answer")
    assert entries(place) == before
    return outcome


SLOW = ("an animation of many frames", "a sheet of a million empty rows", "a sheet of a gigabyte of blanks")
SLOW_MARKS = (pytest.mark.slow, pytest.mark.thorough)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=SLOW_MARKS if n in SLOW else ()) for n in (*STRANGE, *PLACES)]
)
def test_strange_things_are_read_or_refused(name, tmp_path):
    make = {**STRANGE, **PLACES}[name]
    outcome = tried(make, tmp_path, lambda given: simulacra.load_data(given, validation=0, test=0))
    assert outcome.fault is None
    assert "\n" not in outcome.said


@pytest.mark.parametrize("name", MODELS)
def test_strange_models_are_refused(name, tmp_path):
    outcome = tried(MODELS[name], tmp_path, simulacra.load)
    assert outcome.fault is None and outcome.ended == "refused"
    assert "\n" not in outcome.said
