"""The words and their signs, fixed once: the same arguments, units and meaning for every model.

`test_contract` asks whether what is declared answers, and whether answers depend on chunks, threads or
the state of torch. Here it is what the answers mean.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import CATALOGUED, Case, named
from contract.choose import every, having, supports
from contract.draws import takes_noise
from contract.harness import train, trained
from contract.representatives import move_represented
from contract.use import K, noise, rows, words
from contract.world import kept
from simulacra.core.capabilities import general as can
from simulacra.core.interface import Interface
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.likelihood.held_out import SCORED

SOURCE = Path(simulacra.__file__).parent
WORDS = [
    "sample",
    "log_prob",
    "score_samples",
    "anomaly_score",
    "encode",
    "decode",
    "reconstruct",
    "complete",
    "text",
    "to_dataframe",
    "classify",
    "predict",
    "denoise",
    "translate",
]
LONGER = {
    "ddpm/pairs": 200,
    **dict.fromkeys(("diffusion", "ddpm", "ddpm/unet"), 60),
    "vae": 80,
    "vq-vae": 50,
    "vq-vae/conditional": 40,
    "belief-net": 100,
    "bihm": 150,
    "mean-field-sbn": 100,
    "belief-net/straight": 150,
    "darn": 150,
    "vae/scores": 300,
    "iwae": 80,
    "hierarchical-vae": 100,
    "rbm": 200,
    "eonade": 150,
    "nade-k": 150,
    "nade": 150,
    "fvbn": 150,
    "fvbn/neural": 150,
    "made": 150,
    "wavenet": 60,
    "transformer": 100,
    **dict.fromkeys(("masked-diffusion", "masked-diffusion/levels", "masked-diffusion/conditional"), 100),
    "transformer/levels": 100,
    "rbm/conditional": 200,
    "rbm/tempering": 200,
    "dbn": 200,
    "boltzmann-machine": 200,
    "mixture-rbm": 300,
    "discriminative-rbm": 200,
    "grouped-rbm": 200,
    "boosted-field": 20,
    "dbm": 200,
    "multi-prediction-dbm": 250,
}  # epochs until coin flips look strange, by 12 standard errors
CERTAIN = 5  # standard errors


scored = having(*SCORED, cases=CATALOGUED)


@kept
def learnt(case: Case) -> Model:
    """A model that has seen enough to tell its data from noise."""
    return train(case, epochs=LONGER[case.name]) if case.name in LONGER else trained(case)


def data(case: Case, n: int = 100):
    """Training rows in raw units and their conditions; rows with placeholders are left out."""
    source = case.data().train
    known = torch.ones(len(source), 1, dtype=torch.bool) if source.known is None else source.known
    batch = source.rows(known.flatten(1).all(1).nonzero()[:n, 0])
    return batch.x, batch.c


# ---- arguments


def documented() -> dict[str, list[str]]:
    """The words of the contract's page with the arguments that stand there."""
    page = SOURCE.parents[1] / "docs" / "contract.md"
    if not page.is_file():
        pytest.skip("the docs are not here")
    table = page.read_text(encoding="utf-8").split("## The words")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    calls = [call for cell in cells for call in re.findall(r"`(\w+)\(([^)]*)\)`", cell)]
    return {word: [argument.strip().rstrip("=") for argument in text.split(",")] for word, text in calls}


def test_every_word_stands_in_the_contract_with_its_arguments():
    """In the order of the docs; what is written with `=` has a default."""
    page = documented()
    assert list(page) == WORDS
    for word, arguments in page.items():
        names = list(inspect.signature(getattr(Interface, word)).parameters)[1:]
        assert [name for name in names if name in arguments] == arguments, word


