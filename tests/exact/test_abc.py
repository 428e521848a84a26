"""Approximate Bayesian computation as a model: conjugate posteriors, moments, functions of one's own."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.moments.abc import ABC, simulate_and_keep
from simulacra.models.moments.simulators import Bernoulli, GAndK, Normal, built_in, moments

ROWS = 39
DEVIATION = 1 / math.sqrt(ROWS + 1)  # of the mean of 39 rows of N(theta, 1), theta ~ N(0, 1): 0.158


def fitted(model: ABC, x: torch.Tensor, seed: int = 0) -> ABC:
    """The model after its only stage, on these training rows."""
    data = simulacra.from_tensors(x, model.space, "rows", valid=0, test=0)
    with evaluating(model):
        simulate_and_keep(model, data.train, Rng(seed, "simulations", "start"))
    return model


def normal_rows(d: int) -> torch.Tensor:
    return Rng(1, "rows", rows=range(ROWS)).normal("x", d) + torch.linspace(-0.5, 0.5, d)


@pytest.mark.system("H22")
def test_the_posterior_of_normal_means_is_the_conjugate_one():
    x = normal_rows(3)
    adjusted, plain = (
        fitted(ABC(Real((3,)), simulations=40_000, adjust=adjust), x).posterior for adjust in (True, False)
    )
    due = x.mean(0) * ROWS / (ROWS + 1)
    # five standard errors of the mean of 400 weighted draws
    assert float((adjusted.mean - due).abs().max()) < 5 * DEVIATION / math.sqrt(300)
    assert float((adjusted.deviation / DEVIATION - 1).abs().max()) < 0.1
    # at the same share rejection alone is too wide: about 0.26 in place of 0.158
    assert 0.21 < float(plain.deviation.mean()) < 0.31
    # and tends to the posterior as less is kept
    fewer = fitted(ABC(Real((3,)), simulations=40_000, share=0.001, adjust=False), x).posterior
    assert (
        float(fewer.deviation.mean()) < 0.8 * float(plain.deviation.mean()) and fewer.epsilon < plain.epsilon
    )


@pytest.mark.system("H22")
def test_the_posterior_of_probabilities_is_a_beta():
    x = torch.zeros(20, 1)
    x[:14] = 1
    p = fitted(ABC(Binary((1,)), share=0.2, adjust=False), x).posterior.theta.sigmoid()
    # the number of ones is uniform on 0 to 20: 480 of 10,000 are the observed one, and then others are kept
    exact = fitted(ABC(Binary((1,)), share=0.04, adjust=False), x).posterior.theta.sigmoid()
    a, b = 15, 7
    deviation = math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    assert abs(float(exact.mean()) - a / (a + b)) < 5 * deviation / 20
    assert float(exact.std()) == pytest.approx(deviation, rel=0.15)
    assert float(p.std()) > float(exact.std())


@pytest.mark.system("H22")
def test_samples_are_those_of_the_posterior_predictive_law():
    """The mean of all rows is near theta, and their variance 1 + that of the posterior."""
    model = fitted(ABC(Real((2,))), normal_rows(2))
    x = model.draw(Rng(3, "x", rows=range(4000)))
    posterior = model.posterior
    assert float((x.mean(0) - posterior.mean).abs().max()) < 5 / math.sqrt(4000)
    due = 1 + posterior.deviation.square()
    assert float((x.var(0) / due - 1).abs().max()) < 5 * math.sqrt(2 / 4000)
    # its codes are theta, whose rows have these expectations
    theta = model.prior(Rng(0, "z", rows=range(50)))
    assert model.emit(theta).equal(theta)
    for n in (2, 3):
        assert model.draw(Rng(3, "x", rows=range(n))).equal(x[:n])
        assert model.prior(Rng(0, "z", rows=range(n))).equal(theta[:n])


@pytest.mark.system("H22")
def test_corrected_samples_have_the_moments_of_the_data(float64):
    """Exactly so the reference draws, from which the map is made, and any others within their errors."""
    root = torch.tensor([[2.0, 0.0], [1.5, 0.4]])
    x = torch.randn(300, 2) @ root.T + torch.tensor([3.0, -1.0])
    model = fitted(ABC(Real((2,)), simulations=500, share=0.1, corrected=True).double(), x)
    here = Rng(0, "simulations", "start", "reference", rows=range(10_000))
    plain = model.simulator.simulate(model.posterior.draw(here), here.at("simulator"))
    moved = model.moved(plain)
    torch.testing.assert_close(moved.mean(0), x.mean(0), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        torch.cov(moved.T, correction=0), torch.cov(x.T, correction=0), rtol=0, atol=1e-9
    )
    # far from them without the map: its rows have deviation 1 and no correlation
    assert float((torch.cov(plain.T) - torch.cov(x.T)).abs().max()) > 1
    new = model.draw(Rng(5, "new", rows=range(10_000)))
    assert float((torch.cov(new.T) / torch.cov(x.T) - 1).abs().max()) < 0.1


def test_the_law_of_g_and_k_is_that_of_its_quantiles():
    """Without skewness and heavy tails it is normal; its mean is that of draws; summaries see each change."""
    law = GAndK((1,))
    z = torch.linspace(-3, 3, 7)
    flat = torch.tensor([[1.0, math.log(2), 0.0, 0.0]])
    torch.testing.assert_close(law.quantiles(flat, z.unsqueeze(1)), 1 + 2 * z.unsqueeze(1))
    theta = torch.tensor([[0.5, -0.2, 0.9, 0.6]])
    rows = law.simulate(theta.expand(40_000, 4), Rng(0, "x", rows=range(40_000)))
    assert float(rows.mean() - law.mean(theta)) == pytest.approx(0, abs=5 * float(rows.std()) / 200)
    told = law.summary(rows.unsqueeze(0))[0]
    for i, change in enumerate(torch.eye(4)):
        other = law.simulate((theta + change).expand(40_000, 4), Rng(0, "x", rows=range(40_000)))
        assert float((law.summary(other.unsqueeze(0))[0] - told)[i]) > 0.1


# ---- functions of one's own


def prior(rng):
    return rng.normal("theta", 1)


def simulate(theta, rng):
    """Rows of N(theta, 1) in one column."""
    return theta + rng.normal("x", 1)


def test_functions_of_ones_own_give_what_the_built_in_gives(tmp_path):
    x = normal_rows(1)
    own = ABC(
        Real((1,)), simulations=2000, share=0.1, prior=prior, simulate=simulate, summary=lambda x: x.mean(1)
    )
    built = ABC(Real((1,)), simulations=2000, share=0.1)
    assert fitted(own, x).theta.equal(fitted(built, x).theta)
    # without a mean it does not decode
    with pytest.raises(ValueError, match=r"ABC cannot do decode\(\)"):
        own.decode(torch.zeros(2, 1))
    assert built.decode(torch.zeros(2, 1)).shape == (2, 1)


def test_functions_are_recorded_as_text_and_passed_to_load(tmp_path):
    data = simulacra.from_tensors(normal_rows(1), Real((1,)), "rows")
    settings = {"simulations": 200, "share": 0.1, "prior": prior, "simulate": simulate, "mean": lambda t: t}
    run = simulacra.fit(ABC(data.space, **settings), data, out=tmp_path / "run", doctor=False, progress=False)
    text = (tmp_path / "run" / "config.json").read_text()
    assert '"""Rows of N(theta, 1) in one column."""' in text.replace('\\"', '"') and "at 0x" not in text
    with pytest.raises(
        ValueError, match=r"was built with its own prior: pass it again, as in load\(path, prior="
    ):
        simulacra.load(tmp_path / "run")
    again = simulacra.load(tmp_path / "run", prior=prior, simulate=simulate, mean=lambda t: t)
    assert again.sample(3, seed=0).equal(run.model.sample(3, seed=0))
    # a single row is its own summary, of many rows these are mean and log deviation
    assert moments(torch.tensor([[[2.0, 5.0]]])).tolist() == [[2.0, 5.0]]


# ---- wrong calls


def said(**arguments) -> Exception:
    """The refusal of the constructor."""
    space = arguments.pop("space", Real((3,)))
    with pytest.raises(ValueError) as caught:
        ABC(space, **arguments)
    assert len(str(caught.value).split(". ")) == 1
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "words", "typed"),
    [
        (
            {"simulator": "bernoulli"},
            "draws Binary, but the space is",
            ("--model.simulator", "normal"),
        ),
        (
            {"space": Levels((1, 2, 2), 5)},
            "no simulator of the library draws Levels",
            ("--data.dequantize", "uniform"),
        ),
        (
            {"simulations": 50},
            "keeps 1, but the regression on 3 summaries takes 6",
            ("--model.simulations", "601"),
        ),
        (
            {"space": Binary((3,)), "corrected": True},
            "cannot be moved to other moments",
            ("--model.corrected", "false"),
        ),
    ],
    ids=["simulator", "space", "simulations", "corrected"],
)
def test_what_is_suggested_works(arguments, words, typed):
    error = said(**arguments)
    assert words in str(error) and error.suggestions[0].words == typed
    (way,) = error.suggestions
    space = Real((1, 2, 2)) if way.of == "data" else arguments.get("space", Real((3,)))
    given = {name: value for name, value in arguments.items() if name != "space"}
    ABC(space, **{**given, **(dict(way.options) if way.of == "model" else {})})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"share": 0.0}, "share is 0.0, but it is the part"),
        ({"rows": 0}, "rows is 0, but it must be at least 1"),
        ({"prior": prior}, "prior= is given without simulate="),
        ({"simulate": simulate}, "simulate= is given without prior="),
        ({"mean": prior}, "mean= is given without simulate="),
        (
            {"simulator": "normal", "prior": prior, "simulate": simulate},
            "simulator is 'normal' beside simulate=",
        ),
        (
            {"prior": prior, "simulate": simulate},
            r"simulate returned shape (6, 1), but it must return .* (6, 3)",
        ),
        ({"prior": prior, "simulate": 3}, "simulate is 3, but it must be a function"),
        ({"simulator": "norml"}, "did you mean 'normal'?"),
    ],
)
def test_wrong_calls_are_told(arguments, words):
    error = str(said(**arguments))
    assert all(part in error for part in words.split(" .* "))


def test_data_that_no_simulation_gives_are_told():
    always = ABC(
        Real((1,)),
        simulations=100,
        share=0.1,
        prior=prior,
        simulate=lambda theta, rng: torch.ones(len(theta), 1),
    )
    with pytest.raises(ValueError, match=r"summary 0 is 1 in all simulations and 0.* in the data"):
        fitted(always, torch.zeros(5, 1) + 0.5)


def test_built_in_simulators_take_any_shape():
    for make, space in (
        (Normal, Real((1, 2, 3))),
        (Bernoulli, Binary((1, 2, 3))),
        (GAndK, Real((1, 2, 3))),
        (Normal, Real(())),
    ):
        law = make(tuple(space.shape))
        assert type(built_in("auto", space)) is (Normal if isinstance(space, Real) else Bernoulli)
        rng = Rng(0, "rows", rows=range(6))
        theta = law.prior(rng)
        x = law.simulate(theta, rng)
        space.check(x)
        assert law.mean(theta).shape == x.shape
        assert (theta.shape[1], law.summary(x.unflatten(0, (2, 3))).shape[1]) == law.sizes
    assert bool(law.mean(theta).isfinite().all())
