"""Pictures of models of texts: ways between codes, a text on each line."""

from __future__ import annotations

import torch

import simulacra
from simulacra.exploration.drawing.marks import Lines
from simulacra.exploration.latent.interpolation import decoded, path
from simulacra.exploration.pictures import figures
from simulacra.exploration.pictures.registry import album_of, chosen


def album():
    """A sentence VAE of two numbers, and texts."""
    data = simulacra.load_data(["a man", "a dog runs", "two dogs", "a man runs"] * 9, tokens="spaces")
    model = simulacra.SentenceVAE(data.space, latent=2, hidden=5, width=3, seed=1)
    torch.manual_seed(0)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=1.0)
    return album_of(model, data, 0, [])


@torch.no_grad()
def test_ways_between_codes_are_decoded_texts_and_show_no_rows_of_the_data():
    found = album()
    kind = chosen(found, "interpolations", {})
    assert not kind.private(found)
    panels = kind.draw(found).panels
    assert [panel.title for panel in panels] == ["way 1", "way 2", "way 3"]
    first, last = figures._far_apart(found.codes("ends", 18).cpu(), 3)
    texts = found.model.text(decoded(found.model, path(first, last, 7, "slerp")).flatten(0, 1))
    shown = [words for panel in panels for mark in panel.marks for words in mark.words]
    assert all(isinstance(mark, Lines) for panel in panels for mark in panel.marks)
    assert shown == [text or "(empty)" for text in texts] and len(set(shown)) > 1
