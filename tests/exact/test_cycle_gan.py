"""CycleGAN: its losses by hand, the way back of inverse maps, streams of both domains, and refusals."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from simulacra import Audio, Categorical, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.unpaired.losses import players_loss, translators_loss

pytestmark = pytest.mark.system("G29")
X, TWO = Levels((2, 5, 7), 9), Categorical((), 2, ("horse", "zebra"))


def model(space=X, condition=TWO, **more):
    return simulacra.CycleGAN(space, condition, **{"channels": 2, "patch": 1, **more}).double()


class Times(nn.Module):
    """Multiplies by a number."""

    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, h):
        return self.k * h


@pytest.fixture
def batch(float64):
    rng = Rng(5, "rows", rows=range(3))
    a, b = ((rng.uniform(name, 2, 5, 7) * 9).long() for name in "ab")
    made = Batch.of(torch.cat([a, b]))
    # streams of different size
    made.extra = {"A": Batch.of(a), "B": Batch.of(b[:2])}
    return made


def nearly(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_both_losses_by_hand(batch):
    net, rng = model(adversarial=3.0, cycle=7.0, identity=5.0), Rng(1, rows=range(3))
    a, b = (batch.extra[k].x.double() / 4 - 1 for k in "AB")  # levels from -1 to 1
    lead = lambda F, h: F.net(h.new_zeros(len(h), 0), h).tanh()
    score = lambda D, h: D.critic.score(D.critic.body(h)).flatten(1)
    of_D, of_G = players_loss(net, batch, rng).loss, translators_loss(net, batch, rng).loss
    nearly(of_D["real A"], (score(net.D_A, a) - 1).square().mean(1) / 2)
    nearly(of_D["fake A"], score(net.D_A, lead(net.G, b)).square().mean(1) / 2)
    nearly(of_D["real B"], (score(net.D_B, b) - 1).square().mean(1) / 2)
    nearly(of_D["fake B"], score(net.D_B, lead(net.F, a)).square().mean(1) / 2)
    mean = lambda t: t.abs().flatten(1).mean(1)
    nearly(of_G["game A"], 3 * (score(net.D_B, lead(net.F, a)) - 1).square().mean(1) / 2)
    nearly(of_G["game B"], 3 * (score(net.D_A, lead(net.G, b)) - 1).square().mean(1) / 2)
    nearly(of_G["cycle A"], 7 * mean(lead(net.G, lead(net.F, a)) - a))
    nearly(of_G["cycle B"], 7 * mean(lead(net.F, lead(net.G, b)) - b))
    nearly(of_G["identity A"], 5 * mean(lead(net.G, a) - a))
    nearly(of_G["identity B"], 5 * mean(lead(net.F, b) - b))
    assert [*map(len, of_G.values())] == [3, 3, 3, 2, 2, 2]


def test_each_term_is_weighed_by_the_rows_of_its_stream(batch):
    net = model()
    for update, loss in zip(net.updates(), (players_loss, translators_loss)):
        terms = loss(net, batch, Rng(0, rows=range(3))).loss
        assert set(terms) == set(update.weights)
        for name, term in terms.items():
            assert update.weights[name](batch).tolist() == [1.0] * len(term)


def test_the_cycle_is_exactly_0_for_inverse_maps(batch):
    net = model(identity=0.0)
    net.F, net.G = Times(-2.0), Times(-0.5)
    terms = translators_loss(net, batch, Rng(0, rows=range(3))).loss
    assert not bool(terms["cycle A"].any()) and not bool(terms["cycle B"].any())
    net.G = Times(-0.25)
    a = batch.extra["A"].x.double() / 4 - 1
    nearly(translators_loss(net, batch, Rng(0)).loss["cycle A"], 10 * a.abs().flatten(1).mean(1) / 2)


def test_there_and_back_is_the_row_itself_for_inverse_maps(batch):
    net = model()
    net.F, net.G = Times(-1.0), Times(-1.0)
    x = batch.x.byte()
    there = net.translate(x, "zebra")
    assert torch.equal(there, 8 - x) and torch.equal(net.translate(there, "horse"), x)


def test_each_row_goes_to_its_own_target(batch):
    net, x = model(), batch.x.byte()
    to = torch.tensor([0, 1, 1, 0, 1, 0])
    both = net.translate(x, to)
    for k, name in enumerate(TWO.names):
        assert torch.equal(both[to == k], net.translate(x, name)[to == k])
        assert torch.equal(both[to == k], net.translate(x[to == k], k))


def test_streams_hold_the_rows_of_their_domain():
    kind = (torch.arange(53) % 9 == 0).long()
    data = simulacra.from_tensors(torch.zeros(53, 2, 5, 7).byte(), X, c=kind, condition=TWO, test=0.0)
    net = simulacra.CycleGAN(data.space, data.condition, channels=2, rows=7)
    streams = net.stage(0, []).streams(data.train)
    y = data.train.c
    for k, name in enumerate("AB"):
        rows = streams[name].source
        assert torch.equal(rows.index, (y == k).nonzero()[:, 0])
        assert streams[name].batch_size == min(7, int((y == k).sum()))
        assert rows.batch(torch.arange(len(rows)), Rng(0)).c.unique().tolist() == [k]


def test_an_empty_domain_is_named():
    x = torch.zeros(20, 2, 5, 7).byte()
    data = simulacra.from_tensors(x, X, c=torch.zeros(20).long(), condition=TWO)
    with pytest.raises(ValueError, match="the domain zebra has no training row"):
        simulacra.fit(simulacra.CycleGAN(data.space, data.condition, channels=2), data, epochs=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((X, None), "needs a label for each row that names its domain"),
        ((X, Categorical((), 3, ("cat", "dog", "cow"))), "condition='domain:cat,dog'"),
        ((X, Categorical((), 1, ("cat",))), "all rows are of the class cat"),
        ((X, Categorical((3,), 2)), "one label for each row"),
        ((Real((3,)), TWO), "leads images, waves or volumes"),
        ((Categorical((), 5), TWO), "gradients"),
    ],
)
def test_other_data_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        simulacra.CycleGAN(*arguments, channels=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cycle": -1.0}, "cycle is -1.0"),
        ({"adversarial": 0.0}, "would learn to copy"),
        ({"rows": 0}, "at least 1 row"),
        ({"network": "additive"}, "network='residual'"),
        ({"halvings": 9}, "can be halved"),
    ],
)
def test_options_out_of_range_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        model(**given)


def test_a_target_that_is_none_is_refused():
    with pytest.raises(ValueError, match="horse, zebra"):
        model().translate(torch.zeros(1, 2, 5, 7).byte())
    with pytest.raises(ValueError, match="cow"):
        model().translate(torch.zeros(1, 2, 5, 7).byte(), "cow")


def test_recordings_shorter_than_half_a_window_are_refused():
    with pytest.raises(ValueError, match="smaller window"):
        simulacra.CycleGAN(Audio((40,)), TWO, channels=2)


def test_refusals_carry_their_suggestion():
    with pytest.raises(Refusal) as found:
        model(condition=Categorical((), 4))
    assert found.value.suggestions[0].options == (("condition", "domain:0,1"),)
