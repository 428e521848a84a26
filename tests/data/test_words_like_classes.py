"""Words of a text that are written like the end or the unknown have one score at every door."""

from __future__ import annotations

import pytest
import torch

import simulacra

ALL = {"validation": 0, "test": 0}
SAID = ["b <unknown> a", "a <end> b", "<end>_ a <end>", "a <unknown>_", "b", "<unknown> <unknown>"]


@pytest.mark.fault("outside 2.5")
@pytest.mark.parametrize("tokens", ["spaces", "words"])
def test_a_text_is_one_row_at_each_door_and_comes_back(tokens, caplog):
    data = simulacra.load_data(SAID * 3, tokens=tokens, **ALL)
    assert data.space.texts(data.train.x) == SAID * 3
    assert torch.equal(data.space.rows(SAID * 3), data.train.x.long())
    assert "not in the vocabulary" not in caplog.text
    assert (data.train.x == data.space.unknown).sum() == 3 * 3
    assert {"<end>_", "<end>__", "<unknown>_"} <= set(data.space.names) and len(set(data.space.names)) == 7
    model = simulacra.FVBN(data.space)
    strings, rows = model.log_prob(SAID), model.log_prob(data.train.x[: len(SAID)])
    assert torch.equal(strings.values, rows.values)


@pytest.mark.fault("outside 2.5")
def test_the_unknown_is_shown_as_it_is_read(caplog):
    space = simulacra.load_data(["a b b", "b a"] * 3, tokens="spaces", **ALL).space
    row = space.rows(["a what b"])
    assert space.texts(row) == ["a <unknown> b"] and "'what'" in caplog.text
    assert torch.equal(space.rows(space.texts(row)), row)
    assert torch.equal(space.rows(["<unknown>"]), torch.tensor([[1, 0, 0]]))


@pytest.mark.fault("outside 2.5")
def test_texts_whose_words_are_all_written_like_the_end_can_be_read():
    said = ["<end>", "<end>_", "<end>__ <end>"]
    data = simulacra.load_data(said * 4, tokens="spaces", least=1, **ALL)
    assert data.space.texts(data.space.rows(said)) == said
    assert set(data.space.lengths(data.train.x).tolist()) == {1, 2}


def test_names_of_your_own_stay_as_they_are():
    space = simulacra.Tokens((3,), 4, (".", "_", "<end>", "__"), unit="spaces")
    row = space.rows(["_ <end> __"])
    assert row.tolist() == [[1, 2, 3]] and space.texts(row) == ["_ <end> __"]
