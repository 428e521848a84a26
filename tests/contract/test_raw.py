"""Raw in, raw out: what users hand to the words, and the units in which it comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import CATALOGUED, Case
from contract.choose import catalogued, every, having, represented, supports, where
from contract.declared import declared
from contract.harness import trained
from contract.use import K, rows
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.evaluation.likelihood.held_out import SCORED


@having(can.Samples, cases=CATALOGUED)
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
    chain = Preprocessing(raw, steps)
    model = kind(chain.space, **arguments, seed=6)
    model.preprocessing = chain
    return model


BYTES = Levels((1, 3, 5), 256)
PREPARED = {
    "binarized": lambda: prepared(simulacra.VAE, BYTES, Binarize("dynamic"), latent=2, hidden=(7,)),
    "dequantized": lambda: prepared(
        simulacra.VAE, BYTES, Dequantize(256), Affine((0.5,), (0.3,)), latent=2, hidden=(7,)
    ),
    "companded": lambda: prepared(simulacra.VAE, Audio((5,), 8000), MuLaw(16), latent=2, hidden=(7,)),
    "standardized": lambda: prepared(
        simulacra.PPCA, Real((3,)), Affine((5.0, 6.0, 7.0), (0.1, 1.0, 10.0)), latent=2
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_raw_in_and_raw_out_through_preprocessing(name):
    """Samples, completions and reconstructions have the units of the data, whatever the model sees."""
    model = PREPARED[name]()
    raw = model.preprocessing.raw
    assert model.space != raw or name == "standardized"
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
    elif isinstance(raw, Audio):
        assert x.is_floating_point() and 0.2 < x.abs().max() <= 1 and back.abs().max() <= 1
    else:
        assert (x.mean(0) - torch.tensor([5.0, 6.0, 7.0])).abs().max() < 10
        assert torch.allclose(x.std(0) / torch.tensor([0.1, 1.0, 10.0]), torch.ones(3), atol=0.4)


# ---- what goes in


@represented(CATALOGUED)
def test_numpy_torch_and_lists_are_one(case):
    """The same answers to the same rows, whatever holds them."""
    model, (x, c) = trained(case), rows(case)
    known = torch.arange(x[0].numel()).reshape(x.shape[1:]) % 2 == 0
    forms = [(x, c, known)]
    for turn in (lambda t: t.numpy(), lambda t: t.double().numpy(), lambda t: t.tolist()):
        forms.append((turn(x), None if c is None else c.tolist(), known.tolist()))
    asks = {
        SCORED: lambda x, c, known: torch.as_tensor(model.score_samples(x, c, K)),
        (can.Encodes,): lambda x, c, known: model.encode(x, c),
        (can.Completes,): lambda x, c, known: model.complete(x, known, c, seed=0),
    }
    for needs, ask in asks.items():
        if any(map(model.supports, needs)):
            first, *others = [ask(*form).double() for form in forms]
            assert all(torch.equal(first, other) for other in others)


@every
def test_a_condition_is_asked_for_by_every_word_and_refused_by_all(case):
    """p(x|c) needs c wherever it needs x; p(x) takes none."""
    model, (x, c) = trained(case), rows(case)
    half = torch.arange(x[0].numel()).reshape(x.shape[1:]) % 2 == 0
    asks = {
        (can.Samples,): lambda c: model.sample(11, c),
        SCORED: lambda c: model.log_prob(x, c, k=K),
        (can.Encodes,): lambda c: model.encode(x, c),
        (can.Decodes,): lambda c: model.decode(torch.zeros(11, model.code_size, dtype=model.dtype), c),
        (can.Completes,): lambda c: model.complete(x, half, c),
    }
    for needs, ask in asks.items():
        if any(map(model.supports, needs)):
            given, why = (1, "without a condition") if model.condition is None else (None, "give condition=")
            if model.condition is None or model.supports(can.TakesCondition):
                with pytest.raises(ValueError, match=why):
                    ask(given)
            ask(c if model.condition is not None else None)


@catalogued
def test_known_everywhere_is_no_mask_and_gaps_are_refused_by_name(case):
    model, (x, c) = trained(case), rows(case)
    whole, gaps = torch.ones_like(x, dtype=torch.bool), torch.ones_like(x, dtype=torch.bool)
    gaps.flatten(1)[3, 1] = False
    asks = {
        SCORED: lambda known: model.log_prob(x, c, K, known=known).values,
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


@having(can.Decodes, cases=CATALOGUED)
def test_reconstruction_is_decoding_of_the_code(case):
    model, (x, c) = trained(case), rows(case)
    if not model.supports(can.Encodes):
        return
    assert torch.equal(model.reconstruct(x, c), model.decode(model.encode(x, c), c))
    assert tuple(model.reconstruct(x, c).shape) == tuple(x.shape)


@represented(CATALOGUED, where=lambda case: supports(case.name, can.Completes))
def test_completion_keeps_what_is_known_and_draws_the_rest(case):
    model, (x, c) = trained(case), rows(case)
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


@having(can.Completes, cases=CATALOGUED)
def test_completion_needs_something_to_draw_and_something_to_go_by(case):
    """Rows without a gap, and rows that are all gap, may stand beside others; alone they are refused."""
    model, (x, c) = trained(case), rows(case)
    whole, none = torch.ones_like(x, dtype=torch.bool), torch.zeros_like(x, dtype=torch.bool)
    for known, why in ((whole, "every entry"), (whole[0], "every entry"), (none, "no entry")):
        with pytest.raises(ValueError, match=why) as refusal:
            model.complete(x, known, c)
        assert str(refusal.value).count(". ") == 0
    some = whole.clone()
    some[3:5] = False
    assert torch.equal(model.complete(x, some, c)[some], x[some])
    if isinstance(model.preprocessing.raw, Table):
        # a table says by NaN what is missing: without any it is complete as it stands
        assert torch.equal(model.complete(x, condition=c), x)
    elif isinstance(model.preprocessing.raw, simulacra.Tokens):
        # a text is a beginning, which goes on
        begun = torch.arange(x.shape[1]) < model.preprocessing.raw.lengths(x).unsqueeze(1)
        assert torch.equal(model.complete(x, condition=c)[begun], x[begun])
    else:
        with pytest.raises(ValueError, match=r"needs known=: True where"):
            model.complete(x, condition=c)


@having(can.Completes, cases=CATALOGUED)
def test_what_does_not_fit_is_said_of_x_or_of_known(case):
    """Rows of another size, values off the support, a `known` of another shape: one sentence."""
    model, (x, c) = trained(case), rows(case)
    raw = model.preprocessing.raw
    half = torch.arange(x[0].numel()).reshape(x.shape[1:]) % 2 == 0
    asks = [lambda x, known: model.complete(x, known, c)]
    if any(map(model.supports, SCORED)):
        asks.append(lambda x, known: model.log_prob(x, c, K))
    larger = torch.cat([x, x[..., :1]], -1)
    text = isinstance(raw, simulacra.Tokens)
    bad = [(larger, half, r"more than the 5 tokens" if text else r"x has shape \(11, .* needs \(B, ")]
    if isinstance(raw, (Levels, Binary)):
        off = x.clone()
        off[~half.expand_as(x)] = getattr(raw, "levels", 2)
        bad += [(off, ~half, "x holds values"), (x - 0.5, half, "x holds values")]
    for rows_, known, why in bad:
        for ask in asks:
            with pytest.raises(ValueError, match=why) as refusal:
                ask(rows_, known)
            assert str(refusal.value).count(". ") == 0
    for known, why in (
        (torch.ones(larger.shape[1:]), r"known has shape .* that of x, .*, or of one observation"),
        (torch.ones(3, *raw.shape), "known has shape"),
        ("upper", "known is the text 'upper'"),
    ):
        with pytest.raises(ValueError, match=why):
            model.complete(x, known, c)


@having(can.Classifies)
def test_probabilities_of_the_labels_sum_to_one(case):
    model, (x, _) = trained(case), rows(case)
    p = model.classify(x)
    assert p.shape == (11, model.condition.classes) and bool((p >= 0).all())
    assert torch.allclose(p.sum(1), torch.ones(11, dtype=p.dtype), atol=1e-6)


def binary_codes(case: Case) -> bool:
    """Say whether the case decodes to zeros and ones."""
    traits = declared(case.name).traits
    return supports(case.name, can.Decodes) and any(trait.startswith("space: Binary") for trait in traits)


@where(binary_codes, cases=CATALOGUED)
def test_binary_data_are_decoded_to_probabilities(case):
    """A mean of zeros and ones is no zero or one."""
    model = trained(case)
    c = None if model.condition is None else torch.zeros(3, *model.condition.shape, dtype=torch.long)
    p = model.decode(torch.zeros(3, model.code_size), c)
    assert p.is_floating_point() and 0 < float(p.min()) <= float(p.max()) < 1
