"""What refusals and messages of the command line suggest is typed as it stands, and works."""

import logging
import signal

import pytest
from data_suggestions import wave_bytes
from suggested import commands_in, options_in
from text_suggestions import CASES

import simulacra
from contract.representatives import quick
from simulacra.cli import main
from simulacra.cli.app import EXAMPLES
from simulacra.cli.app import _run as typed
from simulacra.cli.commands.demo import NEXT
from simulacra.core.errors.suggestion import Refusal

BRIEF = ["--epochs", "0.02"]
# sentences of the source whose suggestions the tests below run
SENTENCES = (
    ("cli/app.py", "simulacra train vae digits --model.latent 2"),
    ("cli/commands/demo.py", "simulacra train vae digits --model.latent 8"),
    ("cli/commands/demo.py", "simulacra train vae digits --data.condition label"),
    ("cli/start.py", "already holds a run: go on with"),
    ("cli/start.py", "takes no condition: leave out --data.condition"),
    ("cli/commands/train.py", "DATA is missing"),
    ("cli/options/plan.py", "DATA is a name that `simulacra data` lists"),
    ("core/errors/other_data.py", "load the data with {}"),
    ("core/distributions/heads.py", "Grey levels are not coin flips"),
    ("core/distributions/heads.py", "{}: load the data with {}."),
    ("core/spaces/plain.py", "; load the data with {}"),
    ("data/readers.py", "does not exist: give an existing file or folder"),
    ("evaluation/compare/entries.py", "{}: {}; run {} again."),
    ("evaluation/compare/entries.py", "is unfinished, it holds no"),
    ("evaluation/compare/entries.py", "has no report: run"),
    ("evaluation/compare/remedies.py", "Train both on the same data"),
    ("evaluation/compare/remedies.py", "Score both on one split"),
    ("evaluation/rows.py", "but the rows have no condition"),
    ("models/adversarial/game/two_player.py", "needs a label for each row"),
    ("core/labels.py", "models data with one label"),
    ("models/boltzmann/machine/needs.py", "to spread each level over its interval"),
    ("models/boltzmann/machine/needs.py", "to keep the levels"),
    ("models/boltzmann/machine/needs.py", "{}load the data with {}"),
    ("models/variational/sequences/needs.py", "load the data with {}"),
    ("training/fit.py", "has missing entries, which"),
    ("training/fit.py", "holds sequences of differing lengths"),
    ("training/fit.py", "was loaded without one: load it with {}"),
    ("training/fit.py", "already holds a run; go on with"),
    ("training/run.py", "its training has not finished"),
    ("training/callbacks/validation.py", "there is no validation split to stop on"),
)


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """`say("train", ...)` runs in an empty folder and gives code and all that was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIMULACRA_DEBUG", raising=False)

    def run(*words):
        code = main([str(word) for word in words])
        done = capsys.readouterr()
        return code, done.out + done.err

    return run


def works(say, words, out):
    """Train with these words, with what a refusal suggests added until none is left."""
    try:
        typed(["train", *words, *BRIEF, "--out", out])
        return
    except Refusal as error:
        said, ways = str(error), error.suggestions
    for i, way in enumerate(ways):
        added = way.words
        # a suggestion that is made twice does not work
        assert not set(added[::2]) & set(words), said
        works(say, [*words, *added], f"{out}-{i}")
    if not ways:
        assert any(word in said for word in ("take ", "a VAE takes")), said


# one for each sentence; tests/cli/test_suggestions.py builds all models of the catalogue on data of all kinds
TRAINED = ("ppca", "rnade", "rbm", "gaussian-rbm", "semi-supervised-gan", "discriminative-rbm", "conv-rbm")


@pytest.mark.parametrize("name", quick(TRAINED, ("ppca", "rbm").__contains__))
def test_each_model_says_how_digits_are_loaded_for_it(say, name):
    works(say, [name, "digits"], "run")


def test_recordings_are_framed_for_a_model_of_sequences(say, tmp_path):
    (tmp_path / "waves").mkdir()
    for i in range(20):
        (tmp_path / "waves" / f"{i:02d}.wav").write_bytes(wave_bytes(40))
    small = ["--model.latent", "2", "--model.state", "3", "--model.hidden", "5"]
    works(say, ["vrnn", "waves", *small], "run")


@pytest.mark.parametrize(
    "words",
    [
        ["vae", "digits", "--model.likelihood", "gaussian"],
        ["vae", "digits", "--model.likelihood", "bernoulli"],
        ["vae", "digits", "--data.validation", "0", "--patience", "3"],
    ],
    ids=lambda words: " ".join(words[2:]),
)
def test_options_that_do_not_fit_say_which_do(say, words):
    code, said = say("train", *words, *BRIEF)
    assert code == 2
    (way,) = options_in(said)
    (added,) = way.items()
    given = words[: words.index("--data.validation")] + words[-2:] if "--data.validation" in words else words
    assert say("train", *given, f"--data.{added[0]}", added[1], *BRIEF)[0] == 0


def test_a_table_of_numbers_is_loaded_as_real(say, tmp_path):
    rows = [f"{i * 37 % 101 / 7:.3f},{i * i % 17}" for i in range(90)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *rows]))
    code, said = say("train", "ppca", "t.csv", "--out", "run")
    assert code == 2 and options_in(said) == [{"types": "real"}]
    way = ["--data.types", "real", "--model.latent", "1", "--out", "run"]
    assert say("train", "ppca", "t.csv", *way)[0] == 0


def test_an_option_that_is_one_too_many_is_left_out(say):
    code, said = say("train", "ppca", "digits", "--data.dequantize", "uniform", "--data.condition", "label")
    assert code == 2 and "ppca takes no condition: leave out --data.condition." in said
    assert say("train", "ppca", "digits", "--data.dequantize", "uniform")[0] == 0


def test_runs_are_gone_on_with(say, tmp_path, caplog):
    ring = simulacra.load_data("ring")

    def stop(loop, epoch_ended):
        signal.raise_signal(signal.SIGINT)

    make = lambda: simulacra.VAE(ring.space, latent=2, hidden=(9,))
    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(make(), ring, out="cut", epochs=1, callbacks=(stop,), progress=False)
    with caplog.at_level(logging.WARNING, "simulacra"), pytest.raises(KeyboardInterrupt):
        simulacra.fit(make(), ring, out="again", epochs=1, callbacks=(stop,), progress=False)
    command, end = commands_in(caplog.text.split("nothing is lost")[-1])
    assert command == ["train", "--resume", "again"] and end == [*command, "--finish"]
    with pytest.raises(ValueError, match="has not finished") as caught:
        simulacra.load("again")
    assert commands_in(str(caught.value)) == [command, end]
    assert caught.value.suggestions[1].words == tuple(end)
    code, said = say("compare", "cut", "again")
    assert code == 2 and "is unfinished" in said
    assert commands_in(said) == [["train", "--resume", "cut"]]
    assert say(*command)[0] == 0 and say("train", "--resume", "cut")[0] == 0
    code, said = say("compare", "cut", "again")
    assert code == 2 and "has no report" in said
    assert say(*commands_in(said)[0])[0] == 0
    for refused in (lambda: simulacra.fit(make(), ring, out="again", progress=False),):
        with pytest.raises(ValueError, match="already holds a run") as caught:
            refused()
        assert say(*commands_in(str(caught.value))[0])[0] == 0
    code, said = say("train", "vae", "ring", "--out", "again")
    assert code == 2 and "already holds a run" in said
    assert say(*commands_in(said)[0])[0] == 0


def test_reports_that_no_longer_hold_are_made_again(say, tmp_path):
    small = ["--model.latent", "1", "--out", "run"]
    assert say("train", "ppca", "ring", *small)[0] == 0 and say("evaluate", "run")[0] == 0
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"latent": 1', '"latent": 2'))
    code, said = say("compare", "run", "run")
    assert code == 2 and "again." in said
    # the edit is taken back, since the weights are of the model as it was
    config.write_text(config.read_text().replace('"latent": 2', '"latent": 1'))
    assert commands_in(said) == [["evaluate", "run"]] and say(*commands_in(said)[0])[0] == 0
    assert say("compare", "run", "run")[0] == 0


def test_runs_are_scored_alike_and_trained_on_the_same_data(say):
    first = ["train", "ppca", "ring", "--model.latent", "1", "--out", "a"]
    assert say(*first)[0] == 0
    assert say("train", "ppca", "grid", "--model.latent", "1", "--out", "b")[0] == 0
    assert say("train", "vae", "ring", "--model.latent", "2", *BRIEF, "--out", "c")[0] == 0
    assert say("evaluate", "a", "--limit", "50")[0] == say("evaluate", "b", "--limit", "50")[0] == 0
    assert say("evaluate", "c", "--split", "valid")[0] == 0
    _, said = say("compare", "a", "b")
    (train,) = commands_in(said)
    assert train[0] == "train" and say(*train, "--out", "d")[0] == 0
    _, said = say("compare", "a", "c")
    (score,) = commands_in(said)
    assert score[0] == "evaluate" and say(*score)[0] == 0


@pytest.mark.parametrize("line", quick([*NEXT, *EXAMPLES], NEXT[:2].__contains__))
def test_what_to_try_next_can_be_tried(say, line):
    words = line.partition("#")[0].split()[1:]
    say("train", "vae", "digits", "--data.binarize", "dynamic", *BRIEF, "--out", "runs/vae-digits-1")
    words = [word.format(run="runs/vae-digits-1") for word in words]
    # the words as they stand, in less time: fewer passes, and a folder of their own
    short = [*BRIEF, "--out", "tried"] if words[0] == "train" and "--resume" not in words else []
    short += ["--limit", "20", "--k", "5"] if words[0] == "evaluate" else []
    assert say(*words, *short)[0] == 0


@pytest.mark.parametrize("command", ["models", "data", "recipes"])
def test_lists_that_are_named_are_printed(say, command):
    assert say(command)[0] == 0


def test_models_and_rows_without_a_label_say_how_to_load_them():
    digits = simulacra.load_data("digits")
    given = simulacra.load_data("digits", condition="label")
    model = simulacra.MADE(given.space, given.condition, hidden=(9,))
    for refused in (
        lambda: simulacra.fit(model, digits, progress=False),
        lambda: simulacra.evaluate(model, digits),
    ):
        with pytest.raises(ValueError, match="condition") as caught:
            refused()
        (way,) = options_in(str(caught.value))
        assert simulacra.load_data("digits", **way).condition == given.condition


def test_grey_levels_say_how_they_become_bits():
    with pytest.raises(ValueError, match="other than 0 and 1") as caught:
        simulacra.from_tensors(
            simulacra.load_data("digits").train.x.float() / 16, simulacra.Binary((1, 8, 8))
        )
    (way,) = options_in(str(caught.value))
    assert simulacra.load_data("digits", **way).space == simulacra.Binary((1, 8, 8))


def test_cases_are_of_different_sentences():
    assert len({(case.site, case.words) for case in CASES}) == len(CASES)
