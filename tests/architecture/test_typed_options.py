"""Keywords that a function forwards are typed: each `TypedDict` says what its dataclass says."""

import dataclasses
import functools
import inspect
import operator
import re
import typing

import pytest
import sources

from simulacra.core.model import SEED
from simulacra.data.keywords import ReaderKeywords
from simulacra.data.readers import READERS
from simulacra.models.autoregressive.ordered import EntryKeywords, Ordered
from simulacra.models.autoregressive.vectors.orderless import EnsembleKeywords, Orderless
from simulacra.models.catalog import CATALOG
from simulacra.models.variational.latent import LatentVariableModel, NetworkKeywords
from simulacra.training.options import OptionKeywords, Options


def fields(kind: type) -> dict[str, object]:
    """The types of a dataclass's fields by name."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def test_the_keywords_of_fit_are_the_fields_of_options():
    assert typing.get_type_hints(OptionKeywords) == fields(Options)


def test_the_keywords_of_load_data_are_the_options_of_all_readers():
    found: dict[str, list] = {}
    for reader in READERS:
        for name, kind in fields(reader.options).items():
            found.setdefault(name, []).append(kind)
    # what may be anything in one reader may be anything
    united = {
        n: typing.Any if typing.Any in k else functools.reduce(operator.or_, k) for n, k in found.items()
    }
    assert typing.get_type_hints(ReaderKeywords) == united
    assert list(ReaderKeywords.__annotations__) == sorted(united)


BASES = {NetworkKeywords: LatentVariableModel, EntryKeywords: Ordered, EnsembleKeywords: Orderless}


@pytest.mark.parametrize("keywords", BASES, ids=lambda kind: kind.__name__)
def test_the_keywords_that_a_model_hands_on_are_those_of_its_base(keywords):
    hints = typing.get_type_hints(BASES[keywords].__init__)
    own = set(hints) - {"space", "condition", "latent", "return"}
    assert typing.get_type_hints(keywords) == {name: hints[name] for name in own}


def test_the_seed_of_a_model_is_an_argument_that_an_editor_sees():
    for entry in CATALOG.values():
        init = vars(entry.load())["__init__"]
        assert inspect.signature(init).parameters["seed"].default == SEED.default, entry.cls
        assert typing.get_type_hints(init)["seed"] is int, entry.cls


def test_no_public_function_or_constructor_takes_keywords_of_any_type():
    lines = sources.text(sources.ROOT / "docs" / "surface.txt").split("## bases")[0].splitlines()
    found = [line.strip() for line in lines if re.search(r"\*\*\w+(: (Any|object))?$", line.rstrip(",)"))]
    assert not found
