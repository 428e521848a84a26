"""The VRNN against integrals over all paths of codes in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from latent_paths import NODES, STEPS, Network, elbo, log_p, rows, shaken
from oracles import chi_square, states

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.ragged import valid_frames
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import systematic
from simulacra.models.variational.sequences.vrnn import negative_elbo

S = 3
every_kind = pytest.mark.parametrize("kind", STEPS)


def repeated(x: torch.Tensor, n: int) -> torch.Tensor:
    return x.repeat_interleave(n, 0)


def evidence(model, kind: str, x: torch.Tensor, n: int = NODES) -> np.ndarray:
    return np.array([log_p(Network(model, kind), row, S, n) for row in x.numpy()])


# ---- bounds


@pytest.mark.system("E11")
@pytest.mark.parametrize(
    "kind, styled", [("binary", False), ("real", False), ("classes", False), ("real", True)]
)
def test_the_bound_is_below_the_evidence_and_its_weights_have_the_mean_of_it(float64, kind, styled):
    model, x, n = shaken(kind, styled=styled), rows(kind, 3), 4000
    c = torch.tensor([2, 0, 1]) if styled else None
    given = None if c is None else repeated(c, n)
    nets = [Network(model, kind, None if c is None else int(c[i])) for i in range(len(x))]
    truth = np.array([log_p(net, row, S) for net, row in zip(nets, x.numpy())])
    finer = np.array([log_p(net, row, S, NODES + 7) for net, row in zip(nets, x.numpy())])
    assert np.abs(truth - finer).max() < 1e-4
    below = np.array([elbo(net, row, S)[0] for net, row in zip(nets, x.numpy())])
    assert (below < truth - 0.01).all()
    rng = Rng(5, rows=range(n * len(x)))
    with torch.no_grad():
        found = model.elbo(repeated(x, n), given, rng).view(-1, n)
        log_w = model.log_weights(repeated(x, n), given, rng, 1).view(-1, n)
    ratios = (log_w - torch.tensor(truth)[:, None]).exp()
    assert ((found.mean(1).numpy() - below) / (found.std(1).numpy() / n**0.5) < 4.5).all()
    assert (np.abs(ratios.mean(1).numpy() - 1) < 4.5 * ratios.std(1).numpy() / n**0.5).all()
    assert (ratios.std(1) / n**0.5 < 0.1).all()


@pytest.mark.system("E11")
def test_more_paths_tighten_the_bound_to_the_evidence(float64):
    model, x = shaken("real"), rows("real", 3)
    truth, n = evidence(model, "real", x), 300
    means = []
    for k in (1, 5, 256):
        rng = Rng(k, rows=range(3 * n))
        with torch.no_grad():
            bound = model.bound(repeated(x, n), None, rng, k).view(3, n)
        means.append(bound.mean(1).numpy())
    assert (means[0] < means[1] - 0.05).all() and (means[1] < means[2] - 0.01).all()
    assert (means[2] < truth + 0.02).all() and (truth - means[2] < 0.05).all()


@pytest.mark.system("E11")
def test_without_use_of_its_codes_the_bound_is_the_likelihood_of_a_recurrent_network(float64):
    model, x = shaken("binary", T=5), rows("binary", 4, 5)
    net, width = model.net, 5
    with torch.no_grad():
        # the codes reach neither x nor the next state
        net.to_x[0].weight[:, S : S + width] = 0
        net.cell.weight_ih[:, :width] = 0
        # q is the prior: it does not look at x
        net.to_posterior[0].weight.copy_(torch.cat([net.to_prior[0].weight, torch.zeros(5, width)], 1))
        net.to_posterior[0].bias.copy_(net.to_prior[0].bias)
        net.to_posterior[2].load_state_dict(net.to_prior[2].state_dict())
    oracle, expected = Network(model, "binary"), []
    for row in x.numpy():
        h, total = np.zeros((1, S)), 0.0
        for x_t in row:
            total += oracle.log_x(x_t, np.zeros(1), h)[0]
            h = oracle.next(x_t, np.zeros(1), h)
        expected.append(total)
    found = model.log_prob(x, k=3)
    np.testing.assert_allclose(found.values, expected, atol=1e-10)
    np.testing.assert_allclose(model.elbo(x, None, Rng(0, rows=range(4))).detach(), expected, atol=1e-10)
    assert float(model.rates(x, None, Rng(0, rows=range(4))).abs().max()) < 1e-12


@pytest.mark.system("E11")
@every_kind
def test_rates_are_the_kl_of_the_codes(float64, kind):
    model, x, n = shaken(kind), rows(kind, 3), 1500
    expected = [elbo(Network(model, kind), row, S)[1] for row in x.numpy()]
    with torch.no_grad():
        found = model.rates(repeated(x, n), None, Rng(2, rows=range(3 * n))).sum(1).view(3, n)
    assert (np.abs(found.mean(1).numpy() - expected) < 4.5 * found.std(1).numpy() / n**0.5 + 1e-9).all()


@pytest.mark.system("E11")
def test_masses_of_all_sequences_sum_to_one(float64):
    model = shaken("binary")
    x = torch.from_numpy(states(4)).view(-1, 2, 2)
    assert abs(np.logaddexp.reduce(evidence(model, "binary", x))) < 1e-8


# ---- training


@pytest.mark.system("E11")
@every_kind
def test_the_gradient_is_that_of_finite_differences(float64, kind):
    model, x = shaken(kind, 3, latent=2), rows(kind, 3, 3)
    batch = Batch.of(x, lengths=torch.tensor([3, 1, 2]))
    (update,) = model.updates()

    def loss() -> torch.Tensor:
        terms = negative_elbo(model, batch, Rng(1, rows=batch.rows)).loss
        return sum((update.weights[name](batch) * term).sum() for name, term in terms.items())

    loss().backward()
    for name, p in model.named_parameters():
        i, values = int(p.grad.abs().argmax()), []
        with torch.no_grad():
            flat, kept = p.view(-1), p.view(-1)[i].item()
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(float(loss()))
            flat[i] = kept
        slope = float(p.grad.view(-1)[i])
        assert abs(slope) > 1e-5, name
        assert abs((values[0] - values[1]) / 2e-5 - slope) < 1e-6 * max(1, abs(slope)), name


@pytest.mark.system("E11")
def test_the_loss_is_the_mean_over_all_steps_of_a_batch_and_a_score_the_sum_over_those_of_a_row(float64):
    model, x, lengths = shaken("real", 5), rows("real", 3, 5), torch.tensor([5, 1, 3])
    batch = Batch.of(x, lengths=lengths)
    terms, (update,) = negative_elbo(model, batch, Rng(4, rows=batch.rows)).loss, model.updates()
    weights = {name: update.weights[name](batch) for name in terms}
    mean = sum((weights[name] * term).sum() / weights[name].sum() for name, term in terms.items())
    scores = model.elbo(x, None, Rng(4, rows=batch.rows), known=model.space.valid(lengths))
    torch.testing.assert_close(mean, -scores.sum() / lengths.sum())


@pytest.mark.system("E11")
def test_the_weight_of_the_kl_rises_over_its_share_of_training(float64, tmp_path):
    x = rows("real", 17, 3)
    data = simulacra.from_tensors(x, shaken("real", 3).space, "walks", valid=0, test=0)
    seen = []
    look = lambda loop, epoch_ended: seen.append(float(loop.model.kl_weight)) if epoch_ended else None
    model = simulacra.VRNN(data.space, latent=1, state=3, hidden=(5,), kl_warmup=0.5)
    simulacra.fit(model, data, out=tmp_path, epochs=4, batch_size=17, callbacks=(look,), progress=False)
    assert seen == [0.0, 0.5, 1.0, 1.0]
    weighed = shaken("real", 3, kl_warmup=0.5)
    batch, rng = Batch.of(x), Rng(1, rows=range(17))
    assert float(negative_elbo(weighed, batch, rng).loss["kl"].abs().max()) == 0
    # a bound is a bound whatever the weight
    plain = shaken("real", 3)
    assert torch.equal(weighed.elbo(x, None, rng), plain.elbo(x, None, rng))


@pytest.mark.system("E11")
@every_kind
def test_not_a_bit_depends_on_the_padding(float64, kind):
    model, x, lengths = shaken(kind, 7, latent=2), rows(kind, 3, 7), torch.tensor([4, 1, 3])
    known = model.space.valid(lengths)
    other = torch.where(known, x, (x + 1) % 2 if kind != "real" else x - 9.0)
    rng = Rng(3, rows=range(3))
    words = (lambda m, x, k: m.elbo(x, None, rng, k), lambda m, x, k: m.rates(x, None, rng, k))
    words += (lambda m, x, k: m.log_weights(x, None, rng, 5, k),)
    short = shaken(kind, 4, latent=2)
    for word in words:
        expected = word(model, x, known)
        assert torch.equal(word(model, other, known), expected)
        # a space of four steps holds the same rows without three steps of padding
        assert torch.equal(word(short, x[:, :4], known[:, :4]), expected)
    cuts = [Batch.of(row, lengths=lengths) for row in (x, other, x[:, :4])]
    for name in ("reconstruction", "kl"):
        first, *others = (
            (negative_elbo(model, cut, rng).loss[name] * valid_frames(cut))[:, :4] for cut in cuts
        )
        assert all(torch.equal(first, term) for term in others)


# ---- draws


@pytest.mark.system("E11")
def test_draws_follow_the_law(float64):
    model, n = shaken("binary"), 6000
    x = torch.from_numpy(states(4)).view(-1, 2, 2)
    numbers = model.sample(n, seed=3).double().flatten(1) @ 2.0 ** torch.arange(3, -1, -1).double()
    assert chi_square(numbers.numpy(), np.exp(evidence(model, "binary", x))) > 1e-3


@pytest.mark.system("E11")
@pytest.mark.parametrize("begun", [1, 2])
def test_a_beginning_goes_on_with_the_models_own_conditional_frequencies(float64, begun):
    model, n = shaken("classes", 3, size=0.6), 4000
    every = torch.cartesian_prod(*[torch.arange(3)] * 3)
    masses = np.exp(evidence(model, "classes", every, 14))
    assert abs(masses.sum() - 1) < 1e-6
    start = every[[5, 22], :begun]
    known = torch.arange(3) < begun
    for first in start:
        x = torch.zeros(n, 3, dtype=torch.long)
        x[:, :begun] = first
        done = model.complete(x, known=known, seed=1)
        assert torch.equal(done[:, :begun], x[:, :begun])
        possible = (every[:, :begun] == first).all(1).numpy()
        places = (done[:, begun:] * 3 ** torch.arange(2 - begun, -1, -1)).sum(1)
        law = masses[possible] / masses[possible].sum()
        assert chi_square(places.numpy(), law) > 1e-3


@pytest.mark.system("E11")
def test_a_completion_does_not_depend_on_the_rows_beside_it(float64):
    model, x = shaken("real", 5, latent=2), rows("real", 3, 5)
    begun = [x[0, :4], x[1, :1], x[2, :2]]
    together = model.complete(begun, seed=2)
    torch.testing.assert_close(model.complete(begun[:1], seed=2)[0], together[0])
    assert not torch.equal(together, model.complete(begun, seed=3))


def test_systematic_choices_have_their_probabilities(float64):
    log_w = torch.log_softmax(torch.randn(3, 7), 1)
    u = (torch.arange(1000) + 0.5) / 1000
    chosen = torch.stack([systematic(log_w, v.expand(3)) for v in u])
    share = torch.nn.functional.one_hot(chosen, 7).double().mean((0, 2))
    torch.testing.assert_close(share, log_w.exp(), atol=1e-3, rtol=0)


def test_a_space_without_steps_is_refused():
    with pytest.raises(ValueError, match=r"VRNN needs sequences of steps.*take a VAE\.$"):
        simulacra.VRNN(simulacra.Binary((6,)))
    space = simulacra.Sequence((5,), of=simulacra.Binary((2,)))
    for name, value in (("latent", 0), ("state", 0), ("hidden", ()), ("kl_warmup", 2.0)):
        with pytest.raises(ValueError, match=f"^{name} is "):
            simulacra.VRNN(space, **{name: value})
