"""GAN-CLS and GAN-INT: the three kinds of pairs are counted exactly, and samples follow their captions."""

from __future__ import annotations

import pytest
import torch
from captioned_games import SPACE, WORDS, game, nearly, pictures
from torch.nn import functional as F

import simulacra
from simulacra import Categorical, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.captions.joint import rolled
from simulacra.models.adversarial.captions.matching_aware import discriminator_loss, generator_loss, shares
from simulacra.nets.captions.matching import Matching, ranking_loss

pytestmark = pytest.mark.system("G16")
CAPTIONS = ["red disc", "blue disc", "red disc", "blue", "red"]


def scores(net, h, e):
    """s of each picture with each vector of a caption, row by row."""
    return net.judge(h, e).score


@pytest.mark.parametrize("objective", ["non-saturating", "least-squares"])
def test_the_three_kinds_of_pairs_are_counted_exactly(float64, objective):
    net, batch, rng = game(objective=objective), pictures(CAPTIONS), Rng(1, "step", rows=range(5))
    found = discriminator_loss(net, batch, rng)
    e, x = net.matching.of_captions(batch.c), batch.x.double() / 1.5 - 1
    fake = net.G(net.prior(rng), e).tanh()
    shift = 1 + int(rng.permutation("mismatch", 4)[0])
    at = [(i + shift) % 5 for i in range(5)]
    wrong = [i for i in range(5) if CAPTIONS[at[i]] != CAPTIONS[i]]
    real, mismatched, made = scores(net, x, e), scores(net, x, e[at])[wrong], scores(net, fake, e)
    if objective == "least-squares":
        l_x, l_G = (real - 1).square() / 2, lambda s: s.square() / 2
    else:
        l_x, l_G = -real.sigmoid().log(), lambda s: -(1 - s.sigmoid()).log()
    # l_x(s(x, c)) + [l_G(s(x, c~)) + l_G(s(G(z, c), c))] / 2, each a mean over its own pairs
    by_hand = l_x.mean() + (l_G(mismatched).mean() + l_G(made).mean()) / 2
    assert set(found.loss) == {"real", "mismatched", "fake"}
    nearly(sum(term.mean() for term in found.loss.values()), by_hand)
    nearly(found.log["mismatched_right"].mean(), found.log["mismatched_right"][wrong].sum() / 5)


@pytest.mark.parametrize("seed", range(6))
def test_no_row_keeps_its_place_and_equal_captions_are_left_out(float64, seed):
    batch = pictures(CAPTIONS)
    place, differs = rolled(batch, torch.arange(5.0), Rng(seed))
    assert sorted(place.tolist()) == [0, 1, 2, 3, 4] and not (place == torch.arange(5)).any()
    named = [CAPTIONS[int(i)] for i in place]
    assert differs.tolist() == [a != b for a, b in zip(named, CAPTIONS)]
    # the rows 0 and 2 have one caption: the weights of the others are 5 over their number
    weights = shares(differs, torch.float64)
    nearly(weights, torch.where(differs, 5 / differs.sum(), 0.0))


@pytest.mark.parametrize("captions", [["red"], ["blue", "blue", "blue"]])
def test_a_batch_of_one_caption_has_no_mismatched_pairs(float64, captions):
    net, batch = game(), pictures(captions)
    found = discriminator_loss(net, batch, Rng(0, rows=batch.rows)).loss
    assert found["mismatched"].tolist() == [0.0] * len(captions)
    assert all(bool(term.isfinite().all()) for term in found.values())


def test_the_generator_also_fools_between_two_captions(float64):
    batch, rng = pictures(CAPTIONS), Rng(2, "step", rows=range(5))
    for w, b in ((1.0, 0.5), (0.7, 0.25), (0.0, 0.5)):
        net = game(interpolated=w, beta=b)
        found = generator_loss(net, batch, rng).loss
        e = net.matching.of_captions(batch.c)
        nearly(found["loss"], F.softplus(-scores(net, net.generate(net.prior(rng), e), e)))
        if not w:
            assert set(found) == {"loss"}  # GAN-CLS
            continue
        other, _ = rolled(batch, e, rng)
        c = b * e + (1 - b) * other
        made = net.generate(net.prior(rng, "z between"), c)
        nearly(found["between"], w * F.softplus(-scores(net, made, c)))


def test_the_gradient_of_the_generator_is_that_of_differences(float64):
    net, batch, rng = game(interpolated=0.5), pictures(CAPTIONS), Rng(7, rows=range(5))
    weight = net.G.net.stem.weight
    total = lambda: sum(term.mean() for term in generator_loss(net, batch, rng).loss.values())
    (slope,) = torch.autograd.grad(total(), weight)
    with torch.no_grad():
        for i, j in ((0, 0), (3, 2), (11, 4)):
            step = 1e-5
            weight[i, j] += step
            above = total()
            weight[i, j] -= 2 * step
            below = total()
            weight[i, j] += step
            torch.testing.assert_close(slope[i, j], (above - below) / (2 * step), rtol=1e-6, atol=1e-9)


