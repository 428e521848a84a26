"""One suite over every model of the catalogue and every toy: what the contract promises."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import CATALOGUED
from contract.choose import every, having, lacking, represented, supports
from contract.harness import trained
from contract.use import K, answers, rows, shape_of, words
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.interface import evaluating
from simulacra.core.model import declared_by
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.likelihood.held_out import SCORED, has_likelihood
from simulacra.models.catalog import CATALOG


def test_every_catalogue_entry_has_a_case():
    missing = set(CATALOG) - {case.catalogued for case in CATALOGUED}
    lines = [f"_catalogued({name!r}, lambda: binary(6), ...)" for name in sorted(missing)]
    assert not missing, f"CATALOGUED in tests/contract/cases.py needs a small case for each: {lines}"


# ---- capabilities


@every
def test_declared_words_answer_in_the_right_shape(case):
    model = trained(case)
    for word, answer in answers(model, case).items():
        wanted = shape_of(model, word, 11)
        found = tuple(answer.shape)
        assert (found[:1] if ... in wanted else found) == tuple(n for n in wanted if n is not ...), word
        assert bool(torch.isfinite(answer.double()).all()), word


@every
def test_undeclared_words_are_refused(case):
    model = trained(case)
    for word, (needs, ask) in words(model, case).items():
        if not any(map(model.supports, needs)):
            with pytest.raises(ValueError, match=rf"{type(model).__name__} cannot do {word}\(\)"):
                ask()


@pytest.mark.system("H23")
@lacking(*SCORED, proves=True)
def test_an_implicit_model_refuses_to_score(case):
    """Without density and bound there is no number to give, rather than a wrong one."""
    model, (x, c) = trained(case), rows(case)
    for score in (model.log_prob, model.score_samples, model.anomaly_score):
        with pytest.raises(ValueError, match="needs a model that has an exact log-density or has a bound"):
            score(x, c)


def test_a_game_is_an_implicit_model():
    assert not supports("gan", *SCORED)


@every
def test_capabilities_are_those_of_the_class_less_what_is_removed(case):
    model = case.build()
    of_class = declared_by(type(model))
    # a model that draws x given an image translates by that, without a declaration
    assert model.capabilities() <= of_class | ({can.Translates} if draws_pairs(model) else set())
    removed = of_class - model.own_capabilities()
    assert removed == set(model._removed) | (
        {can.TakesCondition} & of_class if not model.condition else set()
    )


@having(can.HasEnergy)
def test_energies_are_finite_numbers_of_each_row(case):
    model, (x, _) = trained(case), rows(case)
    with evaluating(model):
        assert model.free_energy(x).shape == (11,)
        if model.supports(can.HasDensity):
            # log p + F is the same -log Z for every row
            total = model.log_density(x) + model.free_energy(x)
            assert float(total.max() - total.min()) < 1e-4


@having(can.HasMarkovChain)
def test_a_chain_is_pure_in_state_and_noise(case):
    model, rng, (_, c) = trained(case), Rng(3, "chain", rows=range(13)), rows(case, 13)
    c = c if model.supports(can.TakesCondition) else None
    with evaluating(model):
        first = model.start_chain(rng, c)
        kept = first.clone()
        a, b = model.step(first, rng.at(0), c), model.step(first, rng.at(0), c)
    assert torch.equal(a, b) and torch.equal(first, kept) and len(a) == 13


@having(can.HasMarkovChain)
def test_a_chain_at_observations_shows_them_and_can_go_on(case):
    """Row by row: a state does not depend on the other rows (2, 3 and 50 of them)."""
    model, (x, c) = trained(case), rows(case, 50)
    c = c if model.supports(can.TakesCondition) else None
    with evaluating(model):
        y = model.preprocessing.apply(x, Rng(0, "x", rows=range(50))).to(model.dtype)
        whole = model.chain_at(y, Rng(4, "at", rows=range(50)), c)
        assert torch.equal(model.shown(whole), y)
        for n in (2, 3):
            given = None if c is None else c[:n]
            part = model.chain_at(y[:n], Rng(4, "at", rows=range(n)), given)
            assert torch.equal(part, whole[:n])
        assert model.step(whole, Rng(4, "step", rows=range(50)), c).shape == whole.shape


@having(can.TakesCondition)
def test_a_condition_is_needed_and_checked(case):
    model, (x, c) = trained(case), rows(case)
    with pytest.raises(ValueError, match="give condition="):
        model.sample(3)
    with pytest.raises(ValueError, match="is a single number" if c.dim() > 1 else "has the classes 0 to 2"):
        model.sample(3, 7)
    # one of each class, or an observation of each kind
    one, two, three = c[:3] if c.dim() > 1 else range(3)
    batch = lambda *given: torch.stack([*map(torch.as_tensor, given)])
    with pytest.raises(ValueError, match="2 rows for 3"):
        model.sample(3, batch(one, two))
    assert torch.equal(model.sample(3, two, seed=2), model.sample(3, batch(two, two, two), seed=2))
    drawn = partial(model.sample, seed=0)
    asked = drawn if not has_likelihood(model) else lambda n, c: model.log_prob(x, c, k=K).values
    # many draws, since those of 0 and 1 are rounded
    assert not torch.equal(asked(61, one), asked(61, three))


@every
def test_a_condition_that_nobody_asked_for_is_refused(case):
    model = trained(case)
    if model.condition is None and model.supports(can.Samples):
        with pytest.raises(ValueError, match="without a condition"):
            model.sample(3, 1)


@every
def test_observations_that_do_not_fit_are_refused(case):
    model, (x, c) = trained(case), rows(case)
    asked = [model.log_prob, model.encode]
    needs = [SCORED, (can.Encodes,)]
    for ask, capabilities in zip(asked, needs):
        if any(map(model.supports, capabilities)):
            # the beginning of a text is a text
            text = isinstance(model.space, simulacra.Tokens)
            with nullcontext() if text else pytest.raises(ValueError, match="has shape"):
                ask(x[..., :1], c)
            if not model.space.discrete:
                with pytest.raises(ValueError, match="infinite"):
                    ask(torch.full_like(x, torch.inf), c)


@having(can.Encodes)
def test_numpy_and_lists_go_in(case):
    model, (x, c) = trained(case), rows(case)
    expected = model.encode(x, c)
    assert torch.equal(expected, model.encode(x.numpy(), None if c is None else c.numpy()))
    assert torch.equal(expected, model.encode(x.tolist(), None if c is None else c.tolist()))


def test_one_class_name_conditions_all_samples():
    space = simulacra.Categorical((), 3, ("cat", "dog", "emu"))
    model = simulacra.VAE(simulacra.Binary((5,)), space, latent=2, hidden=(7,))
    drawn = [model.sample(4, condition=c, seed=0) for c in ("dog", [1, 1, 1, 1])]
    assert torch.equal(*drawn)
    with pytest.raises(ValueError, match="'cow' is not a class"):
        model.sample(4, condition="cow")


# ---- scores


@pytest.mark.system("H23")
@having(*SCORED, proves=True)
def test_scores_are_nats_of_the_kind_that_the_model_declares(case):
    """Tractable models score exactly, approximate ones from below or not surely; implicit ones refuse, above.

    That higher is likelier is tested with the other words.
    """
    model, test = trained(case), case.data().test
    estimate = model.log_prob(test.x, test.c, k=50)
    kind = "lower" if model.supports(can.HasBound) else "stochastic"
    assert estimate.kind == ("exact" if model.supports(can.HasDensity) else kind)
    counted = model.space.counted(test.x.long())
    dims = model.space.dims if counted is None else counted.sum(1).double().mean().item()
    assert estimate.values.dtype == torch.float64 and estimate.dims == dims
    assert estimate.bits_per_dim == pytest.approx(-estimate.mean / dims / np.log(2))
    scores = model.score_samples(test.x, test.c, k=50)
    assert np.array_equal(scores, estimate.values.numpy())
    assert np.array_equal(model.anomaly_score(test.x, test.c, k=50), -scores)


@having(can.HasImportanceWeights)
def test_more_importance_samples_never_lower_the_bound(case):
    """E L_k rises with k: on the mean of the test rows, beyond its noise."""
    model, test = trained(case), case.data().test
    mean = lambda k, seeds: (
        sum(model.log_prob(test.x, test.c, k=k, seed=s).mean for s in range(seeds)) / seeds
    )
    means = [mean(1, 20), mean(20, 5), mean(400, 1)]
    assert means[0] - 0.05 < means[1] < means[2] + 0.05


# ---- completion


@represented(where=lambda case: supports(case.name, can.Completes))
def test_completion_keeps_what_is_known_and_no_more(case):
    model, (x, c) = trained(case), rows(case)
    known = Rng(0, "known", rows=range(11)).uniform("u", *x.shape[1:]) < 0.5
    complete = partial(model.complete, condition=c, seed=0)
    filled = complete(x, known)
    assert torch.equal(filled[known], x[known])
    # what is unknown plays no part
    changed = torch.where(known, x, x + 17)
    assert torch.equal(filled, complete(changed, known))
    # rows in which nothing is missing stay among others
    whole = known | (torch.arange(11) < 3).view(-1, *[1] * (known.dim() - 1))
    assert torch.equal(complete(x, whole)[:3], x[:3])
    drawn = (filled != x)[~known]
    # a draw of a discrete entry may well be what stood there
    assert bool(drawn.all() if isinstance(model.preprocessing.raw, Real) else drawn.any())
    flat = known.flatten(1)
    one = known[flat.any(1) & ~flat.all(1)][0]
    assert torch.equal(complete(x, one), complete(x, one.expand_as(known)))
