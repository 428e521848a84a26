"""RTRBM, RNN-RBM and RNN-NADE against their equations, summed in numpy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from oracles import chi_square, states

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.capabilities import HasDensity
from simulacra.core.composite import Sequence
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Real
from simulacra.data.dataset import in_memory
from simulacra.evaluation.annealing import Annealing
from simulacra.evaluation.likelihood import likelihood, likelihoods
from simulacra.models.boltzmann.frames import contrast, exact, log_partition
from simulacra.models.boltzmann.recurrent import trimmed, valid_frames
from simulacra.models.boltzmann.rnn_nade import RNNNADE
from simulacra.models.boltzmann.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.rtrbm import RTRBM

D, T = 4, 3
KINDS = {
    "rtrbm": partial(RTRBM, hidden=5, burn_in=30),
    "rnn-rbm": partial(RNNRBM, hidden=8, state=3, burn_in=30),
    "rnn-nade": partial(RNNNADE, hidden=5, state=3),
}
every = pytest.mark.parametrize("name", KINDS)


def space(steps: int = T) -> Sequence:
    return Sequence((steps,), of=Binary((D,)))


def shaken(name: str, steps: int = T, seed: int = 5, **options):
    """A model whose parameters all matter."""
    torch.manual_seed(seed)
    model = KINDS[name](space(steps), **options)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.7)
    return model.eval()


def weights(model) -> dict[str, np.ndarray]:
    return {name.split(".")[-1]: p.detach().numpy() for name, p in model.named_parameters()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of_machine(p, v, b, c) -> float:
    """log p(v) of an RBM by summing over all v and h."""
    every_v, every_h = states(D), states(len(c))
    minus_e = (every_v @ b)[:, None] + (every_h @ c)[None] + every_v @ p["W"] @ every_h.T
    one = v @ b + every_h @ c + v @ p["W"] @ every_h.T
    return np.logaddexp.reduce(one) - np.logaddexp.reduce(minus_e.ravel())


def of_nade(p, v, b, c) -> float:
    total = 0.0
    for i in range(D):
        on = sigmoid(b[i] + p["V"][i] @ sigmoid(c + v[:i] @ p["W"][:i]))
        total += np.log(on if v[i] else 1 - on)
    return total


def log_p(name: str, p: dict[str, np.ndarray], frames: np.ndarray, net: dict[str, np.ndarray]) -> float:
    """log p of one sequence from the equations at the top of the models' files."""
    total = 0.0
    if name == "rtrbm":
        r = np.zeros(len(p["c"]))
        for v in frames:
            c = p["c"] + r @ p["recurrent"]
            total += of_machine(p, v, p["b"], c)
            r = sigmoid(v @ p["W"] + c)
        return total
    u, law = np.zeros(len(net["a"])), of_machine if name == "rnn-rbm" else of_nade
    for v in frames:
        total += law(p, v, p["b"] + u @ net["U"], p["c"] + u @ net["V"])
        u = np.tanh(net["a"] + u @ net["A"] + v @ net["B"])
    return total


def oracle(name: str, model, frames: np.ndarray) -> float:
    net = weights(model.net) if name != "rtrbm" else {}
    own = {n: p.detach().numpy() for n, p in model.named_parameters() if not n.startswith("net.")}
    return log_p(name, {n.split(".")[-1]: p for n, p in own.items()}, frames, net)


def sequences(steps: int) -> torch.Tensor:
    return torch.from_numpy(states(D * steps)).view(-1, steps, D)


# ---- the likelihood


@pytest.mark.system("A21", "A22", "A23")
@every
def test_the_likelihood_is_that_of_the_equations(float64, name):
    model = shaken(name)
    x = sequences(T)[torch.randperm(2 ** (D * T))[:7]]
    found = model.log_prob(x)
    assert found.kind == "exact"
    np.testing.assert_allclose(found.values, [oracle(name, model, row.numpy()) for row in x], atol=1e-10)


@pytest.mark.system("A22", "A23")
@every
def test_probabilities_of_all_sequences_of_two_steps_sum_to_one(float64, name):
    model = shaken(name, steps=2)
    total = torch.as_tensor(model.score_samples(sequences(2))).logsumexp(0)
    assert abs(float(total)) < 1e-10


@pytest.mark.system("A21", "A22")
@every
def test_the_gradient_is_that_of_finite_differences(float64, name):
    """Backpropagation through time, in every parameter."""
    model = shaken(name)
    x, lengths = sequences(T)[[77, 1234, 4000]], torch.tensor([3, 2, 3])
    loss = lambda: model.frame_log_prob(x, lengths).sum()
    loss().backward()
    for key, p in model.named_parameters():
        i = int(p.grad.abs().argmax())
        with torch.no_grad():
            flat, kept = p.view(-1), p.view(-1)[i].item()
            values = []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(float(loss()))
            flat[i] = kept
        assert abs(p.grad.view(-1)[i]) > 1e-4, key
        assert abs((values[0] - values[1]) / 2e-5 - float(p.grad.view(-1)[i])) < 1e-6, key


