"""The convolutional DBM: its energy by unrolled filters, its posterior, bound and fills by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from conv_maps import at_most_one, draws, randomise, unrolled
from oracles import chi_square, states
from scipy.special import logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.core.updates import selects
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.convolutional.conv_dbm import ConvDBM
from simulacra.models.boltzmann.convolutional.conv_rbm import ConvRBM
from simulacra.models.boltzmann.machine.energy_model import Machine

TINY = {"filters": (2, 2), "kernels": (3, 1), "pools": (2, 1)}


def random_machine(space, scale: float = 1.0, **options) -> ConvDBM:
    model = ConvDBM(space, **TINY | options)
    randomise(model, scale)
    return model


def dense_score(model: ConvDBM, layers: dict[str, np.ndarray]) -> np.ndarray:
    """-E of rows of all layers by equation (1), each convolution as an unrolled matrix."""
    precision = 1.0 if model.space.discrete else model.units["v"].scale ** -2
    v, size = layers["v"], model.space.shape[1:]
    below = precision * v.reshape(len(v), -1)
    b = model.b.detach().numpy()
    score = precision * (v * b).sum((1, 2, 3))
    for i, maps in enumerate(model.maps):
        w, c, h = maps.W.detach().numpy(), maps.c.detach().numpy(), layers[f"h{i + 1}"]
        t = unrolled(w, size, maps.pool).reshape(below.shape[1], -1)
        score = score + h.sum((2, 3)) @ c + (below @ t * h.reshape(len(h), -1)).sum(1)
        # a pooling unit is on if one of its block is
        below = h.max(3).reshape(len(h), -1)
        size = tuple((side - w.shape[2] + 1) // maps.pool for side in size)
    return score


def every(v: np.ndarray, model: ConvDBM) -> tuple[np.ndarray, list[np.ndarray]]:
    """-E of each image with all states above it, shape (images, h1, h2), and these states."""
    hidden = [at_most_one(*maps.shape) if maps.pool > 1 else None for maps in model.maps]
    for i, maps in enumerate(model.maps):
        if hidden[i] is None:
            hidden[i] = states(int(np.prod(maps.shape))).reshape(-1, *maps.shape)
    numbers = np.array(list(itertools.product(*[range(len(x)) for x in (v, *hidden)])))
    layers = {name: x[numbers[:, i]] for i, (name, x) in enumerate(zip(("v", "h1", "h2"), (v, *hidden)))}
    return dense_score(model, layers).reshape(len(v), *map(len, hidden)), hidden


STACKS = pytest.mark.parametrize(
    ("space", "options"),
    [
        (Binary((2, 7, 9)), {"filters": (3, 2), "kernels": (2, 2), "pools": (2, 1)}),
        (Binary((1, 7, 5)), {"filters": (2, 3), "kernels": (2, 3), "pools": (1, 2)}),
        (Real((1, 8, 8)), {"filters": (3, 4), "kernels": (3, 2), "pools": (3, 1), "scale": 0.7}),
        (Binary((1, 9, 11)), {"filters": (2, 3, 5), "kernels": (2, 3, 1), "pools": (2, 1, 1)}),
    ],
    ids=str,
)


@pytest.mark.system("A15")
@STACKS
def test_energy_is_that_of_the_unrolled_filters(float64, space, options):
    model = random_machine(space, **options)
    layers = draws(model.shapes, model.units)
    expected = dense_score(model, {name: x.numpy() for name, x in layers.items()})
    np.testing.assert_allclose(-model.energy(layers).detach().numpy(), expected, atol=1e-11)


@pytest.mark.system("A15")
@STACKS
def test_fields_are_slopes_of_the_energy(float64, space, options):
    model = random_machine(space, **options)
    layers = draws(model.shapes, model.units)
    for name in layers:
        torch.testing.assert_close(model.field(name, layers), Machine.field(model, name, layers))
    (e, fields), (e2, fields2) = model.opened(layers), Machine.opened(model, layers)
    torch.testing.assert_close((e, fields), (e2, fields2))


@pytest.mark.system("A14", "A15")
def test_a_block_hears_from_below_and_from_above(float64):
    """P(h1 | v, h2) by enumeration of the states of h1, and by the sentence of the paper."""
    model = random_machine(Binary((1, 4, 4)))
    v = states(16)[[5, 999, 40000]].reshape(-1, 1, 4, 4)
    score, (h1, h2) = every(v, model)
    p = np.exp(score - logsumexp(score, axis=1, keepdims=True))
    expected = np.einsum("vab,akij->vbkij", p, h1)
    for j, above in enumerate(h2):
        layers = {"v": torch.tensor(v), "h2": torch.tensor(above).expand(3, *above.shape)}
        field = model.field("h1", layers)
        mean = model.units["h1"].mean(field).detach().numpy()
        np.testing.assert_allclose(mean, expected[:, j], atol=1e-12)
        e = np.exp(field.detach().numpy())
        np.testing.assert_allclose(mean, e / (1 + e.sum(-1, keepdims=True)), atol=1e-12)
    # what is above matters, and alike for all units of a block
    assert np.ptp(expected[:, :, :, 0, :].sum(-1), axis=1).min() > 0.01


@pytest.mark.system("A15")
def test_clamped_gibbs_draws_from_the_enumerated_conditional(float64):
    """A 4x4 image with 2 filters, of which 5 pixels are missing: their joint law given the other 11."""
    torch.manual_seed(31)
    n, missing = 4000, [1, 5, 6, 10, 15]
    model = random_machine(Binary((1, 4, 4)), 1.7, burn_in=60)
    given = states(16)[23456].reshape(1, 1, 4, 4)
    known = np.ones(16, bool)
    known[missing] = False
    v = np.repeat(given.reshape(1, 16), 32, axis=0)
    v[:, missing] = states(5)
    score, _ = every(v.reshape(-1, 1, 4, 4), model)
    log_p = logsumexp(score, axis=(1, 2))
    masses = np.exp(log_p - logsumexp(log_p))
    x = torch.tensor(given).expand(n, 1, 4, 4)
    drawn = model.complete(x, torch.tensor(known.reshape(1, 4, 4)), seed=12).numpy().reshape(n, 16)
    assert (drawn[:, known] == given.reshape(16)[known]).all()
    codes = drawn[:, missing] @ 2.0 ** np.arange(4, -1, -1)
    assert chi_square(codes, masses) > 1e-3
    # the test can tell it from pixels that are independent given the others
    alone = np.prod([np.where(states(5)[:, j] == 1, q, 1 - q) for j, q in enumerate(masses @ states(5))], 0)
    assert chi_square(codes, alone) < 1e-6


@pytest.mark.system("A15")
@pytest.mark.parametrize("kind", ["binary", "real"])
def test_what_stands_where_pixels_are_missing_does_not_count(kind):
    space = Binary((1, 4, 5)) if kind == "binary" else Real((2, 4, 5))
    model = random_machine(space, kernels=(3, 1), pools=(1, 1), burn_in=3)
    rng = np.random.default_rng(4)
    x = torch.tensor(rng.integers(0, 2, (7, *space.shape)).astype(np.float32))
    known = torch.tensor(rng.random((7, *space.shape)) < 0.5)
    other = torch.where(known, x, 1 - x)
    fill = lambda x: model.fill(x, known, Rng(6, rows=range(7)))
    with torch.no_grad():
        assert torch.equal(fill(x), fill(other)) and torch.equal(fill(x)[known], x[known])
        assert not torch.equal(fill(x), x)


@pytest.mark.system("A15")
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_the_mean_field_bounds_the_enumerated_free_energy(float64, scale):
    model = random_machine(Binary((1, 4, 4)), scale, mean_field_steps=60)
    v = states(16)[::3001].reshape(-1, 1, 4, 4)
    score, _ = every(v, model)
    exact = -logsumexp(score, axis=(1, 2))
    batch = Batch.of(torch.tensor(v))
    bound = model.positive(batch, Rng(0, rows=range(len(v)))).detach().numpy()
    assert (bound >= exact - 1e-10).all() and (bound - exact).max() > 1e-6
    # E_q[E] - H(q) in all states, of the q that was found
    fields = {name: f.detach().numpy() for name, f in model.posterior_fields(batch.x).items()}
    _, hidden = every(v[:1], model)
    q = []
    for name, h in zip(("h1", "h2"), hidden):
        s = np.tensordot(fields[name], h, ([1, 2, 3], [1, 2, 3]))
        q.append(np.exp(s - logsumexp(s, axis=1, keepdims=True)))
    joint = q[0][:, :, None] * q[1][:, None]
    np.testing.assert_allclose(bound, (joint * (np.log(joint) - score)).sum((1, 2)), atol=1e-6)
    # fewer updates are a worse bound
    model.mean_field_steps = 1
    worse = model.positive(batch, Rng(0, rows=range(len(v)))).detach().numpy()
    assert (worse >= bound - 1e-10).all()


@pytest.mark.system("A15")
def test_log_prob_is_a_lower_bound_and_exact_without_an_upper_layer(float64):
    model = random_machine(
        Binary((1, 3, 3)), filters=(1, 1), kernels=(2, 1), pools=(1, 1), mean_field_steps=40
    )
    v = states(9).reshape(-1, 1, 3, 3)
    log_p = lambda score: logsumexp(score, axis=(1, 2)) - logsumexp(score)
    estimate = model.log_prob(torch.tensor(v))
    gap = log_p(every(v, model)[0]) - estimate.values.numpy()
    assert estimate.kind == "lower" and gap.min() > -1e-10 and gap.max() > 1e-3
    with torch.no_grad():
        model.maps[1].W.zero_()
    found = model.log_prob(torch.tensor(v)).values.numpy()
    np.testing.assert_allclose(found, log_p(every(v, model)[0]), atol=1e-10)
    large = ConvDBM(Binary((1, 8, 8)))
    assert not large.supports(can.HasBound) and large.supports(can.Completes)


@pytest.mark.system("A15")
def test_one_layer_alone_is_the_convolutional_rbm(float64):
    """With no weights above, chains, energies and first filters are those of a ConvRBM."""
    space = Binary((1, 6, 7))
    deep = random_machine(space, filters=(3, 2), kernels=(3, 1), pools=(1, 1))
    alone = ConvRBM(space, filters=3, kernel=3, pool=1)
    with torch.no_grad():
        deep.maps[1].W.zero_()
        deep.maps[1].c.zero_()
        alone.b.copy_(deep.b)
        alone.maps[0].W.copy_(deep.maps[0].W)
        alone.maps[0].c.copy_(deep.maps[0].c)
    x = torch.tensor(np.random.default_rng(1).integers(0, 2, (5, 1, 6, 7)).astype(float))
    free = deep.positive(Batch.of(x), Rng(0, rows=range(5))) + 2 * 4 * 5 * np.log(2)
    torch.testing.assert_close(free, alone.free_energy(x))
    assert torch.equal(deep.filters(), alone.filters())


@pytest.mark.system("A15")
def test_upper_filters_are_combinations_of_lower_ones(float64):
    """A unit above that is on sends down what its filter says; the blocks' one unit may be any."""
    model = random_machine(Binary((2, 9, 9)), filters=(3, 2), kernels=(2, 4), pools=(2, 1))
    above = torch.zeros(2, *model.shapes["h2"])
    above[[0, 1], [0, 1], 0] = 1
    # the mean of the pixels' fields over the units of each block, weighed by the pooling units' fields
    down = model.maps[0].down(model.maps[0].spread(model.maps[1].down(above)) / 4)
    torch.testing.assert_close(model.filters(2), down.detach())
    assert model.filters(2).shape == (2, 2, 9, 9) and model.filters().shape == (3, 2, 2, 2)


