"""Keywords that a function forwards are typed: each `TypedDict` says what its dataclass says."""

import dataclasses
import functools
import operator
import typing

from simulacra.data.keywords import ReaderKeywords
from simulacra.data.readers import READERS
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
