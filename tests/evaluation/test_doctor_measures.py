"""What the doctor's measures say beside closed forms: copies, conditions, weights, cells, means and noise."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy
import torch
from torch import nn

import simulacra
from simulacra.core.capabilities.general import HasDensity, Samples, TakesCondition
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.evaluation.diagnostics.condition import _Nearest, condition_use
from simulacra.evaluation.diagnostics.extreme_weights import as_made, weights_of
from simulacra.evaluation.diagnostics.flat import kept_entries
from simulacra.evaluation.diagnostics.shared_rows import shared_rows
from simulacra.evaluation.doctor.course import Course
from simulacra.evaluation.doctor.diagnose import findings
from simulacra.evaluation.latents.against_mean import against_mean, mean_features
from simulacra.evaluation.samples.cells import k_means, lost_cells
from simulacra.evaluation.samples.copying import Beside
from simulacra.evaluation.samples.memorization import memorization
from simulacra.evaluation.samples.nearest import nearest_other

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.doctor import laws, samplers


def normal(n, d, seed=0):
    """Rows of a normal law, float32."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.fault("scores 2.4")
@pytest.mark.parametrize("blocks", [1, 3])
def test_the_nearest_other_row_is_that_of_all_distances(blocks):
    x = normal(90, 4).double()
    distances = torch.cdist(x, x).fill_diagonal_(torch.inf)
    at = torch.arange(0, 90, 7)
    found = nearest_other(x[at], at, x.chunk(blocks))
    torch.testing.assert_close(found, distances[at].amin(1), rtol=1e-12, atol=0)
    x[7] = x[0]
    assert nearest_other(x[:1], torch.tensor([0]), [x]).tolist() == [0.0]


@pytest.mark.fault("scores 2.4")
def test_equal_rows_of_a_continuous_law_are_a_poisson_number():
    found = Beside(torch.ones(9), 0, 0, True, 1)
    expected = 1000 * (1e-6 + 500 * 2.0**-24)
    assert found.coincidence(2, 1000, 500) == pytest.approx(1 - math.exp(-expected) * (1 + expected))
    assert Beside(torch.ones(9), 0, 0, True, 3).coincidence(2, 1000, 500) == pytest.approx(5e-7, rel=1e-2)
    # in single precision, uniform numbers of one column meet as often as that at most
    x = torch.rand(200, 1000, generator=torch.Generator().manual_seed(1))
    meetings = sum(1000 - len(row.unique()) for row in x)
    assert meetings <= 200 * (1000 * 999 / 2) * 2.0**-23


@pytest.mark.fault("scores 2.4")
@pytest.mark.parametrize("share, exact", [(0.0, False), (0.01, True), (0.05, True)])
def test_exact_copies_in_a_continuous_law_count_at_once(share, exact):
    data = laws.data_of("correlated", 5)
    found = memorization(samplers.copier("correlated", data, 5, share), data, n=1000)
    assert found.copies == exact and found.beside.continuous
    assert bool(found.flagged.any()) == exact


@pytest.mark.fault("scores 2.4")
@pytest.mark.parametrize("seed", range(4))
def test_drift_between_splits_is_no_copying(seed):
    data = laws.drifted("correlated", 1.0, seed)
    fair = memorization(samplers.truth("correlated", data, seed), data, n=600)
    assert fair.near_chance < 1e-3 and fair.side_chance < 1e-3, "held-out rows alone would accuse it"
    assert not fair.copies and fair.drift_chance < 1e-3
    alike = memorization(samplers.truth("correlated", data, seed, samplers.towards_the_mean), data, n=600)
    assert not alike.copies
    noisy = memorization(samplers.copier("correlated", data, seed, 1.0, noise=0.05), data, n=600)
    assert noisy.copies and not noisy.flagged.any()


@pytest.mark.fault("outside 2.12")
@pytest.mark.parametrize("seed", [0, 1, 8, 9])
def test_a_layer_that_moved_little_is_not_frozen_and_one_that_did_not_is(seed):
    data = simulacra.from_tensors(torch.randn(60, 16, generator=torch.Generator().manual_seed(3)), R16)
    model = simulacra.VAE(R16, latent=2, hidden=(8,), seed=seed)
    made = {name: p.clone() for name, p in model.named_parameters()}
    simulacra.fit(model, data, steps=20, progress=False, doctor=False)
    assert weights_of(model).still == ()
    with torch.no_grad():
        model.decoder.body[2].weight.copy_(made["decoder.body.2.weight"])
    assert weights_of(model).still == ("decoder.body.2",)