@pytest.mark.system("A21")
def test_without_recurrent_weights_an_rtrbm_is_an_rbm_at_each_step(float64):
    model = shaken("rtrbm")
    with torch.no_grad():
        model.recurrent.zero_()
    alone = simulacra.RBM(Binary((D,)), hidden=5)
    with torch.no_grad():
        for to, of in ((alone.W, model.W), (alone.b, model.b), (alone.c, model.c)):
            to.copy_(of)
    x = sequences(T)[[5, 999, 2222]]
    each = alone.log_prob(x.flatten(0, 1)).values.view(3, T)
    torch.testing.assert_close(model.log_prob(x).values, each.sum(1))


def test_log_z_sums_over_either_layer(float64):
    torch.manual_seed(1)
    W, b, c = torch.randn(3, 5), torch.randn(2, 3), torch.randn(2, 5)
    for v_first in (log_partition(W, b, c), log_partition(W.T, c, b)):
        every_v, every_h = (torch.from_numpy(states(n)) for n in (3, 5))
        brute = [
            ((every_v @ b[i])[:, None] + every_h @ c[i] + every_v @ W @ every_h.T).exp().sum() for i in (0, 1)
        ]
        torch.testing.assert_close(v_first.exp(), torch.stack(brute))


# ---- rows of differing lengths


@every
def test_padding_counts_for_nothing(float64, name):
    model = shaken(name)
    x = sequences(T)[[3000, 1500, 17]]
    pieces = [x[0], x[1, :2], x[2, :1]]
    expected = [oracle(name, model, piece.numpy()) for piece in pieces]
    found = model.log_prob(pieces)
    np.testing.assert_allclose(found.values, expected, atol=1e-10)
    assert found.dims == D * 6 / 3
    # what stands in the padding does not matter
    padded = x.clone()
    padded[1, 2], padded[2, 1:] = 1, 1
    np.testing.assert_array_equal(model.score_samples(padded, lengths=[3, 2, 1]), found.values)
    np.testing.assert_array_equal(model.score_samples([p.tolist() for p in pieces]), found.values)


