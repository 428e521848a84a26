"""What every refusal must be: one sentence of ours."""

import pytest

from simulacra.core.errors.calls import WrongCall
from simulacra.data import load_data


def sentence_of(call, *words):
    """The ValueError of `call()`, which is one sentence that holds `words`."""
    with pytest.raises(ValueError) as caught:
        call()
    message = str(caught.value)
    assert (
        type(caught.value) in (ValueError, WrongCall) and "\n" not in message and message.endswith((".", "?"))
    ), message
    for word in words:
        assert word in message, message
    return message


def assert_refused(what, *words, **options):
    """The error of `load_data`, which is one sentence that holds `words`."""
    return sentence_of(lambda: load_data(what, **options), *words)
