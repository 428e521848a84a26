"""Pictures of a model whose samples are training rows are private, and the doctor knows of the intention."""

from __future__ import annotations

import torch

import simulacra
from simulacra.core.spaces.plain import Levels
from simulacra.evaluation.doctor.advice import Setting, setting_of
from simulacra.evaluation.doctor.checks.copies import copying
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import MEMORIZATION
from simulacra.evaluation.samples.memorization import Memorization
from simulacra.exploration.pictures.registry import album_of, possible
from simulacra.training.callbacks.looks import shows_rows

SPACE = Levels((1, 5, 5), 9)


def memorizer(codes: str):
    """An untrained memorizer of small images."""
    return simulacra.Memorizer(SPACE, codes, rows=7, latent=2, hidden=(3,))


def test_pictures_of_samples_are_private_where_these_are_rows():
    x = torch.randint(0, 9, (9, *SPACE.shape))
    data = simulacra.from_tensors(x, SPACE)
    for codes, private in (("one-hot", True), ("learned", False)):
        model = memorizer(codes)
        model.preprocessing = data.preprocessing
        album = album_of(model, data, 0, [])
        kinds = {kind.name: kind.private(album) for kind in possible(album)}
        assert shows_rows(model) == kinds["samples"] == kinds["interpolations"] == private
        assert kinds["inversions"] and kinds["neighbours"] and not kinds["dimension"]
    ones = memorizer("ones")
    ones.preprocessing = data.preprocessing
    assert not shows_rows(ones)
    assert {kind.name for kind in possible(album_of(ones, data, 0, []))} == {"inversions"}


def test_the_doctor_notes_copies_that_are_intended_and_warns_of_others():
    near, far = torch.zeros(200), torch.linspace(1, 2, 50)
    copied = Memorization(near, torch.arange(200) % 40, far, 1 + near, torch.arange(200) % 50, 40)
    said = {}
    for codes in ("one-hot", "learned"):
        facts: Setting = setting_of(memorizer(codes), None)
        said[codes] = copying(Evidence.of({MEMORIZATION: copied, SETTING: facts}))
    assert said["one-hot"].severity == "note" and "as this model intends" in said["one-hot"].meaning
    assert said["learned"].severity == "warning" and said["learned"].meaning == "the model copies"