@pytest.mark.system("A15")
def test_stages_move_one_layer_after_the_other_then_all(tmp_path):
    model = ConvDBM(Binary((1, 6, 6)), filters=(3, 2), kernels=(3, 2), burn_in=11, chains=13)
    names = [name for name, _ in model.named_parameters()]
    moved = []
    for i in range(3):
        (update,) = model.stage(i, []).updates
        moved.append({name for name in names if selects(update.params, name)})
    assert moved == [
        {"b", "maps.0.W", "maps.0.c"},
        {"maps.1.W", "maps.1.c"},
        set(names),
    ]
    assert model.stage(3, []) is None
    rng = np.random.default_rng(8)
    x = torch.tensor(rng.integers(0, 2, (53, 1, 6, 6)).astype(np.float32))
    before = {name: p.clone() for name, p in model.named_parameters()}
    fit(
        model,
        from_tensors(x, Binary((1, 6, 6))),
        out=tmp_path / "run",
        epochs=2,
        batch_size=10,
        progress=False,
    )
    assert all(not torch.equal(p, before[name]) for name, p in model.named_parameters())
    model.save(tmp_path / "model")
    again = simulacra.load(tmp_path / "model", kind=ConvDBM)
    assert torch.equal(again.sample(5, seed=3), model.sample(5, seed=3))
    assert torch.equal(again.encode(x[:3]), model.encode(x[:3]))


@pytest.mark.system("A15")
@pytest.mark.parametrize("estimator", ["pcd", "cd", "tempering", "exact"])
def test_every_estimator_has_a_gradient_for_every_parameter(float64, estimator):
    model = random_machine(Binary((1, 4, 4)), 0.5, estimator=estimator, chains=7, sparsity_target=0.1)
    batch = Batch.of(torch.tensor(states(16)[::6000].reshape(-1, 1, 4, 4)))
    update, rng = model.stage(2, []).updates[0], Rng(3, rows=range(11))
    with torch.no_grad():
        update.before(model, batch, rng)
    terms = update.loss(model, batch, rng).loss
    sum(t.mean() for t in terms.values()).backward()
    assert all(p.grad.abs().max() > 1e-6 for p in model.parameters())
