"""What refusals suggest of a model or of training, taken from the refusal, works."""

import pytest
import torch
from refused_captions import OF_CAPTIONS
from refused_frames import OF_FRAMES
from refused_models import OF_MODELS
from refused_pairs import OF_PAIRS
from refused_pieces import OF_PIECES
from refused_speech import OF_SPEECH

from simulacra.core.errors.suggestion import Phrase, Refusal, command, load_with

pytestmark = pytest.mark.fault("doors 2.6")
REFUSED = (*OF_MODELS, *OF_PAIRS, *OF_CAPTIONS, *OF_FRAMES, *OF_PIECES, *OF_SPEECH)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}: {case[1]}")
def test_each_way_out_of_a_refusal_works(case):
    file, words, attempt = case
    if file == "training/hardware/backend.py" and torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(Refusal) as refused:
        attempt()
    ways = refused.value.suggestions
    assert ways
    for part in words.split("{}"):
        assert part in str(refused.value)
    for way in ways:
        # the sentence names what is suggested
        assert str(way) in str(refused.value)
        attempt(**dict(way.options))


def test_a_suggestion_is_data():
    way = load_with(types={"a b": "drop"}, stream=False, validation=0.1)
    assert way.words == (
        *("--data.types", '{"a b": "drop"}', "--data.stream", "false"),
        *("--data.validation", "0.1"),
    )
    assert way.json() == {
        "of": "data",
        "options": {"types": {"a b": "drop"}, "stream": False, "validation": 0.1},
    }
    assert command("train", "--resume", "a").json() == {"command": ["train", "--resume", "a"]}
    inner = Phrase(f"load it with {way}", way)
    error = Refusal(f"odd: {inner}.", inner, "plain words")
    assert error.suggestions == (way,) and Refusal("again", error).suggestions == (way,)
    assert isinstance(error, ValueError) and str(error).startswith("odd: load it with types={")
