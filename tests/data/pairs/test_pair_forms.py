"""What `condition=` names: forms of pairs by their words, and what is refused."""

import pytest

from simulacra.core.errors.suggestion import Refusal
from simulacra.data.pairs.forms import Half, Made, OtherFolder, Past, form_of, near_word


def test_each_word_is_its_form(tmp_path):
    assert form_of("left") == Half("left") and form_of("right").other == "left"
    assert form_of("past:4") == Past(4) and isinstance(form_of("folder:a/b"), OtherFolder)
    for text in ("downscale:4", "edges", "blur:1.5", "mask:0.3", "gaussian:0.1", "salt:0.2"):
        assert isinstance(form_of(text), Made) and form_of(text).text == text
    assert form_of("noise:0.1").text == "gaussian:0.1" and form_of("downscale").text == "downscale:2"
    mixed = form_of(f"mix:{tmp_path}:5:hum")
    assert mixed.held_out == "hum" and mixed.corruption.level == 5
    assert mixed.text == f"mix:{tmp_path.resolve()}:5:hum"
    assert form_of(f"mix:{tmp_path}").corruption.level == 10


@pytest.mark.parametrize("text", [None, "label", "age", "age, edu", "leftmost", "train_label"])
def test_other_words_are_no_form(text):
    assert form_of(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("past", "number of frames"),
        ("past:0", "number of frames"),
        ("past:two", "number of frames"),
        ("downscale:1.5", "whole number of pixels"),
        ("blur:-1", "standard deviation"),
        ("edges:3", "no level"),
        ("mask:half", "share of entries"),
        ("mix:noises:loud", "decibels"),
    ],
)
def test_a_wrong_number_is_refused_with_one_that_works(text, words):
    with pytest.raises(Refusal, match=words) as refused:
        form_of(text)
    (one,) = refused.value.suggestions
    assert one.of == "data" and form_of(dict(one.options)["condition"]) is not None


@pytest.mark.parametrize("text", ["folder:", "mix:"])
def test_a_form_without_its_folder_is_refused(text):
    with pytest.raises(ValueError, match="folder"):
        form_of(text)


def test_near_words():
    assert near_word("rigth") == "right" and near_word("downscal:4") == "downscale:4"
    assert near_word("pst:3") == "past:3" and near_word("salary") == ""
