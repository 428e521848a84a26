"""Texts through training, scores, storage and graphs."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import simulacra
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.spaces.composite import space_from
from simulacra.core.spaces.tokens import Tokens
from simulacra.evaluation.samples.by_chance import by_chance
from simulacra.evaluation.samples.memorization import memorization
from simulacra.evaluation.samples.nearest import nearest

NAMES = ("<end>", "<unknown>", "a", "b")


def texts(n: int = 203, steps: int = 6) -> simulacra.Dataset:
    """Texts of a and b of all lengths below `steps`."""
    g = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, steps, (n, 1), generator=g)
    x = torch.randint(2, 4, (n, steps), generator=g)
    x = torch.where(torch.arange(steps) < lengths, x, 0).to(torch.uint8)
    return simulacra.from_tensors(x, Tokens((steps,), 4, NAMES, unknown=1))


def test_bits_and_perplexity_are_those_of_a_counted_token():
    data = texts()
    score = simulacra.NADE(data.space, hidden=2).log_prob(data.train.x)
    tokens = int((data.train.x != 0).sum()) + len(data.train)  # every text has an end
    assert score.dims * len(data.train) == pytest.approx(tokens, abs=1e-6)
    assert score.perplexity == pytest.approx(float((-score.values.sum() / tokens).exp()))
    assert f"perplexity {score.perplexity:.4g}" in str(score)
    assert score.summary()["per"] == "token"


def test_a_space_of_texts_is_stored_with_its_tokens(tmp_path):
    model = simulacra.NADE(texts().space, hidden=2)
    model.save(tmp_path / "m.safetensors")
    again = simulacra.load(tmp_path / "m.safetensors")
    assert again.space == model.space == space_from(model.space.spec())
    assert again.text(again.sample(5, seed=0)) == model.text(model.sample(5, seed=0))


@pytest.mark.thorough
def test_a_trained_model_comes_near_the_entropy_of_the_texts(tmp_path):
    data = texts()
    model = simulacra.MADE(data.space, hidden=(9,))
    run = simulacra.fit(model, data, epochs=40, lr=0.02, out=tmp_path / "run")
    report = simulacra.evaluate(run)
    # lengths 1 to 5 and letters a, b: log 5 + 3 log 2 = 3.69 nats
    assert report.likelihood.mean > -5
    assert report.likelihood.per == "token"


@pytest.mark.parametrize("steps", [6, 50])
def test_only_equal_texts_have_distance_zero(steps):
    space = Tokens((steps,), 4, NAMES, unknown=1)
    # the same n-grams of up to three tokens
    x = space.rows(["abaaba"[:steps], "ab", "ba", "", "aab", "aba", "baa"])
    f = space.compact(x, torch.float64)
    apart = torch.cdist(f, f, compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.equal(apart == 0, torch.eye(len(x), dtype=torch.bool))
    assert torch.equal(f, space.compact(x.to(torch.uint8), torch.float64))


def test_texts_with_the_same_n_grams_are_told_apart():
    space = Tokens((9,), 5, ("<end>", "x", "+", "1", "2"))
    x = space.rows(["x+1+x+2+x", "x+2+x+1+x"])
    f = space.compact(x)
    assert torch.equal(f[0, :256], f[1, :256])
    assert float(nearest(f[:1], f[1:])[0]) > 0


def test_hashed_distances_are_those_of_n_grams_on_average():
    space = Tokens((400,), 1000)
    g = torch.Generator().manual_seed(1)
    x = torch.randint(1, 1000, (60, 400), generator=g)
    f = space.compact(x, torch.float64)
    squared = torch.cdist(f, f).square()[~torch.eye(60, dtype=torch.bool)]
    # nearly all of 400 + 399 + 398 n-grams of two texts differ
    assert squared.mean() == pytest.approx(2 * 1197, rel=0.05)


def test_memory_of_distances_does_not_grow_with_the_vocabulary():
    few, many = Tokens((2000,), 5), Tokens((2000,), 100_000)
    x = torch.randint(1, 5, (3, 2000), generator=torch.Generator().manual_seed(0))
    assert few.compact(x).shape == many.compact(x).shape == (3, 260)


def test_short_texts_that_repeat_by_chance_are_no_copies():
    data = texts(403)
    short, long = torch.tensor([[2, 0, 0, 0, 0, 0]]), torch.full((1, 6), 2)
    space = Tokens((40,), 26)
    wide = simulacra.from_tensors(torch.randint(1, 26, (403, 40)), space)
    assert by_chance(data, torch.cat([short, long])).tolist() == [True, True]
    assert by_chance(wide, wide.train.x[:2]).tolist() == [False, False]
    found = memorization(simulacra.NADE(data.space, hidden=2), data, n=200)
    assert int(found.flagged.sum()) == 0
    assert not found.copies


def test_copies_of_long_texts_are_found():
    rows = torch.randint(1, 26, (403, 40), generator=torch.Generator().manual_seed(2))
    data = simulacra.from_tensors(rows, Tokens((40,), 26))
    model = simulacra.MADE(data.space, hidden=(2,))
    found = memorization(model, data, n=200, drawn=data.train.x[torch.arange(200)].long())
    assert int(found.flagged.sum()) == 200
    assert found.copies


@pytest.mark.parametrize("name", ["EoNADE", "NADEK", "Tabular"])
def test_models_of_any_order_refuse_texts(name):
    with pytest.raises(ValueError, match="texts end in one only"):
        getattr(simulacra, name)(texts().space)


def test_another_order_is_refused():
    with pytest.raises(ValueError, match="leave order= out"):
        simulacra.NADE(texts().space, hidden=2, order=(1, 0, 2, 3, 4, 5))


def test_rows_that_go_on_behind_their_end_are_refused():
    with pytest.raises(ValueError, match=r"row 1 of x \(from 0\) goes on behind its end"):
        simulacra.NADE(texts().space, hidden=2).log_prob([[2, 0, 0, 0, 0, 0], [2, 0, 3, 0, 0, 0]])


def test_gaps_are_refused_by_a_model_that_draws_all_tokens_at_once():
    model = simulacra.VAE(texts().space, latent=1, hidden=(3,))
    assert model.text(model.complete(["ab"], seed=0))[0].startswith("ab")
    with pytest.raises(ValueError, match="known has gaps before known tokens"):
        model.complete([[2, 0, 3, 0, 0, 0]], known=[True, False, True, False, False, False])


def test_a_head_of_a_sequence_is_that_of_its_steps(float64):
    space = simulacra.Sequence((3,), of=simulacra.Categorical((2,), 4))
    head = likelihood_head(space, stepwise=True)
    parameters = torch.randn(5, *head.output)
    p, one = head.build(parameters), likelihood_head(space.of)
    x = torch.randint(0, 4, (5, 3, 2))
    known = space.valid(torch.tensor([1, 2, 3, 3, 2]))
    steps = torch.stack([one.build(parameters[:, t]).log_prob(x[:, t]) for t in range(3)], 1)
    assert torch.allclose(p.steps(x), steps)
    assert torch.allclose(p.log_prob(x, known), torch.where(known[..., 0], steps, 0.0).sum(1))
    with pytest.raises(ValueError, match="no distribution fits"):
        likelihood_head(space)


@pytest.mark.thorough
def test_graphs_of_texts_give_what_the_model_gives(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = simulacra.WaveNet(texts().space, blocks=1, layers=2, channels=3, skip_channels=4)
    path = simulacra.export_onnx(model, tmp_path / "m.onnx", "logits")
    x = texts().train.x[:7].float()
    found = onnxruntime.InferenceSession(str(path)).run(None, {"x": x.numpy()})[0]
    assert torch.allclose(torch.from_numpy(found), model.parameters_of(x), atol=1e-5)


def test_a_space_of_texts_checks_its_arguments():
    for wrong in ({"shape": (2, 3)}, {"shape": (3,), "end": 4}, {"shape": (3,), "names": ("a", "b")}):
        with pytest.raises(ValueError, match=r"tokens|names"):
            Tokens(**{"classes": 4, **wrong})
    assert dataclasses.replace(texts().space, shape=()).shape == ()
