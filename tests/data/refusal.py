"""What every refusal of `load_data` must be: one sentence of ours."""

import pytest

from simulacra.data import load_data


def assert_refused(what, *words, **options):
    """The error of `load_data`, which is one sentence that holds `words`."""
    with pytest.raises(ValueError) as caught:
        load_data(what, **options)
    message = str(caught.value)
    assert type(caught.value) is ValueError and "\n" not in message and message.endswith((".", "?"))
    for word in words:
        assert word in message, message
    return message
