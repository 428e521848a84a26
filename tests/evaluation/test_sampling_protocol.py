"""Scores of samples that were drawn with other options than the model's own never stand for the model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.capabilities.sampling import chosen, drawing_with, present_unlike
from simulacra.core.scores.estimate import Protocol
from simulacra.evaluation.report import read_report
from simulacra.evaluation.rows import samples_like

pytestmark = pytest.mark.fault("wider.b")


@pytest.fixture(scope="module")
def ring():
    return simulacra.load_data("ring")


def gan(ring, seed=0):
    return simulacra.GAN(ring.space, latent=3, hidden=(5,), normalization="none", seed=seed).eval()


def scored(model, data, **how):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    options = {"samples": 100, "extractor": net, "budget": None, "limit": 200}
    return simulacra.evaluate(model, data, **options, **({"sampling": how} if how else {}))


def test_compare_keeps_them_apart(ring, tmp_path):
    one, other = gan(ring), gan(ring, seed=1)
    plain, second = scored(one, ring), scored(other, ring)
    near, near2 = scored(one, ring, truncation=0.3), scored(other, ring, truncation=0.3)
    assert plain.protocol.sampling == "" and near.protocol.sampling == "truncation=0.3"
    assert plain.quality.model != near.quality.model and plain.quality.reference == near.quality.reference
    alike = {t.first.kind for t in simulacra.compare(one=plain, other=second).tables}
    assert "samples" in alike
    table = next(t for t in simulacra.compare(one=near, other=near2).tables if t.first.kind == "samples")
    assert "drawn with truncation=0.3" in table.title
    with pytest.raises(
        ValueError, match=r"(?s)sampling: None against truncation=0\.3.*same options of drawing"
    ):
        simulacra.compare(one=plain, other=near2)
    near.write(tmp_path)
    again = read_report(tmp_path)
    assert again.protocol == near.protocol and again.asked["sampling"] == {"truncation": 0.3}


def test_the_models_own_options_by_name_are_the_model(ring):
    model = simulacra.RBM(simulacra.Binary((3,)), hidden=2, burn_in=7)
    with drawing_with(model, {"burn_in": 7}) as unlike:
        assert unlike == {} and present_unlike(model) == {}
    with drawing_with(model, {"burn_in": 3}) as unlike:
        assert unlike == {"burn_in": 3} == present_unlike(model)
        assert torch.equal(model.sample(4, seed=0), simulacra.RBM.sample(model, 4, seed=0, burn_in=3))
        # given options win
        assert chosen(model, {"burn_in": 9}).burn_in == 9
    assert present_unlike(model) == {} and chosen(model, {}).burn_in == 7
    model = gan(ring)
    with drawing_with(model, {"truncation": 0.2}):
        inside = samples_like(model, ring.test, 20, 1)
    assert torch.equal(inside, model.sample(20, seed=1, truncation=0.2))


def test_protocols_of_the_model_have_the_digest_of_before():
    """An entry that is empty is in no digest and in no file."""
    plain = Protocol("d", "ring", "test", "Real(shape=(2,))", "raw")
    assert "sampling" not in plain.json() and plain.digest == "e377b8e350c8bf22"
    other = Protocol("d", "ring", "test", "Real(shape=(2,))", "raw", "burn_in=3")
    assert plain != other and plain.digest != other.digest and other.json()["sampling"] == "burn_in=3"
    assert set(plain.differences(other)) == {"sampling"}


def test_what_a_model_cannot_be_asked(ring):
    with pytest.raises(ValueError, match=r"sample takes no truncatoin=; did you mean truncation="):
        scored(gan(ring), ring, truncatoin=0.3)
    data = ring
    pca = simulacra.PCA(data.space, latent=1)
    with pytest.raises(ValueError, match=r"PCA cannot do sample\(\)"):
        simulacra.evaluate(pca, data, sampling={"truncation": 0.3})