@pytest.mark.parametrize(
    "x, options, says",
    [
        ([torch.zeros(2, D), torch.zeros(2, D + 1)], {}, "row 1 of x has shape"),
        ([torch.zeros(T + 1, D)], {}, "with L from 1 to 3"),
        (torch.zeros(2, T, D), {"lengths": [1, T + 1]}, "whole number for each of the 2 rows"),
        (torch.zeros(2, T, D), {"lengths": [1]}, "whole number for each of the 2 rows"),
        (torch.zeros(2, T, D), {"known": torch.eye(T, D, dtype=torch.bool)}, "only the last steps"),
        (torch.zeros(2, T, 1), {}, "has shape"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(x, options, says):
    with pytest.raises(ValueError, match=says):
        RNNNADE(space(), hidden=3, state=2).log_prob(x, **options)


def test_lengths_are_for_sequences():
    with pytest.raises(ValueError, match="applies to sequences"):
        simulacra.PPCA(Real((3,)), latent=1).log_prob(torch.zeros(2, 3), lengths=[1, 2])
    with pytest.raises(ValueError, match="needs sequences of binary frames"):
        RTRBM(Binary((6,)))
    with pytest.raises(ValueError, match="cannot have steps"):
        Sequence((3, 5), of=Binary((4,)))


def ragged(n: int = 53, steps: int = 7):
    """Scales that go up and start over, cut at random."""
    rng = Rng(3, "scales", rows=range(n))
    first = (rng.uniform("first", 1) * D).long()
    notes = (first + torch.arange(steps)) % D
    x = torch.nn.functional.one_hot(notes, D).to(torch.uint8)
    lengths = 1 + (rng.uniform("length", 1).squeeze(1) * steps).long()
    kept = torch.arange(steps).unsqueeze(1) < lengths.view(-1, 1, 1)
    return in_memory(x * kept, space(steps), "scales", lengths=lengths)


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_chains_do_not_feel_how_far_a_batch_is_padded(name):
    model, data = shaken(name, steps=7), ragged()
    batch = data.train.rows(torch.arange(9))
    batch.lengths = batch.lengths.clamp_max(4)
    rng = Rng(1, "cd", rows=range(9))
    long = contrast(model, batch, rng).loss["contrast"] * valid_frames(batch)
    cut = trimmed(model, batch, rng)
    short = contrast(model, cut, rng).loss["contrast"] * valid_frames(cut)
    assert cut.x.shape[1] == 4
    torch.testing.assert_close(long[:, :4], short, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_many_sweeps_give_the_gradient_of_the_likelihood(float64, name):
    """Contrastive divergence without its bias, averaged over many rows."""
    model = shaken(name, gibbs_steps=20, seed=2)
    with torch.no_grad():
        model.W.mul_(0.5)
    x = sequences(T)[[77, 1234, 4000]].repeat(400, 1, 1)
    batch = Batch.of(x)
    slopes = []
    for loss, term in ((contrast, "contrast"), (exact, "nll")):
        value = loss(model, batch, Rng(4, rows=batch.rows)).loss[term].sum(1).mean()
        slopes.append(torch.cat([g.view(-1) for g in torch.autograd.grad(value, list(model.parameters()))]))
    assert float((slopes[0] - slopes[1]).abs().max()) < 0.15 * float(slopes[1].abs().max())


# ---- draws


@every
def test_draws_follow_the_law(float64, name):
    model, n = shaken(name, steps=2), 6000
    if name != "rnn-nade":
        with torch.no_grad():
            model.W.mul_(0.5)
    x = model.sample(n, seed=3)
    powers = 2.0 ** torch.arange(2 * D - 1, -1, -1).double()
    numbers = (x.double().flatten(1) @ powers).numpy()
    assert chi_square(numbers, np.exp(model.score_samples(sequences(2)))) > 1e-3


@every
def test_a_beginning_is_continued(name):
    model = shaken(name, steps=7)
    begun = [torch.ones(2, D), torch.zeros(5, D)]
    done = model.complete(begun, seed=2)
    assert done.shape == (2, 7, D) and bool((done[0, :2] == 1).all()) and bool((done[1, :5] == 0).all())
    assert bool(done[:, 5:].any()) and not torch.equal(done, model.complete(begun, seed=4))


# ---- training and scores


@every
def test_training_finds_the_scales(tmp_path, name):
    torch.manual_seed(0)
    data = ragged(201)
    options = {"lr": 0.02} if name == "rnn-nade" else {"lr": 0.3, "gibbs_steps": 3}
    model = KINDS[name](data.space, **options)
    before = float(model.log_prob(data.test.x, lengths=data.test.lengths).mean)
    run = simulacra.fit(model, data, out=tmp_path, epochs=30, batch_size=17, progress=False)
    after = likelihood(run.model, data)
    # a scale costs the choice of its first note; without a memory 2.2 nats a frame
    assert before < -8 and after.mean > -4
    torch.testing.assert_close(
        after.values, run.model.log_prob(data.test.x, lengths=data.test.lengths).values
    )
    assert after.dims == D * float(data.test.lengths.double().mean())
    again = simulacra.load(tmp_path, kind=type(model))
    torch.testing.assert_close(again.log_prob(data.test.x, lengths=data.test.lengths).values, after.values)


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_annealing_each_frame_finds_the_exact_score(name):
    data, model = ragged(), shaken(name, steps=7)
    exact_score = likelihood(model, data)
    # as if the sums were too long
    model.remove(HasDensity)
    both = likelihoods(model, data, seed=1, annealing=Annealing(200, 200, 100))
    found, other = both.estimate, both.pessimistic
    assert (found.kind, other.kind) == ("upper", "stochastic") and found.dims == exact_score.dims
    assert float((found.values - exact_score.values).abs().max()) < 0.25
    assert float((other.values - exact_score.values).abs().max()) < 0.25
    assert not both.bracket.doubts and both.bracket.details["laws"] > len(data.test)
    # the first frames of all rows have one law, and fewer rows the same numbers
    frames = int(data.test.lengths.sum())
    assert both.bracket.details["laws"] <= frames - len(data.test) + 1
    part = likelihoods(model, data, seed=1, limit=3, annealing=Annealing(200, 200, 100))
    torch.testing.assert_close(part.estimate.values, found.values[:3])
    rough = likelihoods(model, data, seed=1, annealing=Annealing(2, 2, 1))
    assert float((rough.estimate.values - exact_score.values).mean()) > 0
    assert float((rough.pessimistic.values - exact_score.values).mean()) < 0


def test_a_model_without_lengths_refuses_ragged_rows(tmp_path):
    data = ragged()
    model = simulacra.RBM(Binary((7 * D,)), hidden=2)
    model.space = data.space
    with pytest.raises(ValueError, match="sequences of differing lengths, which RBM does not take"):
        simulacra.fit(model, data, out=tmp_path, epochs=1, progress=False)
