"""Help pages: types in words, and no sentence twice."""

import re
from collections import Counter

import pytest

COMMANDS = ("train", "evaluate", "sample", "explore", "export", "compare", "doctor", "demo", "reproduce")
COMMANDS += ("score", "complete", "encode", "classify", "denoise", "translate", "predict")
PAGES = [(name, "--help") for name in COMMANDS]
PAGES += [("train", model, "--help") for model in ("vae", "gan", "rbm", "tabular", "wavenet")]
SAID = 30  # characters of a sentence that would be noticed twice


def page(cli, words) -> str:
    done = cli(*words)
    assert done.code == 0, done.err
    return " ".join(re.sub(r"(\w)-\n\s+", r"\1-", done.out).split())


@pytest.mark.fault("doors 2.5")
@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_types_are_words(cli, words):
    found = re.findall(
        r"Optional\[|Literal\[|Union\[|tuple\[|Mapping\[|typing\.|\btype: |\bnull\b", page(cli, words)
    )
    assert not found


@pytest.mark.fault("doors 2.5")
@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_no_sentence_stands_twice(cli, words):
    sentences = [part.strip(" :.") for part in re.split(r"(?<=[.:])\s", page(cli, words))]
    often = Counter(sentence.lower() for sentence in sentences if len(sentence) > SAID)
    assert not {sentence: n for sentence, n in often.items() if n > 1}


def test_choices_and_defaults_are_shown_once(cli):
    text = page(cli, ("train", "vae", "--help"))
    assert "--model.kl analytic|monte-carlo" in text and text.count("analytic|monte-carlo") == 1
    assert "size of the code z (a whole number; default 16)" in text
    assert "--data.grey true|false" in text and "(default false)" in text