def test_arguments_of_one_meaning_have_one_name_place_and_default():
    """Scores take the same arguments; the first is what the word is about, all others have defaults."""
    of = {word: inspect.signature(getattr(Interface, word)).parameters for word in WORDS}
    subjects = {word: list(parameters)[1] for word, parameters in of.items()}
    assert subjects == {**dict.fromkeys(WORDS, "x"), "sample": "n", "decode": "z"}
    scores = [list(of[word].values()) for word in ("log_prob", "score_samples", "anomaly_score")]
    assert scores[0] == scores[1] == scores[2]
    defaults = {"condition": None, "known": None, "seed": 0, "k": 1000, "watch": None, "lengths": None}
    defaults |= {"level": None, "to": None, "method": None, "point": None, "draws": 100, "n": 1}
    for word, parameters in of.items():
        for name, parameter in list(parameters.items())[2:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                assert (word, name) in (("sample", "how"), ("complete", "how"))
                continue
            # a score has one seed, a draw another each time
            wanted = None if name == "seed" and word in ("sample", "complete") else defaults[name]
            assert parameter.default == wanted, f"{word}({name}=)"


@every
def test_no_model_has_words_of_its_own(case):
    kind = type(case.build())
    assert all(getattr(kind, word) is getattr(Interface, word) for word in WORDS)


def test_nothing_is_called_mask():
    """What is known is `known`, True = keep: a bare mask says neither."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.arguments):
                named_so = [a for a in (*node.posonlyargs, *node.args, *node.kwonlyargs) if a.arg == "mask"]
                found += [f"{path.name}:{a.lineno}" for a in named_so]
    assert not found


@every
def test_a_refusal_says_what_the_model_can(case):
    """`MissingCapability`, a ValueError: the word, what it needs, and everything that there is."""
    model = trained(case)
    refused = [ask for needs, ask in words(model, case).values() if not any(map(model.supports, needs))]
    for ask in refused:
        with pytest.raises(can.MissingCapability) as refusal:
            ask()
        sentence = str(refusal.value)
        assert all(capability.phrase in sentence for capability in model.capabilities())
        assert sentence.startswith(type(model).__name__) and sentence.count(". ") == 0


# ---- scores


@move_represented(CATALOGUED, where=lambda case: supports(case.name, *SCORED))
def test_typical_rows_score_higher_than_noise(case):
    """On the mean over rows, by many standard errors: fair draws from the space, or far-flung reals."""
    model, (x, c) = learnt(case), data(case)
    far = noise(case, 200)
    far_c = None if c is None else c[torch.arange(200) % len(c)]
    # copies of a row share their noise, which seeds average out
    seeds = range(1 if model.supports(can.HasDensity) or model.supports(can.EstimatesDensity) else 8)
    mean = lambda rows, given: (
        sum(model.log_prob(rows, given, k=20, seed=s).values for s in seeds) / len(seeds)
    )
    a, b = mean(x, c), mean(far, far_c)
    # noise that is all but impossible has no error of its own: raised scores make the difference smaller
    b = b.clamp_min(a.min() - 10 * a.std())
    error = (a.var() / len(a) + b.var() / len(b)).sqrt()
    assert (a.mean() - b.mean()) / error > CERTAIN
    # the numbers keep the sign, the anomaly turns it
    assert model.score_samples(x, c, k=20).mean() > model.score_samples(far, far_c, k=20).mean()
    assert model.anomaly_score(x, c, k=20).mean() < model.anomaly_score(far, far_c, k=20).mean()


@pytest.mark.parametrize("name", ["ppca/em", "vae", "iwae", "rbm"])
def test_rows_score_higher_than_their_columns_shuffled(name):
    """Each column alone is as in the data: only what hangs together is gone."""
    model, (x, _) = learnt(named(name)), data(named(name))
    orders = Rng(1, "orders", rows=range(x.shape[1])).uniform("u", len(x)).argsort(1)
    shuffled = torch.stack([column[order] for column, order in zip(x.unbind(1), orders)], 1)
    a, b = model.log_prob(x, k=20).values, model.log_prob(shuffled, k=20).values
    assert (a.mean() - b.mean()) / (a.var() / len(a) + b.var() / len(b)).sqrt() > CERTAIN


@scored
def test_reals_far_away_are_strange_one_by_one(case):
    model, (x, c) = trained(case), data(case)
    if isinstance(model.preprocessing.raw, Real):
        near, far = model.anomaly_score(x, c, k=K), model.anomaly_score(x + 30, c, k=K)
        assert far.min() > near.max()


@scored
def test_scores_are_one_number_in_three_words(case):
    model, (x, c) = trained(case), rows(case)
    estimate = model.log_prob(x, c, k=K, seed=3)
    values = estimate.values.numpy()
    assert values.dtype == np.float64 and values.shape == (11,)
    assert np.array_equal(model.score_samples(x, c, K, 3), values)
    assert np.array_equal(model.anomaly_score(x, c, K, 3), -values)
    counted = model.preprocessing.raw.counted(x)
    dims = model.preprocessing.raw.dims if counted is None else float(counted.sum()) / len(x)
    bits = -values.mean() / (dims * math.log(2))
    assert estimate.bits_per_dim == pytest.approx(bits) and estimate.mean == pytest.approx(values.mean())
    assert "nats" in str(estimate)


def test_nats_are_natural_logarithms():
    """The probabilities of all 64 binary rows sum to one with exp, and with nothing else."""
    model = trained(named("rbm"))
    states = (torch.arange(64).unsqueeze(1) >> torch.arange(6)) & 1
    assert np.exp(model.score_samples(states)).sum() == pytest.approx(1, abs=1e-5)


@scored
def test_a_score_is_a_function_of_row_and_seed(case):
    """Exact scores take no notice of the seed; bounds are draws, the same for the same seed."""
    model, (x, c) = trained(case), rows(case)
    a, b = (model.score_samples(x, c, K, seed) for seed in (5, 6))
    assert np.array_equal(a, model.score_samples(x, c, K, 5))
    # a bound by a mean field is no draw, one by importance samples is
    if model.supports(can.HasDensity) or model.supports(can.HasImportanceWeights):
        assert np.array_equal(a, b) == model.supports(can.HasDensity)


# ---- samples


@having(can.Samples, cases=CATALOGUED)
def test_samples_are_a_function_of_the_seed(case):
    model, (_, c) = trained(case), rows(case, 37)
    whole = model.sample(37, c, seed=5)
    assert torch.equal(whole, model.sample(37, c, seed=5))
    assert torch.equal(whole, model.sample(37, c, seed=6)) != takes_noise(model, c)
    part = model.sample(5, None if c is None else c[:5], seed=5)
    assert torch.allclose(part.double(), whole[:5].double(), atol=1e-5)
