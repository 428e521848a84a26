"""Each option that a finding of the doctor names is one that its model, its data and its command take."""

import shlex
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
import yaml

from contract.representatives import quick
from simulacra.cli import main
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.diagnostics.condition import ConditionUse
from simulacra.evaluation.diagnostics.dead_units import Layer
from simulacra.evaluation.diagnostics.extreme_weights import Weights
from simulacra.evaluation.diagnostics.noising import StepsBack
from simulacra.evaluation.diagnostics.shared_rows import SharedRows
from simulacra.evaluation.diagnostics.state import Diagnostics
from simulacra.evaluation.doctor.advice import Option, Setting, arguments_of, setting_of
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.latents.against_mean import AgainstMean
from simulacra.evaluation.latents.codes import Codes, active_in, decompose
from simulacra.evaluation.latents.spread import Spread
from simulacra.evaluation.likelihood.constant_columns import Constant
from simulacra.evaluation.likelihood.held_out import Likelihood
from simulacra.evaluation.measures.checked import (
    AGAINST_MEAN,
    CELLS,
    CONDITION,
    ENTRIES,
    SETTING,
    SHARED,
    WEIGHTS,
)
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.noising import AVERAGED, STEPS_BACK, Averaged
from simulacra.evaluation.measures.registry import (
    CODES,
    CONSTANT,
    DIAGNOSTICS,
    GENERALIZATION,
    HISTORY,
    LAYERS,
    LIKELIHOOD,
    MEMORIZATION,
    MIXING,
    MODES,
    NEIGHBOUR,
    REPEATED,
    SAMPLE_SCORE,
    SPREAD,
)
from simulacra.evaluation.measures.row_scores import Generalization
from simulacra.evaluation.samples.cells import Cells
from simulacra.evaluation.samples.memorization import Memorization
from simulacra.evaluation.samples.mmd import SampleScore
from simulacra.evaluation.samples.quality import ModesFound
from simulacra.evaluation.tables.kept_columns import Kept, KeptColumn, KeptPair
from simulacra.training.fit import load_run

SCORING = ("--k", "--temperatures", "--chains")
GAME = "semi-supervised-gan"
RUNS = {
    "vae": ["vae", "digits", "--data.binarize", "dynamic", "--model.hidden", "9"],
    "vae of grey": ["vae", "digits", "--model.hidden", "9"],
    "vae of a table": ["vae", "t.csv", "--model.hidden", "9", "--least_steps", "1"],
    "iwae": ["iwae", "digits", "--data.binarize", "dynamic", "--model.hidden", "9"],
    "autoencoder": ["autoencoder", "digits", "--model.hidden", "9"],
    "gan": ["gan", "ring", "--model.hidden", "9"],
    "wgan": ["wgan", "ring", "--model.hidden", "9"],
    "made": ["made", "digits", "--data.binarize", "dynamic", "--model.hidden", "9"],
    "tabular": ["tabular", "t.csv", "--model.hidden", "9", "--least_steps", "1"],
    "rbm": ["rbm", "digits", "--data.binarize", "dynamic", "--model.hidden", "5"],
    "ppca": ["ppca", "digits", "--data.dequantize", "uniform"],
    "ddpm": ["ddpm", "ring", "--model.hidden", "9", "--model.T", "9"],
}
BRIEF = ["--epochs", "0.02"]


def scores(mean, dims=10, n=50):
    """An estimate with little error."""
    return Estimate(torch.linspace(-0.1, 0.1, n, dtype=torch.float64) + mean, "lower", dims, "ELBO")