@pytest.mark.fault("scores 2.10")
def test_what_a_condition_says_is_bounded_by_what_it_is():
    # c in two classes, x ~ N(+-m, 1): I(x; c) by quadrature
    m, n = 1.0, 4000
    c = torch.arange(n) % 2
    x = normal(n, 1, 3) + m * (2.0 * c.unsqueeze(1) - 1)
    grid = np.linspace(-9, 9, 20001)
    both = [scipy.stats.norm(s * m).pdf(grid) for s in (-1, 1)]
    mixed = (both[0] + both[1]) / 2
    information = np.trapezoid(sum(p * np.log(p / mixed) for p in both) / 2, grid)
    data = simulacra.from_tensors(
        x, simulacra.Real((1,)), c=c, condition=simulacra.Categorical((), 2), valid=0
    )
    model = simulacra.MADE(data.space, data.condition, hidden=(9,))
    model.preprocessing = data.preprocessing
    train = data.train
    near = _Nearest(model, data.condition, train, 0)
    value, error = near.information(data.test.x, data.test.c)
    # the nearest neighbour agrees with probability E [p^2 + (1 - p)^2], p = p(c|x)
    posterior = both[0] / (2 * mixed)
    agrees = np.trapezoid((posterior**2 + (1 - posterior) ** 2) * mixed, grid)
    bound = agrees * np.log(2 * agrees) + (1 - agrees) * np.log(2 * (1 - agrees))
    assert abs(value - bound) < 3 * error and value - 3 * error < bound < information


class Known(Model, HasDensity, Samples, TakesCondition):
    """N(+-m, 1) by class, or the mixture whatever the class is."""

    def __init__(self, space, condition, listens):
        super().__init__(space, condition)
        self.listens = listens

    def updates(self):
        """Nothing is learned."""
        return []

    def log_density(self, x, c=None, known=None):
        """Of the class, or of both."""
        each = torch.stack([-0.5 * (x[:, 0] - s).square() for s in (-1.0, 1.0)]) - 0.5 * math.log(2 * math.pi)
        mixed = each.logsumexp(0) - math.log(2)
        return torch.where(c.flatten() == 1, each[1], each[0]) if self.listens else mixed

    def draw(self, rng, c=None):
        """Of the class, or of any."""
        u = rng.uniform("class") < 0.5
        up = c.flatten() == 1 if self.listens else u
        return rng.normal("x", 1) + torch.where(up, 1.0, -1.0).unsqueeze(1)


@pytest.mark.fault("scores 2.10")
def test_the_score_of_other_conditions_is_that_of_the_closed_form():
    c = torch.arange(4000) % 2
    x = normal(4000, 1, 4) + (2.0 * c.unsqueeze(1) - 1)
    kind = simulacra.Categorical((), 2)
    data = simulacra.from_tensors(x, simulacra.Real((1,)), c=c, condition=kind, valid=0, test=0.25)
    for listens in (True, False):
        model = Known(data.space, kind, listens)
        model.preprocessing = data.preprocessing
        found = condition_use(model, data)
        # half of the others have the other class, and then log p falls by 2 x s with mean 2
        assert found.by_score and abs(found.model - (1.0 if listens else 0.0)) <= 3 * found.error
        said = {f.name: f.severity for f in findings(model, data)}
        assert said["ignored condition"] == ("ok" if listens else "warning")


R16 = simulacra.Real((16,))
LAYERS = {
    "linear": lambda: nn.Linear(40, 30),
    "conv": lambda: nn.Conv2d(3, 16, 3),
    "transposed": lambda: nn.ConvTranspose2d(6, 8, 3),
    "without bias": lambda: nn.Linear(500, 400, bias=False),
}


@pytest.mark.fault("scores 2.6")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_as_torch_makes_them_are_told_from_moved_ones(name):
    torch.manual_seed(0)
    layer = LAYERS[name]()
    assert as_made(layer.weight, layer.bias)
    largest = layer.weight.abs().max()
    for step in (0.1, 0.3):
        # as steps of Adam are, of one size in both directions
        moved = layer.weight + step * largest * torch.randn_like(layer.weight).sign()
        assert not as_made(moved, layer.bias)
    assert not as_made(0.9 * layer.weight, layer.bias)
    tanh = simulacra.VAE(simulacra.Real((30,)), latent=9, hidden=(40,), activation="tanh")
    assert as_made(tanh.encoder.body[0].weight, tanh.encoder.body[0].bias)