def test_the_game_leaves_the_vectors_of_captions_alone(float64):
    net, batch, rng = game(), pictures(CAPTIONS), Rng(2, rows=range(5))
    assert not net.given(batch.c).requires_grad
    game_stage = net.stage(1, [])
    assert [update.params for update in game_stage.updates] == [("D.",), ("G.",)]
    for loss in (discriminator_loss, generator_loss):
        total = sum(term.sum() for term in loss(net, batch, rng).loss.values())
        slopes = torch.autograd.grad(total, list(net.matching.parameters()), allow_unused=True)
        assert all(slope is None for slope in slopes)


def test_the_joint_embedding_is_a_hinge_over_wrong_answers(float64):
    v, t = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    c = WORDS.rows(CAPTIONS)
    by_hand = []
    for i in range(5):
        wrong = [j for j in range(5) if CAPTIONS[j] != CAPTIONS[i]]
        own = v[i] @ t[i]
        lost = [(1 + v[i] @ t[j] - own).relu() + (1 + v[j] @ t[i] - own).relu() for j in wrong]
        by_hand.append(sum(lost) / len(wrong))
    nearly(ranking_loss(v, t, c), torch.stack(by_hand))
    assert torch.autograd.gradcheck(lambda v, t: ranking_loss(v, t, c), (v, t))


def test_the_vector_of_a_caption_does_not_depend_on_its_padding(float64):
    torch.manual_seed(0)
    short = Matching(SPACE, WORDS, 4, width=3, hidden=5)
    texts = ["red disc", "blue", "red red disc"]
    rows = WORDS.rows(texts)
    padded = torch.cat([rows, torch.zeros(3, 4, dtype=rows.dtype)], 1)
    e = short.of_captions(rows)
    nearly(e[:2], short.of_captions(padded)[:2])
    assert e.shape == (3, 4) and bool((e[0] != e[1]).any())


def test_vectors_are_standardized_on_training_captions(float64):
    torch.manual_seed(0)
    net, c = Matching(SPACE, WORDS, 4, width=3, hidden=5), WORDS.rows(CAPTIONS)
    t = net.of_captions(c)
    net.fit_scale(c)
    nearly(net.vectors(c), (t - t.mean(0)) / t.var(0, correction=0).sqrt())
    net.fit_scale(c[:1])
    nearly(net.vectors(c), t - t[0])  # one caption: nothing varies


def test_samples_have_the_colour_of_their_caption():
    """SYSTEMS' check of this row: pictures all dark or all light, whose captions say which."""
    torch.manual_seed(0)
    rng = Rng(0, "shades", rows=range(200))
    light = rng.uniform("which", 1).squeeze(1) < 0.5
    x = torch.where(light.view(-1, 1, 1, 1), 200.0, 40.0) + 15 * rng.normal("grain", 1, 6, 6)
    c = WORDS.rows(["red" if one else "blue" for one in light.tolist()])
    data = simulacra.from_tensors(
        x.round().clamp(0, 255).byte(), Levels((1, 6, 6), 256), c=c, condition=WORDS, valid=0, test=0.1
    )
    sizes = {"latent": 3, "embedding": 8, "hidden": 8, "short": 4, "channels": 8}
    net = simulacra.GANCLS(data.space, data.condition, lr=4e-3, critic_normalization="none", **sizes)
    how = {"stages": {"matching": 2, "game": 8}, "batch_size": 20, "ema": 0, "validate": False}
    simulacra.fit(net, data, **how, progress=False, doctor=False)
    means = {
        text: net.sample(40, condition=text, seed=1).double().mean((1, 2, 3)) for text in ("red", "blue")
    }
    right = torch.cat([means["red"] > 120, means["blue"] < 120]).double().mean()
    assert right > 0.9


def test_what_is_no_picture_or_no_caption_is_refused():
    with pytest.raises(ValueError, match=r"pictures from their captions.*captions:captions.csv") as refused:
        simulacra.GANCLS(SPACE, Categorical((), 3))
    assert refused.value.suggestions[0].words == ("--data.condition", "captions:captions.csv")
    with pytest.raises(ValueError, match="the condition is none"):
        simulacra.GANCLS(SPACE)
    with pytest.raises(ValueError, match="gan-cls draws pictures, but the space is"):
        simulacra.GANCLS(Real((5,)), WORDS)
    with pytest.raises(ValueError, match="do not halve down"):
        simulacra.GANCLS(Levels((1, 9, 9), 4), WORDS)
    with pytest.raises(ValueError, match=r"interpolated is -1.*interpolated=0"):
        game(interpolated=-1.0)
    with pytest.raises(ValueError, match=r"beta is 1\.5, but a share"):
        game(beta=1.5)


def test_a_text_that_is_empty_unknown_or_too_long_is_told():
    net = game()
    with pytest.raises(ValueError, match=r"condition 1 \(from 0\) is an empty text"):
        net.sample(2, condition=["red", " "])
    with pytest.raises(ValueError, match="only tokens that are not in the vocabulary"):
        net.sample(1, condition="green circle")
    with pytest.raises(ValueError, match="has 4 words, but the model takes up to 3"):
        net.sample(1, condition="red red red disc")
    one, many = net.sample(3, condition="red disc", seed=2), net.sample(3, condition=["red disc"] * 3, seed=2)
    assert torch.equal(one, many)
    rows = Batch.of(torch.zeros(2, 1, 6, 6), WORDS.rows(["red", "blue"]))
    assert net.sample(2, condition=rows.c).shape == (2, 1, 6, 6)
