"""Raw in, raw out: what users hand to the words, and the units in which it comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import CASES, CATALOGUED
from contract.test_words import every, having
from contract.use import K, rows, trained
from simulacra.core import capabilities as can
from simulacra.core.model import Model
from simulacra.core.preprocessing import Preprocessing
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Levels, Real
from simulacra.core.transforms import Affine, Binarise, Dequantise


@having(can.Samples)
def test_samples_belong_to_the_raw_space(case):
    model, (_, c) = trained(case), rows(case, 37)
    raw, x = model.preprocessing.raw, model.sample(37, c)
    raw.check(x)
    assert tuple(x.shape) == (37, *raw.shape)
    if isinstance(raw, Levels):
        assert x.dtype == torch.uint8
    # what comes out goes in again
    if model.supports(can.HasBound) or model.supports(can.HasDensity):
        assert np.isfinite(model.score_samples(x, c, K)).all()


def prepared(kind, raw, *steps, **arguments) -> Model:
    """An untrained model behind a chain of preprocessing."""
    torch.manual_seed(6)
    chain = Preprocessing(raw, steps)
    model = kind(chain.space, **arguments)
    model.preprocessing = chain
    return model


BYTES = Levels((1, 3, 5), 256)
PREPARED = {
    "binarised": lambda: prepared(simulacra.VAE, BYTES, Binarise("dynamic"), latent=2, hidden=(7,)),
    "dequantised": lambda: prepared(
        simulacra.VAE, BYTES, Dequantise(256), Affine((0.5,), (0.3,)), latent=2, hidden=(7,)
    ),
    "standardised": lambda: prepared(
        simulacra.PPCA, Real((3,)), Affine((5.0, 6.0, 7.0), (0.1, 1.0, 10.0)), latent=2
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_raw_in_and_raw_out_through_preprocessing(name):
    """Samples, completions and reconstructions have the units of the data, whatever the model sees."""
    model = PREPARED[name]()
    raw = model.preprocessing.raw
    assert model.space != raw or name == "standardised"
    x = model.sample(50, seed=2)
    raw.check(x)
    known = Rng(0, "known", rows=range(50)).uniform("u", *raw.shape) < 0.5
    completed = model.complete(x, known)
    raw.check(completed)
    assert torch.equal(completed[known], x[known])
    back = model.reconstruct(x)
    assert torch.equal(back, model.decode(model.encode(x)))
    if isinstance(raw, Levels):
        assert x.dtype == torch.uint8 and x.max() > 200 and back.min() >= 0 and 1 < back.max() <= 255
    else:
        assert (x.mean(0) - torch.tensor([5.0, 6.0, 7.0])).abs().max() < 10
        assert torch.allclose(x.std(0) / torch.tensor([0.1, 1.0, 10.0]), torch.ones(3), atol=0.4)


# ---- what goes in


@every
def test_numpy_torch_and_lists_are_one(case):
    """The same answers to the same rows, whatever holds them."""
    model, (x, c) = trained(case), rows(case)
    known = torch.arange(x[0].numel()).reshape(x.shape[1:]) % 2 == 0
    forms = [(x, c, known)]
    for turn in (lambda t: t.numpy(), lambda t: t.double().numpy(), lambda t: t.tolist()):
        forms.append((turn(x), None if c is None else c.tolist(), known.tolist()))
    asks = {
        (can.HasDensity, can.HasBound): lambda x, c, known: torch.as_tensor(model.score_samples(x, c, K)),
        (can.Encodes,): lambda x, c, known: model.encode(x, c),
        (can.Completes,): lambda x, c, known: model.complete(x, known, c),
    }
    for needs, ask in asks.items():
        if any(map(model.supports, needs)):
            first, *others = [ask(*form).double() for form in forms]
            assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_condition_is_asked_for_by_every_word_and_refused_by_all(case):
    """p(x|c) needs c wherever it needs x; p(x) takes none."""
    model, (x, c) = trained(case), rows(case)
    asks = {
        (can.Samples,): lambda c: model.sample(11, c),
        (can.HasDensity, can.HasBound): lambda c: model.log_prob(x, c, k=K),
        (can.Encodes,): lambda c: model.encode(x, c),
        (can.Decodes,): lambda c: model.decode(torch.zeros(11, model.code_size, dtype=model.dtype), c),
        (can.Completes,): lambda c: model.complete(x, None, c),
    }
    for needs, ask in asks.items():
        if any(map(model.supports, needs)):
            given, why = (1, "without a condition") if model.condition is None else (None, "give condition=")
            with pytest.raises(ValueError, match=why):
                ask(given)
            ask(c if model.condition is not None else None)


@every
def test_known_everywhere_is_no_mask_and_gaps_are_refused_by_name(case):
    model, (x, c) = trained(case), rows(case)
    whole, gaps = torch.ones_like(x, dtype=torch.bool), torch.ones_like(x, dtype=torch.bool)
    gaps.flatten(1)[3, 1] = False
    asks = {
        (can.HasDensity, can.HasBound): lambda known: model.log_prob(x, c, K, known=known).values,
        (can.Encodes,): lambda known: model.encode(x, c, known=known),
    }
    for needs, ask in asks.items():
        if not any(map(model.supports, needs)):
            continue
        full = ask(None)
        assert torch.equal(full, ask(whole))
        if model.supports(can.TakesMissing):
            # row 3 alone misses an entry
            partial, others = ask(gaps), torch.arange(11) != 3
            assert torch.allclose(partial[others], full[others], rtol=1e-4, atol=1e-5)
            # the code of a 0 may be that of nothing; the score of one entry less is another
            assert needs == (can.Encodes,) or partial[3] != full[3]
        else:
            with pytest.raises(ValueError, match=f"{type(model).__name__} cannot leave out"):
                ask(gaps)


# ---- codes, completion, labels


@having(can.Encodes)
def test_reconstruction_is_decoding_of_the_code(case):
    model, (x, c) = trained(case), rows(case)
    assert torch.equal(model.reconstruct(x, c), model.decode(model.encode(x, c), c))
    assert tuple(model.reconstruct(x, c).shape) == tuple(x.shape)


@having(can.Completes)
def test_completion_keeps_what_is_known_and_draws_the_rest(case):
    model, (x, c) = trained(case), rows(case)
    everything = torch.ones_like(x, dtype=torch.bool)
    assert torch.equal(model.complete(x, everything, c), x)
    assert torch.equal(model.complete(x, condition=c), x)
    known = Rng(4, "known", rows=range(11)).uniform("u", *x.shape[1:]) < 0.4
    filled = model.complete(x, known, c)
    if model.supports(can.Samples):
        model.preprocessing.raw.check(filled)
    assert torch.equal(filled[known], x[known]) and bool((filled != x)[~known].any())
    # True = keep: turned around, the other half stays
    assert torch.equal(model.complete(x, ~known, c)[~known], x[~known])
    another = model.complete(x, known, c, seed=1)
    # a model that does not sample fills in by its conditional mean
    assert torch.equal(filled, another) == (not model.supports(can.Samples))


@having(can.Classifies, cases=CASES)
def test_probabilities_of_the_labels_sum_to_one(case):
    model, (x, _) = trained(case), rows(case)
    p = model.classify(x)
    assert p.shape == (11, model.condition.classes) and bool((p >= 0).all())
    assert torch.allclose(p.sum(1), torch.ones(11, dtype=p.dtype), atol=1e-6)


def test_binary_data_are_decoded_to_probabilities():
    """A mean of zeros and ones is no zero or one."""
    for case in CATALOGUED:
        model = trained(case)
        if isinstance(model.preprocessing.raw, Binary) and model.supports(can.Decodes):
            p = model.decode(torch.zeros(3, model.code_size))
            assert p.is_floating_point() and 0 < float(p.min()) <= float(p.max()) < 1
