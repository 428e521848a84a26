"""Trajectories of texts: squares for what is masked, up to the end that is drawn."""

from __future__ import annotations

import torch

import simulacra
from simulacra.data.sources.tensors import from_tensors
from simulacra.exploration.drawing.texts import GAP, unmasked
from simulacra.exploration.pictures.registry import album_of, possible

SPACE = simulacra.Tokens((5,), 3, ("<end>", "a", "b"))


def lines(picture):
    """The words of each panel, a line for each state."""
    return [[line.partition(":  ")[::2] for line in panel.marks[0].words] for panel in picture.panels]


def test_masks_are_squares_and_nothing_stands_behind_an_end():
    x = torch.tensor([[1, 2, 1, 0, 0], [2, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    drawn = torch.tensor([[1, 0, 1, 1, 1], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).bool()
    picture = unmasked(SPACE, [list(zip(x, drawn))], ["0", "3", "5"], "three")
    assert lines(picture) == [[("0", f"a{GAP}a"), ("3", f"b{4 * GAP}"), ("5", "(empty)")]]


def test_a_model_of_texts_has_the_picture_and_it_ends_with_its_draws():
    model = simulacra.MaskedDiffusion(SPACE, layers=1, heads=1, width=3)
    data = from_tensors(torch.ones(20, 5, dtype=torch.uint8), SPACE, "texts")
    kinds = {kind.name: kind for kind in possible(album_of(model, data, 0, []))}
    found = lines(kinds["trajectory"].draw(album_of(model, data, 0, [])))
    # states after 0, 2, 4 and 5 steps, or nearby, of two texts
    assert len(found) == 2
    for way in found:
        assert way[0] == ("0", 5 * GAP) and way[-1][0] == "5"
        end = way[-1][1]
        assert GAP not in end and ({*end} <= {*"ab"} or end == "(empty)")
