"""Copies are found, fair models are not accused."""

import numpy as np
import pytest
import scipy
import torch

import simulacra
from simulacra.core.capabilities.general import Samples
from simulacra.core.model import Model
from simulacra.evaluation.samples.memorization import Memorization, memorization
from simulacra.evaluation.samples.nearest import nearest


class Given(Model, Samples):
    """Samples out of a list of rows."""

    def __init__(self, space, rows):
        super().__init__(space)
        self.register_buffer("rows", rows)

    def draw(self, rng, c=None):
        """Row i is the i-th of the list."""
        return self.rows[rng.rows.start : rng.rows.stop]


def mixture(n, d=6, seed=0, noise=0.3):
    """Points near eight centres."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(8, d, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    which = torch.randint(0, 8, (n,), generator=generator)
    return centres[which] + noise * torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def data():
    return simulacra.from_tensors(mixture(1500), simulacra.Real((6,)), valid=0.0, test=0.2)


@pytest.mark.system("F28")
@pytest.mark.parametrize("tree", ["BallTree", "KDTree"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_brute_force_finds_what_a_tree_finds(tree, dtype):
    import sklearn.neighbors

    rows, queries = mixture(2500, seed=1).to(dtype), mixture(300, seed=2).to(dtype)
    queries[:5] = rows[[7, 100, 1024, 2047, 2499]]
    distances, index = nearest(queries, rows)
    expected, where = getattr(sklearn.neighbors, tree)(rows.double().numpy()).query(queries.double().numpy())
    np.testing.assert_allclose(distances.numpy(), expected[:, 0], rtol=1e-12, atol=0)
    assert (index.numpy() == where[:, 0]).all()
    blocks = nearest(queries, iter(rows.split(333)))
    assert torch.equal(blocks[0], distances) and torch.equal(blocks[1], index)


@pytest.mark.system("F28")
def test_a_copied_image_has_distance_zero_and_is_flagged():
    digits = simulacra.load_data("digits")
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 17, (50, 1, 8, 8), generator=generator).to(torch.uint8)
    rows[13] = digits.train.x[321]
    found = memorization(Given(digits.space, rows), digits, n=50)
    assert float(found.distances[13]) == 0.0 and int(found.nearest[13]) == 321
    assert found.flagged.nonzero().flatten().tolist() == [13]
    assert not found.copies, "one copy among fifty is flagged, but is no verdict on the model"


@pytest.mark.system("F28")
@pytest.mark.parametrize("seed", range(5))
def test_a_fair_model_is_not_accused(data, seed):
    found = memorization(Given(data.space, mixture(600, seed=seed + 10)), data, n=600)
    assert not found.copies and int(found.flagged.sum()) == 0
    assert abs(found.copying_score) < 3.5
    assert abs(found.side - found.side_expected) < 0.08
    assert 0.01 < found.share_nearer(5) < 0.12


@pytest.mark.system("F28")
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_a_copier_is_found_also_behind_a_little_noise(data, noise):
    generator = torch.Generator().manual_seed(5)
    chosen = data.train.x[torch.randint(0, len(data.train), (600,), generator=generator)]
    rows = chosen + noise * torch.randn(600, 6, generator=generator, dtype=torch.float64)
    found = memorization(Given(data.space, rows), data, n=600)
    assert found.copies and found.copying_score < -10
    assert int(found.flagged.sum()) == (600 if noise == 0 else 0)
    assert found.share_nearer(5) > 0.4 and found.summary.copies


@pytest.mark.system("F28")
def test_blurred_samples_are_near_to_everything_but_are_no_copies(data):
    rows = mixture(600, seed=3, noise=0.02)
    found = memorization(Given(data.space, rows), data, n=600)
    assert found.near_chance < 1e-6 and not found.copies
    # samples of eight points have few nearest rows, however many there are
    assert sum(found.sides) < 100


@pytest.mark.system("F28")
def test_equal_rows_of_a_small_discrete_space_are_no_copies():
    toy = simulacra.load_data("bars-and-stripes")
    fair = toy.test.x[torch.randperm(len(toy.test), generator=torch.Generator().manual_seed(0))[:400]]
    found = memorization(Given(toy.space, fair), toy, n=400)
    assert int(found.flagged.sum()) == 400 and not found.copies


def test_the_chances_are_calibrated():
    # samples and held-out rows of one law: a chance below 5 % comes in about 5 % of cases
    below = {"near_chance": 0, "side_chance": 0}
    z = []
    for seed in range(300):
        g = torch.Generator().manual_seed(seed)
        x, held, train = (torch.rand(n, 2, generator=g, dtype=torch.float64) for n in (80, 60, 240))
        (d, i), (h, _), (o, j) = nearest(x, train), nearest(held, train), nearest(x, held)
        found = Memorization(d, i, h, o, j, len(train))
        z.append(found.copying_score)
        for name in below:
            below[name] += getattr(found, name) < 0.05
    assert all(count < 33 for count in below.values()), below
    assert abs(np.mean(z)) < 0.35 and 0.7 < np.std(z) < 1.4
    distances = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    held = torch.tensor([3.0, 4.0], dtype=torch.float64)
    found = Memorization(distances, torch.zeros(3), held, distances, torch.zeros(3), 4)
    u = scipy.stats.mannwhitneyu([1, 2, 5], [3, 4]).statistic
    assert found.copying_score == pytest.approx((u - 3) / np.sqrt(3 * 2 * 6 / 12))


def test_bad_input(data):
    with pytest.raises(ValueError, match="no rows to be near"):
        nearest(torch.zeros(2, 3), torch.zeros(0, 3))
    with pytest.raises(ValueError, match="queries have shape"):
        nearest(torch.zeros(2, 3), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="cannot do sample"):
        memorization(simulacra.PCA(data.space, latent=2), data)


@pytest.mark.system("F28")
def test_a_model_that_repeats_three_training_rows_is_found(data):
    found = memorization(Given(data.space, data.train.x[:3].repeat(100, 1)), data, n=300)
    assert found.copies and sum(found.sides) == 3
