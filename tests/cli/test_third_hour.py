"""Stumbles of a newcomer's third hour: an interrupt while a graph is traced, classes that a message names."""

import pytest
import torch

import simulacra
from simulacra.cli.options.conditions import typed_condition
from simulacra.core.export import onnx
from simulacra.core.scores.estimate import Estimate, Protocol, check_comparable
from simulacra.core.spaces.classes import Categorical

pytestmark = pytest.mark.fault("doors 2.hour")


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_interrupt_while_a_graph_is_traced_is_an_interrupt(monkeypatch, tmp_path, wrapped):
    def trace(*args, **kwargs):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            words = (
                "argument 'size' failed to unpack the object"
                if wrapped
                else "KeyboardInterrupt: <EMPTY MESSAGE>"
            )
            raise TypeError(words) from (error if wrapped else None)

    monkeypatch.setattr(onnx.torch.export, "export", trace)
    model = simulacra.VAE(simulacra.Binary((4,)), latent=2, hidden=(3,))
    with pytest.raises(KeyboardInterrupt):
        onnx.export_onnx(model, tmp_path / "decode.onnx", "decode")


def test_a_word_that_is_no_class_is_answered_with_the_classes():
    names = tuple(f"object {i}" for i in range(25))
    model = simulacra.VAE(simulacra.Binary((4,)), Categorical((), 25, names), latent=2, hidden=(3,))
    with pytest.raises(ValueError, match=r"there are object 0, object 1, .*, \.\.\. \(25 in all\)"):
        typed_condition(model, "duck")


def test_a_refusal_names_what_is_scored_beside_the_protocols():
    def scored(conditional, split):
        protocol = Protocol("a" * 64, "x", split, "Binary(shape=(4,))", "raw")
        return Estimate(torch.zeros(3), "exact", 4, "sum", {}, protocol, conditional)

    with pytest.raises(ValueError, match=r"log p\(x\) against log p\(x\|c\)"):
        check_comparable(scored(False, "test"), scored(True, "valid"))
