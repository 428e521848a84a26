"""Texts from files, tables and lists: their rows, vocabularies and splits, and files that are refused."""

import gzip

import pytest
import torch

import simulacra
from simulacra.core.spaces.tokenizers import joined, split
from simulacra.data.inspection.facts import inspect_data

LINES = [
    f"A man, no. {i % 7}, sees many dogs." if i % 3 else f"The man sees {i % 5} dogs and a cat."
    for i in range(50)
]
KEEP = {"validation": 0, "test": 0}


def written(folder, content, name="t.txt"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("tokens", ["characters", "words", "spaces"])
def test_lines_come_back_as_they_were(tmp_path, tokens):
    data = simulacra.load_data(written(tmp_path, "\n".join(LINES)), tokens=tokens, least=1, **KEEP)
    assert data.space.texts(data.train.x) == LINES
    assert data.train.x.dtype == torch.uint8


def test_a_gzipped_file_and_a_list_hold_the_same_rows(tmp_path):
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    file, listed = (simulacra.load_data(what, tokens="words", **KEEP) for what in (path, LINES))
    assert file.space == listed.space
    assert torch.equal(file.train.x, listed.train.x)


def test_the_vocabulary_is_that_of_the_training_rows(tmp_path):
    lines = [f"common own{i}" for i in range(40)]
    data = simulacra.load_data(written(tmp_path, "\n".join(lines)), tokens="words", least=1)
    own = {word for text in data.space.texts(data.train.x) for word in text.split()}
    assert set(data.space.names) == {"<end>", "<unknown>", *own}
    assert set(data.space.texts(data.test.x)) == {"common <unknown>"}
    assert data.space.names[2] == "common"


def test_a_split_without_a_token_changes_the_vocabulary_not_its_order_of_reading(tmp_path):
    path = written(tmp_path, "\n".join(f"common own{i}" for i in range(40)))
    first, second = (simulacra.load_data(path, tokens="words", least=1, seed=seed) for seed in (0, 1))
    assert first.space != second.space
    again = simulacra.load_data(**first.spec)
    assert again.space == first.space
    assert torch.equal(again.test.x, first.test.x)


def test_windows_follow_each_other_and_the_last_ones_test(tmp_path):
    text = "".join(LINES)
    data = simulacra.load_data(written(tmp_path, text), tokens="characters", window=10)
    rows = [row for name in ("train", "valid", "test") for row in data.space.texts(data[name].x)]
    assert "".join(rows).replace("<unknown>", "?").startswith(text[: 10 * len(data.train)])
    assert len(rows) == -(-len(text) // 10)


def test_a_column_of_a_table_with_labels(tmp_path):
    rows = [f"{i},{'CCO' if i % 2 else 'C[nH]1Cl'},{'ab'[i % 2]}" for i in range(20)]
    path = written(tmp_path, "\n".join(["nr,smiles,kind", *rows]), "t.csv")
    options = {"tokens": "smiles", "column": "smiles", "label": "kind", "condition": "label"}
    data = simulacra.load_data(path, **options, **KEEP)
    assert data.label_names == ("a", "b")
    assert {text: data.label_names[c] for text, c in zip(data.space.texts(data.train.x), data.train.c)} == {
        "CCO": "b",
        "C[nH]1Cl": "a",
    }
    assert {"[nH]", "Cl"} < set(data.space.names)


def test_words_and_punctuation():
    text = 'He said: "The u.s. grew 3.5%, didn\'t it?"'
    cut = split(text, "words")
    assert cut[:8] == ["He", "said", ":", '"', "The", "u.s.", "grew", "3.5"]
    assert joined(cut, "words") == text


def test_inspection_reads_a_text_file_as_text(tmp_path):
    found = inspect_data(str(written(tmp_path, "\n".join(LINES))))
    assert found.added["tokens"] == "words"
    assert found.facts["read as"] == "text, lines; tokens are words"
    assert found.facts["tokens"] == "9 to 11 a row, 10.3 on average"
    assert found.facts["texts"].startswith("'")


def test_numbers_in_a_text_file_are_a_table(tmp_path):
    path = written(tmp_path, "\n".join(f"{i} {i * i} {i % 5}.5" for i in range(40)))
    assert isinstance(simulacra.load_data(path).preprocessing.raw, simulacra.Table)


REFUSED = {
    "a binary file": (bytes(range(256)) * 9, {}, "is no UTF-8 text"),
    "mixed encodings": (
        "café\n".encode() + "naïve\n".encode("cp1252"),
        {},
        "line 1 is, so that encodings are mixed",
    ),
    "one encoding": ("naïve\n".encode("cp1252") * 9, {}, "load it with encoding='cp1252'"),
    "a line of 2 MB": (b"short\n" * 9 + b"word " * 400_000, {}, "line 10 of .* has 400,000 tokens"),
    "an empty vocabulary": ("\n".join(f"w{i}" for i in range(30)).encode(), {}, "the vocabulary is empty"),
    "no text": (b" \n\n", {}, "holds no text"),
    "a short text": (b"too short", {"window": 64}, "windows of 64 .* give a text of at least 6 tokens"),
    "few windows": (b"a text\n" * 40, {"window": 64}, "windows of 64 .* load it with window=2"),
    "a small window": (b"a text\n" * 9, {"window": 1}, "window=1 must be 2 or more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, name):
    content, options, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as caught:
        simulacra.load_data(written(tmp_path, content), tokens="words", **options)
    assert "\n" not in str(caught.value)


def test_prose_without_tokens_is_refused_with_the_tokens_that_suit_it(tmp_path):
    with pytest.raises(ValueError, match="holds lines of text, not a table: load it with tokens='words'"):
        simulacra.load_data(written(tmp_path, "\n".join(f"{line} {i}th" for i, line in enumerate(LINES))))
    codes = "\n".join(f"x*({chr(97 + i % 26)}+{chr(97 + i % 7)})-{chr(97 + i % 5)}{i}" for i in range(200))
    with pytest.raises(ValueError, match="load it with tokens='characters'"):
        simulacra.load_data(written(tmp_path, codes))


def test_strange_tokens_are_named(caplog):
    model = simulacra.NADE(simulacra.Tokens((5,), 4, ("<end>", "<unknown>", "a", "b"), unknown=1), hidden=2)
    model.log_prob(["aqb"])
    assert "1 of 3 tokens are not in the vocabulary and count as <unknown>: 'q'" in caplog.text
    with pytest.raises(ValueError, match=r"holds only tokens that are not in the vocabulary \('q', 'w'\)"):
        model.log_prob(["qw"])
    with pytest.raises(ValueError, match="has 6 characters, but the model takes up to 5"):
        model.log_prob(["ababab"])
