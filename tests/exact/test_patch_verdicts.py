"""Games whose discriminator scores patches, that have further terms, or no noise or no discriminator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import Decodes, HasCritic, HasDiagnostics, HasFeatures, HasPrior
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.objectives import OBJECTIVES, by_row
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game

pytestmark = pytest.mark.system("G18")
SIDES = (3, 5)


class Patches(nn.Module):
    """A score of each pixel: a 1x1 convolution."""

    def __init__(self):
        super().__init__()
        self.w = nn.Conv2d(1, 1, 1)

    def forward(self, h, c=None):
        return Verdict(self.w(h).squeeze(1), h)


class Shift(nn.Module):
    """G(z, c) = c + a + mean z, where there is noise."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.3))

    def forward(self, z, c=None):
        own = z.mean(1) if z.shape[1] else z.sum(1)
        return c + self.a + own.view(-1, 1, 1, 1)


class Toy(Game):
    """A game of images given images."""

    spatial = True

    def __init__(self, objective="least-squares", latent=2, adversarial=1.0, l1=0.0, stabilizers=None):
        image = simulacra.Real((1, *SIDES))
        goal, cures = OBJECTIVES[objective], stabilizers or Stabilizers()
        super().__init__(image, image, Shift(), Patches(), latent, goal, cures, Play(), adversarial)
        self.l1 = l1

    def also(self, batch, fake, rng):
        return {"l1": self.l1 * by_row((self.seen(batch.x) - fake).abs())} if self.l1 else {}


@pytest.fixture
def batch(float64):
    rng = Rng(3, "rows", rows=range(7))
    return Batch.of(rng.normal("x", 1, *SIDES), rng.normal("c", 1, *SIDES))


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_the_objective_is_averaged_after_it_is_applied_to_each_patch(batch, objective):
    model, rng = Toy(objective), Rng(1, "step", rows=batch.rows)
    goal, c = model.objective, model.given(batch.c)
    fake = model.generate(model.prior(rng), c)
    real_scores, fake_scores = (model.D(h).score for h in (batch.x, fake))
    of_D, of_G = discriminator_loss(model, batch, rng), generator_loss(model, batch, rng)
    mean = lambda f, s: torch.stack([f(s[:, i, j]) for i in range(3) for j in range(5)]).mean(0)
    of_pairs = {"pairs": mean(goal.real, real_scores - fake_scores)}
    of_scores = {"real": mean(goal.real, real_scores), "fake": mean(goal.fake, fake_scores)}
    torch.testing.assert_close(of_D.loss, of_pairs if goal.pairs else of_scores)
    torch.testing.assert_close(
        of_G.loss["loss"], mean(goal.generator, fake_scores - real_scores * goal.pairs)
    )
    assert of_D.log["accuracy"].shape == (7,)
    assert set(model.diagnostics(batch.x, rng, batch.c)) == {"accuracy", "gradient", "diversity"}
    assert model.critic_score(batch.x, batch.c).shape == (7,)


def test_labels_are_flipped_for_all_patches_of_a_row(batch):
    model, rng = Toy(stabilizers=Stabilizers(flips=0.4)), Rng(1, "step", rows=batch.rows)
    turn = rng.uniform("flip real", dtype=torch.float64) < 0.4
    assert 0 < int(turn.sum()) < 7
    s, goal = model.D(batch.x).score, model.objective
    expected = torch.where(turn, by_row(goal.fake(s)), by_row(goal.real(s)))
    torch.testing.assert_close(discriminator_loss(model, batch, rng).loss["real"], expected)


def test_the_gradient_penalty_is_that_of_the_mean_score(batch):
    model = Toy("wasserstein", stabilizers=Stabilizers(gradient_penalty=10.0))
    w = model.D.w.weight.detach().squeeze()
    # the gradient of the mean of w x over n pixels has the norm |w| / sqrt(n)
    expected = 10 * (w.abs() / 15**0.5 - 1).square()
    found = discriminator_loss(model, batch, Rng(1, rows=batch.rows)).loss["penalty"]
    torch.testing.assert_close(found.detach(), expected.expand(7))


def test_weights_and_further_terms_of_the_generator(batch):
    rng = Rng(1, "step", rows=batch.rows)
    whole, light = Toy(seed=4), Toy(adversarial=0.25, l1=3.0, seed=4)
    of_whole, of_light = (generator_loss(model, batch, rng).loss for model in (whole, light))
    torch.testing.assert_close(of_light["loss"], of_whole["loss"] / 4)
    fake = light.generate(light.prior(rng), batch.c)
    torch.testing.assert_close(of_light["l1"], 3 * (batch.x - fake).abs().mean((1, 2, 3)))
    assert set(of_whole) == {"loss"}


def test_without_a_discriminator_the_further_terms_are_the_whole_loss(batch):
    model = Toy(adversarial=0.0, l1=1.0)
    assert [update.name for update in model.updates()] == ["G"]
    assert set(generator_loss(model, batch, Rng(1, rows=batch.rows)).loss) == {"l1"}
    assert not any(map(model.supports, (HasCritic, HasDiagnostics, HasFeatures)))
    assert not any(name.startswith("D.") for name in model.state_dict())
    with pytest.raises(ValueError, match=r"adversarial is -1\.0.*negative"):
        Toy(adversarial=-1.0)


def test_without_noise_draws_are_a_function_of_the_condition(batch):
    model = Toy(latent=0)
    assert model.prior(Rng(1, rows=range(7))).shape == (7, 0)
    torch.testing.assert_close(model.draw(Rng(1, rows=range(7)), batch.c), batch.c + 0.3)
    assert not model.supports(HasPrior)
    assert not model.supports(Decodes)
    with pytest.raises(ValueError, match="no noise"):
        model.truncated(Rng(1, rows=range(7)), 0.5)


def test_a_condition_of_levels_is_scaled_as_the_discriminator_sees_images():
    class Levelled(Toy):
        """The same on levels."""

        def __init__(self):
            super().__init__()
            self.condition = simulacra.Levels((1, *SIDES), 3)

    c = torch.tensor([0, 1, 2]).view(1, 1, 3, 1).expand(1, 1, 3, 5)
    assert Levelled().given(c)[0, 0, :, 0].tolist() == [-1.0, 0.0, 1.0]