@pytest.mark.fault("scores 2.10")
def test_weights_that_are_not_finite_are_all_that_is_said():
    data = laws.data_of("correlated", 1)
    model = simulacra.VAE(data.space, latent=2, hidden=(32,))
    model.preprocessing = data.preprocessing
    with torch.no_grad():
        model.decoder.body[0].weight.mul_(3.0)
    found = weights_of(model)
    w = model.decoder.body[0].weight
    gains = [float(p.square().mean().sqrt()) * p[0].numel() ** 0.5 for p in model.parameters() if p.dim() > 1]
    assert found.gain == pytest.approx(max(gains), rel=1e-5) and found.broken == () and w.dim() == 2
    with torch.no_grad():
        w[0, 0] = math.nan
    (only,) = findings(model, data)
    assert (
        only.name == "exploding weights" and only.severity == "warning" and "decoder.body.0" in only.measured
    )


@pytest.mark.fault("scores 2.6")
def test_equal_rows_are_counted_beside_what_chance_makes():
    rows = laws.repeated("correlated", 2)
    found = shared_rows(rows)
    train = {tuple(row.tolist()) for row in rows.train.x}
    assert found.rows == sum(tuple(row.tolist()) in train for row in rows.test.x)
    assert found.share > 0.5 and found.expected == 0.0
    bits = shared_rows(laws.data_of("few_bits", 2))
    assert bits.rows > 0.9 * bits.of and bits.expected > bits.rows / 5
    assert shared_rows(rows, "train") is None


@pytest.mark.fault("scores 2.10")
def test_reconstructions_are_judged_by_the_mean_of_training_rows():
    data = laws.data_of("correlated", 3)
    model = simulacra.PCA(data.space, latent=2)
    found = against_mean(model, data)
    x = data.test.x.double()
    mean = data.train.x.double().mean(0)
    assert torch.allclose(mean_features(data), mean, atol=1e-6)
    assert found.mean == pytest.approx(float((x - mean).square().sum(1).mean()), rel=1e-6)
    back = model.reconstruct(data.test.x).double()
    error = (x - back).square().sum(1) - (x - mean).square().sum(1)
    assert found.model - found.mean == pytest.approx(float(error.mean()), rel=1e-4)
    assert found.error == pytest.approx(float(error.std() / len(error) ** 0.5), rel=1e-4)


@pytest.mark.fault("scores 2.10")
def test_entries_of_vectors_and_images_are_compared_as_columns_are():
    data = laws.data_of("correlated", 4)
    fair = kept_entries(samplers.truth("correlated", data, 4), data)
    assert [column.excess for column in fair.columns] == [0.0] * 6 and len(fair.pairs) == 15
    alone = kept_entries(samplers.truth("correlated", data, 4, samplers.each_alone), data)
    assert sum(pair.excess > 0 for pair in alone.pairs) >= 8
    assert all(column.excess == 0 for column in alone.columns)
    # grey levels that a model knows as bits are compared as bits
    digits = simulacra.load_data("digits", binarize="dynamic")
    rng = Rng(0, rows=range(len(digits.train)))
    drawn = samplers.Sampler(digits.space, digits.preprocessing.forward(digits.train.x, rng)[0])
    drawn.preprocessing = digits.preprocessing
    assert max(column.excess for column in kept_entries(drawn, digits).columns) == 0


@pytest.mark.fault("scores 2.10")
def test_a_lost_cluster_is_a_lost_cell():
    data = laws.data_of("clusters", 6)
    fair = lost_cells(samplers.truth("clusters", data, 6), data)
    assert fair.lost == () and fair.of >= 8
    cut = lost_cells(samplers.truth("clusters", data, 6, samplers.without_corner), data)
    # of the corner with a fifth of the rows
    assert 0.1 < sum(cut.lost) < 0.21
    x = torch.cat([normal(50, 2, 8) * 0.01 + centre for centre in (0.0, 5.0, 9.0)])
    centres = k_means(x, 3, seed=0).sort(0).values
    assert torch.allclose(centres, torch.tensor([[0.0], [5.0], [9.0]]).expand(3, 2), atol=0.1)


def test_the_noise_of_scores_is_that_of_what_has_no_trend():
    r = np.random.default_rng(0)
    slope = np.linspace(0, 50, 4001)
    noise_of = lambda scores: Course(scores=tuple(scores)).noise
    found = noise_of((slope + 0.3 * r.normal(size=4001)).tolist())
    assert found == pytest.approx(0.3 * math.sqrt(2), rel=0.05)
    assert noise_of([1.0, 2.0, 3.0, 4.0]) == 0.0 and noise_of(slope.tolist()) < 1e-9
