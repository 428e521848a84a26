"""`simulacra train MODEL DATA`, `simulacra train --config FILE`, `simulacra train --resume RUN`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simulacra.cli.options.arguments import Arguments, scan
from simulacra.cli.output import say, table
from simulacra.core.errors.suggestion import Refusal, command
from simulacra.models.catalog import find, listed, names

if TYPE_CHECKING:
    from simulacra.training.run import Run

HELP = """usage: simulacra train MODEL DATA [--out RUN] [--epochs N | --steps N] [--model.OPTION ...]
       [--data.OPTION ...]
       simulacra train --config FILE.yaml [options]
       simulacra train --resume RUN [--finish]

Train MODEL on DATA into the run folder RUN (by default the first free runs/MODEL-DATA-N). A run that
was interrupted, or killed, goes on bit for bit with --resume; --finish ends it as it is, without a further
step.

`simulacra train MODEL --help` lists every option of that model, of the data and of training.

models:
{}"""


def run(words: Sequence[str]) -> int:
    """Trains, resumes, or prints help or the configuration.

    Args:
        words: command-line words after `train`.

    Raises:
        ValueError: if model or data are missing, or an option does not fit.
    """
    asked = scan(words)
    if "help" in asked.flags and not asked.positional:
        entries, problems = listed()
        say(HELP.format("\n".join([table([(f"  {e.name}", e.summary) for e in entries]), *problems])))
        return 0
    path = asked.take("resume")
    if path is not None:
        return _resume(path, asked, _finish(asked))
    if _finish(asked):
        raise ValueError("--finish ends a run that was interrupted: add --resume RUN.")
    return _new(asked)


def _finish(asked: Arguments) -> bool:
    """Removes `--finish`, which takes no value, and returns True if it was given."""
    values = [value for name, value in asked.pairs if name == "finish"]
    asked.pairs = [pair for pair in asked.pairs if pair[0] != "finish"]
    if values and values[-1] not in (None, "true", "false"):
        raise ValueError(f"--finish takes no value, but got {values[-1]}: leave it out.")
    return bool(values) and values[-1] != "false"


def _new(asked: Arguments) -> int:
    """Trains a new run from words, a YAML file, or both."""
    if asked.positional:
        # reject an unknown model before slow imports
        find(asked.positional[0])
    from simulacra.cli.options import config
    from simulacra.cli.options.plan import all_options, names_in, plan_of

    file = asked.take("config")
    given, pairs = config.read(file) if file is not None else ({}, [])
    model, data = names_in(asked, given)
    if model is None:
        raise ValueError(f"MODEL is missing: give one of {', '.join(names())}, or --config FILE.yaml.")
    if "help" in asked.flags:
        say(all_options(find(model)).help().rstrip())
        return 0
    if data is None:
        listed = command("data")
        raise Refusal(f"DATA is missing: simulacra train {model} DATA; {listed} lists names.", listed)
    plan = plan_of(model, data, [*pairs, *asked.pairs])
    if "print_config" in asked.flags:
        say(config.as_yaml(plan).rstrip())
        return 0
    from simulacra.cli.start import start

    summary(start(plan))
    return 0


def _resume(path: str, asked: Arguments, finish: bool) -> int:
    """Resumes a run with its own options, or ends it as it is."""
    given = [*asked.positional, *(f"--{name}" for name, _ in asked.pairs)]
    if given:
        raise ValueError(
            f"a run goes on with the options it began with: leave out {given[0]} beside --resume {path}."
        )
    from simulacra.api import resume
    from simulacra.core.artifact.save import WEIGHTS
    from simulacra.exploration.live.watch import SamplePictures

    finished = Path(path, WEIGHTS).is_file()
    run = resume(path, callbacks=(SamplePictures(),), finish=finish)
    if ended := run.config.get("ended"):
        say(f"{path} ended early, after {ended['total_step']:,} steps")
    if finished:
        say(f"{path} was finished already: nothing was trained now{_longer(run)}")
    summary(run)
    return 0


def _longer(run: Run) -> str:
    """Returns how to train twice as long in a new folder; empty if no option gave the length."""
    file = run.path / "config.yaml"
    steps: int | None = run.config["options"].get("steps")
    if (run.epochs is None and steps is None) or not file.is_file():
        return "."
    twice = ("--epochs", f"{2 * run.epochs:g}") if run.epochs is not None else ("--steps", 2 * (steps or 0))
    longer = command("train", "--config", file, *twice)
    return f"; to train longer: {longer}."


def summary(run: Run) -> None:
    """Prints training time, validation score and next steps."""
    rows = run.metrics if (run.path / "metrics.csv").is_file() else []
    seconds = max((row["seconds"] for row in rows), default=0.0)
    name = shlex.quote(str(run.path))
    say(f"trained in {seconds:.1f} s: {run.path}")
    scores = [(row["valid_score"], row["epoch"]) for row in rows if "valid_score" in row]
    if scores:
        best, epoch = max(scores)
        say(f"validation score: {scores[-1][0]:.2f} nats at the end, best {best:.2f} at epoch {epoch:.0f}")
    drawn = sorted(Path(run.path, "samples").glob("*.png"))
    if drawn:
        many = "picture" if len(drawn) == 1 else "pictures"
        say(f"samples while it trained: {run.path / 'samples'} ({len(drawn)} {many})")
    say(f"next: simulacra evaluate {name}", f"      simulacra explore {name}")