def codes(meaning, log_scale):
    """What a posterior with these means says."""
    loc = torch.randn(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * meaning
    q = Gaussian(loc, torch.full_like(loc, log_scale), 1)
    return Codes(decompose(q), active_in(q))


def copies():
    """Samples that are training rows."""
    zero, one = torch.zeros(200, dtype=torch.float64), torch.ones(200, dtype=torch.float64)
    which = torch.arange(200)
    return Memorization(zero, which, one, one, which, 200)


def sick(setting):
    """Evidence of everything that can be wrong, in two sets where one finding excludes another."""
    kept = Kept(
        (KeptColumn("a", 0.3, 1.0, 0.1),), (KeptPair(("a", "b"), 0.9, 0.0, 0.9, 0.1),), (), 0, 1000, 1000
    )
    bracket = SimpleNamespace(doubts=True, betas=20, chains=5)
    bad = Diagnostics(
        {"accuracy": 0.4, "gradient": 1.0, "diversity": 0.9}, "mode collapse: all alike; try harder."
    )
    falling = [{"epoch": str(i), "valid_score": str(-1.0 - i), "loss": "nan"} for i in range(9)]
    score = Likelihood(scores(5.0), effective=torch.ones(50), bracket=bracket)
    mixing = SimpleNamespace(
        r_hat=2.0,
        r_hat_of="x",
        tau=9.0,
        tau_of="x",
        chains=8,
        kept=9,
        from_data=4,
        effective=3.0,
        conditions=0,
    )
    first = {
        CODES: codes(torch.tensor([1e-3] * 4), 0.0),
        MEMORIZATION: copies(),
        MODES: ModesFound(3, 8, 0.5, 0.5),
        SAMPLE_SCORE: SampleScore(0.2, 0.0, 0.001, 100, (1.0,)),
        LIKELIHOOD: score,
        REPEATED: 0.9,
        CONSTANT: Constant(("a",), 3, 1e-4),
        DIAGNOSTICS: bad,
        NEIGHBOUR: 0.9,
        LAYERS: [Layer("a", 9, 10)],
        MIXING: mixing,
        SPREAD: Spread(3.0, 1.0, 0.1),
        ENTRIES: kept,
        CELLS: Cells(10, (0.1,), 1000),
        SHARED: SharedRows(30, 100, 0.0),
        CONDITION: ConditionUse(1.0, 0.0, 0.01, True),
        AGAINST_MEAN: AgainstMean(2.0, 1.0, 0.01, 100),
        WEIGHTS: Weights((), "W", 1e6, ("a",), 3),
        HISTORY: History(falling),
        STEPS_BACK: StepsBack(0.3, 9.0, 21),
        AVERAGED: Averaged(2.0, 1000.0),
    }
    second = {
        CODES: codes(torch.tensor([1.0, 1e-3, 1.0, 1e-3]), -1.0),
        GENERALIZATION: Generalization(scores(-50.0), scores(-5.0)),
        DIAGNOSTICS: Diagnostics({"accuracy": 0.99, "gradient": 1.0, "diversity": 0.9}, None),
        SPREAD: Spread(1.0, 1.0, 0.1),
        WEIGHTS: Weights(("W",), "", 0.0, (), 3),
        STEPS_BACK: StepsBack(0.0, 0.1, 21),
    }
    return [Evidence.of({**found, SETTING: setting}) for found in (first, second)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run("vae")`: a folder with a run of that kind, and the words that trained it."""
    root = tmp_path_factory.mktemp("runs")
    rows = [f"{i * 37 % 101 / 7:.3f},{i * 53 % 97 / 3:.3f},{'xyz'[i % 3]}" for i in range(90)]
    (root / "t.csv").write_text("\n".join(["a,b,c", *rows]))
    made = {}

    def of(name):
        if name not in made:
            words = [str(root / w) if w == "t.csv" else w for w in RUNS[name]]
            folder = root / name.replace(" ", "-")
            assert main(["train", *words, *BRIEF, "--out", str(folder)]) == 0
            made[name] = folder, words
        return made[name]

    return of


@pytest.mark.fault("scores 2.6")
@pytest.mark.parametrize("name", quick(RUNS, ("vae",).__contains__))
def test_all_options_of_all_findings_are_taken(run, name, tmp_path):
    folder, words = run(name)
    trained = load_run(folder)
    # as after a long training: a short one has no other advice than to train
    setting = setting_of(trained.model, trained.data, [{"total_step": "5000"}])
    found = [finding for evidence in sick(setting) for finding in diagnose(evidence)]
    assert len({finding.name for finding in found}) >= 18
    options = dict.fromkeys(option for finding in found for option in finding.options)
    for i, option in enumerate(options):
        typed = shlex.split(option)
        if typed[0] in SCORING:
            assert main(["evaluate", str(folder), "--limit", "9", *typed]) == 0, option
            continue
        given = (
            words
            if typed[0] not in words
            else [w for w in words if w not in (typed[0], words[words.index(typed[0]) + 1])]
        )
        assert main(["train", *given, *typed, *BRIEF, "--out", str(tmp_path / str(i))]) == 0, option


@pytest.mark.fault("scores 2.6")
def test_every_option_that_a_mend_names_is_structured(run):
    trained = load_run(run("vae")[0])
    setting = setting_of(trained.model, trained.data)
    for evidence in sick(setting):
        for finding in diagnose(evidence):
            named = {option.split()[0].split(".")[-1].lstrip("-") for option in finding.options}
            said = {
                word.split("=")[0] for word in finding.suggestion.replace("(", " ").split() if "=" in word[1:]
            }
            # names without a value are explained, not typed
            valued = {
                w
                for w in said
                if f"{w}= " not in f"{finding.suggestion} " and f"{w}=)" not in finding.suggestion
            }
            valued -= {w for w in said if f"{w}=," in finding.suggestion}
            assert valued <= named, finding


@pytest.mark.fault("scores 2.6")
def test_after_two_steps_the_advice_is_to_train():
    found = Evidence.of({CODES: codes(torch.tensor([1e-3] * 4), 0.0), SETTING: Setting(steps=2)})
    (collapse,) = [f for f in diagnose(found) if f.name == "posterior collapse"]
    assert collapse.suggestion == "more epochs, since it was trained for 2 steps" and collapse.options == ()
    found.keep(SETTING, Setting(steps=5000))
    (collapse,) = [f for f in diagnose(found) if f.name == "posterior collapse"]
    options = ("--model.kl_warmup 0.5", "--model.word_dropout 0.5", "--model.free_bits 0.1")
    assert collapse.options == options and "kl_warmup=0.5" in collapse.suggestion


def test_what_a_model_does_not_take_is_not_advised(run):
    game, vae = (setting_of(load_run(run(name)[0]).model, None) for name in ("gan", "vae"))
    kernels = Option("minibatch_kernels", 8)
    assert game.allows(kernels) and not vae.allows(kernels)
    assert "likelihood" in vae.takes and "likelihood" in arguments_of(type(load_run(run("iwae")[0]).model))
    table = load_run(run("vae of a table")[0])
    assert not setting_of(table.model, table.data).allows(Option("dequantize", "uniform", of="data"))


# advice that no training replaces: what broke, what the chains and the data are
UNLEARNED = {
    "memorization",
    "validation score",
    "terms of the loss",
    "exploding weights",
    "repeated rows",
    "partition function",
    "density on discrete data",
    "unbounded density",
    "mixing of chains",
    "signal left",
    "average of weights",
    "blurry decoder",
}


@pytest.mark.fault("outside 1.w2b.4")
def test_after_few_steps_every_finding_advises_to_train():
    rising = History([{"epoch": str(i), "valid_score": str(i - 9.0), "loss": "nan"} for i in range(9)])
    for evidence in sick(Setting(steps=45)):
        evidence.keep(HISTORY, rising)
        for finding in diagnose(evidence):
            if finding.suggestion and finding.name not in UNLEARNED | {"frozen part"}:
                assert finding.suggestion.startswith("more epochs, since it was trained for 45"), finding


@pytest.mark.fault("outside 1.w2b.4")
def test_what_is_set_already_is_not_advised():
    """Each option of each finding, set to its value or beyond, is left out."""
    every = {o for e in sick(Setting(steps=5000)) for f in diagnose(e) for o in f.options}
    # an option with two values leads from one to the other
    values = Counter(option.split()[0] for option in every)
    advised = {option for option in every if values[option.split()[0]] == 1}
    assert len(advised) > 8
    given = {}
    for option in advised:
        name, value = shlex.split(option)
        owner, _, rest = name.lstrip("-").rpartition(".")
        given[owner or "train", rest] = yaml.safe_load(value)
    left = {o for e in sick(Setting(steps=5000, given=given)) for f in diagnose(e) for o in f.options}
    assert {o for o in left & advised if o.split()[0] not in SCORING} == set()
