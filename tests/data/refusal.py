"""What every refusal must be: one sentence of ours."""

import pytest

from simulacra.core.errors.calls import WrongCall
from simulacra.core.errors.suggestion import Refusal
from simulacra.data import load_data


class Ours(type):
    """`isinstance` is True for errors that the library raised itself, not for those of other packages."""

    def __instancecheck__(cls, error: object) -> bool:
        return type(error) is ValueError or isinstance(error, (WrongCall, Refusal))


class OURS(metaclass=Ours):
    """A refusal of the library."""


def sentence_of(call, *words):
    """The ValueError of `call()`, which is one sentence that holds `words`."""
    with pytest.raises(ValueError) as caught:
        call()
    message = str(caught.value)
    assert isinstance(caught.value, OURS), message
    assert "\n" not in message and message.endswith((".", "?")), message
    for word in words:
        assert word in message, message
    return message


def assert_refused(what, *words, **options):
    """The error of `load_data`, which is one sentence that holds `words`."""
    return sentence_of(lambda: load_data(what, **options), *words)
