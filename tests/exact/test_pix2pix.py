"""pix2pix: its loss by hand, what the discriminator sees, both limits, and what the condition must be."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Audio, Categorical, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.losses import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.objectives import optimal_discriminator, value

pytestmark = pytest.mark.system("G18")
X, C = Levels((3, 7, 9), 5), Levels((1, 7, 9), 3)


def model(space=X, condition=C, **more):
    return simulacra.Pix2Pix(space, condition, **{"channels": 2, "patch": 1, **more}).double()


@pytest.fixture
def batch(float64):
    rng = Rng(5, "rows", rows=range(3))
    level = lambda name, n, *shape: (rng.uniform(name, *shape) * n).long()
    return Batch.of(level("x", 5, 3, 7, 9), level("c", 3, 1, 7, 9))


def nearly(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("objective", ["non-saturating", "least-squares"])
def test_both_losses_by_hand(batch, objective):
    net, rng = model(objective=objective, l1=7.0), Rng(1, "step", rows=batch.rows)
    x, c = batch.x.double() / 2 - 1, batch.c.double() - 1  # levels from -1 to 1
    made = net.G(net.prior(rng), c).tanh()
    scores = lambda h: net.D.critic.score(net.D.critic.body(torch.cat([h, c], 1))).flatten(1)
    if objective == "least-squares":
        of_D = (scores(x) - 1).square() / 2, scores(made).square() / 2
        of_G = (scores(made) - 1).square() / 2
    else:
        of_D = -scores(x).sigmoid().log(), -(1 - scores(made).sigmoid()).log()
        of_G = -scores(made).sigmoid().log()
    found, fooled = discriminator_loss(net, batch, rng).loss, generator_loss(net, batch, rng).loss
    nearly(found["real"], of_D[0].mean(1))
    nearly(found["fake"], of_D[1].mean(1))
    nearly(fooled["loss"], of_G.mean(1))
    nearly(fooled["l1"], 7 * (x - made).abs().mean((1, 2, 3)))


def test_the_discriminator_sees_the_condition_unless_told_not_to(batch):
    other = batch.c.flip(0)
    for sees in (True, False):
        net = model(sees_condition=sees)
        same = torch.equal(net.critic_score(batch.x, batch.c), net.critic_score(batch.x, other))
        assert same == (not sees)


def test_only_a_discriminator_that_sees_the_condition_notices_a_wrong_pair(float64):
    """c is a fair coin and x = c, but G draws 1 - c: photos are right, pairs are all wrong."""
    pairs, wrong = torch.eye(2) / 2, torch.eye(2).flip(1) / 2
    photos = [joint.sum(0) for joint in (pairs, wrong)]
    alone = value(*photos, optimal_discriminator(*photos))
    both = value(pairs.flatten(), wrong.flatten(), optimal_discriminator(pairs, wrong).flatten())
    nearly(alone, -torch.tensor(4.0).log())  # the equilibrium: nothing is left to learn
    nearly(both, torch.tensor(0.0))  # told apart for sure: -log 4 + 2 JSD with JSD = log 2


def test_the_distance_alone_is_least_at_a_blur(float64):
    """Half the photos of one condition have a pixel of 1, half of -1: anything between costs the same, which
    is the least, and the squared error is least at the grey mean."""
    grey = torch.linspace(-1.5, 1.5, 13)
    costs = ((grey - 1).abs() + (grey + 1).abs()) / 2
    assert torch.equal(costs == costs.min(), grey.abs() <= 1)
    assert int(((grey - 1).square() + (grey + 1).square()).argmin()) == 6


def test_limits_of_the_weights(batch):
    alone, game = model(adversarial=0.0, latent=0), model(l1=0.0)
    rng = Rng(1, rows=batch.rows)
    assert alone.D is None
    assert [u.name for u in alone.updates()] == ["G"]
    assert set(generator_loss(alone, batch, rng).loss) == {"l1"}
    assert set(generator_loss(game, batch, rng).loss) == {"loss"}
    assert [u.name for u in game.updates()] == ["D", "G"]
    with pytest.raises(ValueError, match="and not both 0: use l1=100"):
        model(adversarial=0.0, l1=0.0)


@pytest.mark.parametrize(("latent", "differ"), [(0, False), (2, True)])
def test_draws_differ_by_noise_alone(batch, latent, differ):
    net = model(Real((3, 7, 9)), latent=latent)
    c = batch.c[:1].expand(3, -1, -1, -1)
    a, b = (net.sample(3, condition=c, seed=s) for s in (0, 1))
    assert torch.equal(a, b) != differ
    assert torch.allclose(a[0], a[1]) != differ


@pytest.mark.parametrize(
    ("space", "condition"),
    [
        (Audio((21,), 8000), Audio((21,), 8000)),
        (Audio((20,), 8000), Audio((10,), 8000)),
        (Real((1, 5, 6, 7)), Real((2, 5, 6, 7))),
        (Levels((1, 6, 8), 4), Levels((4, 1, 6, 8), 4)),
        (Levels((3, 8, 8), 4), Levels((3, 4, 4), 4)),
        (Levels((3, 8, 8), 4), Categorical((8, 8), 3)),
    ],
)
def test_waves_volumes_frames_other_sizes_and_label_maps(space, condition):
    net = simulacra.Pix2Pix(space, condition, channels=2, latent=1)
    c = torch.zeros(2, *condition.shape)
    x = net.sample(2, condition=c)
    assert x.shape == (2, *space.shape)
    assert net.critic_score(x, c).shape == (2,)
    assert net.represent(x, c).shape[0] == 2


def test_a_condition_that_is_no_observation_is_refused():
    for wrong in (None, Categorical((), 3), Real((3,))):
        with pytest.raises(Refusal, match=r"pix2pix makes an image.*condition='right'") as refused:
            simulacra.Pix2Pix(X, wrong)
        assert refused.value.suggestions[1].words == ("--data.condition", "edges")
    with pytest.raises(ValueError, match="as many sides as x"):
        simulacra.Pix2Pix(X, Audio((100,)))
    with pytest.raises(ValueError, match="draws images, waves or volumes"):
        simulacra.Pix2Pix(Real((3,)), C)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"network": "dcgan"}, "network is 'dcgan', but it must be 'unet', 'encoder-decoder' or 'residual'"),
        ({"normalization": "virtual"}, "normalization is 'virtual', but it must be 'instance'"),
        ({"halvings": 9}, "halvings is 9, but 7x9 can be halved 1 to 4 times"),
        ({"patch": 70}, "patch is 70.*take patch=16"),
    ],
)
def test_unknown_options_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        model(**wrong)


def test_an_image_condition_costs_thousands_of_weights_not_millions():
    image = Levels((3, 64, 64), 256)
    with torch.device("meta"):
        net = simulacra.Pix2Pix(image, image, channels=8)
    assert sum(p.numel() for p in net.parameters()) < 105_000
