"""`simulacra explore [WHAT] RUN`: draws all pictures that model and data allow, or one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulacra.cli.options.command import call
from simulacra.cli.options.conditions import typed_condition
from simulacra.cli.options.durations import in_seconds
from simulacra.cli.options.nearest_name import nearest
from simulacra.cli.output import say, shown, table

FORM = "[WHAT] RUN"
# copy of the names in `exploration.pictures.registry`, because help must not import torch
WHAT = {
    "samples": "samples of the model; one row for each class, if it takes classes",
    "samples-and-data": "samples above held-out rows, for data that are no images",
    "spectrograms": "power at each time and frequency of sampled recordings and of held-out ones",
    "pairs": "the most associated columns of a table, training rows and samples side by side",
    "correlations": "associations of the columns of a table: training rows, samples, and the difference",
    "random-codes": "expected images of random codes",
    "reconstructions": "held-out images and their reconstructions",
    "completions": "held-out rows, their known part, and draws of the rest; also `complete`",
    "translations": "held-out pairs: the source, draws of the model given it, and the truth",
    "films": "held-out frames in a row, and those that the model makes follow from the first ones",
    "denoised": "held-out images with noise, the answers of the model, and the truth",
    "predictions": "predicted numbers of held-out rows against the true ones",
    "optimized": "texts of random codes, and of these codes moved to a higher predicted number",
    "inversions": "held-out images, and decoded codes that were fitted to them; also `invert`",
    "latent-map": "the codes of held-out rows",
    "analogies": "held-out images, and what a conditional model makes of them in each class",
    "rates": "the KL to the prior of each part of the code",
    "manifold": "decoded codes of a regular grid",
    "interpolations": "paths between codes",
    "arithmetic": "codes of one class less those of a second plus those of a third",
    "saliency": "samples, and the gradient of the critic with respect to them",
    "critic-field": "output of the critic over the plane, for data of two numbers, with samples and data",
    "snapshots": "samples at several steps of training, for data of two numbers, with the critic's output",
    "filters": "weights of hidden units as pictures",
    "fantasies": "Markov chains, later and later states to the right",
    "trajectory": "Markov chains of finite length, from noise to the sample",
    "looks": "samples of models that draw in a few looks, level by level or step by step",
    "dimension": "directions in which neighbouring rows of data and samples vary; drawn where it is named",
    "training-curves": "losses and scores recorded in training",
    "neighbours": "the samples nearest to training rows",
}
VERBS = {"complete": "completions", "invert": "inversions"}
# for error messages: a picture that takes the option
OWNER = {"known": "complete", "n": "complete", "draws": "complete", "condition": "complete"}
OWNER |= dict.fromkeys("abc", "arithmetic") | {"of": "optimized", "steps": "films"}


def run(words: Sequence[str]) -> int:
    """Runs `simulacra explore` with the given command-line words."""
    names = table([(f"  {name}", about) for name, about in WHAT.items()])
    return call("explore", explore, words, FORM, f"WHAT, where model and data allow it:\n{names}")


def explore(
    *words: str,
    out: str | None = None,
    seed: int = 0,
    known: str | None = None,
    n: int | None = None,
    draws: int | None = None,
    condition: str | None = None,
    a: str | None = None,
    b: str | None = None,
    c: str | None = None,
    of: str | None = None,
    steps: int | None = None,
    budget: str = "1m",
) -> int:
    """Draw what a run can do: all pictures that model and data allow, or only WHAT.

    Args:
        words: name of a picture (optional) and run folder.
        out: folder of the pictures; by default the run folder. Pictures with rows of the data go to its
            `private` folder.
        seed: random seed; the same seed gives the same pictures.
        known: for completions: the part that stays known, for images upper, lower, left, right, centre
            (the border stays) or noise (a random half), for vectors and tables first, last or noise; by
            default the first of these, for tables all but a quarter of the cells. A part that does not come
            first in the order of drawing takes longer. For inversions: the part to which codes are fitted; by
            default the whole image.
        n: for completions, inversions, translations and films: number of rows; by default 6, for tables up to
            200, 10, 6 images or 2 recordings, and 4 films.
        draws: for completions and translations: number of draws for each row; by default 4, for tables 19,
            and 3 images or 2 recordings.
        condition: for completions and inversions, where the model takes one: a class, by name or number, or
            one for each row with commas between, or what `sample` takes; by default the rows' own.
        a: for arithmetic: a class, by name or number; by default the first.
        b: for arithmetic: the class that is subtracted; by default the second.
        c: for arithmetic: the class that is added; by default the third.
        of: for optimized: name of the predicted number to increase; by default the first.
        steps: for films: number of frames that follow; by default 8.
        budget: time limit, such as 90s or 20m, of searches for codes; `none` for no limit.

    Raises:
        ValueError: if the words or options fit no picture, or the run was trained on data from memory.
    """
    what, path = _what_and_run(words)
    seconds = in_seconds(budget)
    given = {"known": known, "n": n, "draws": draws, "condition": condition, "steps": steps}
    given |= {"a": a, "b": b, "c": c, "of": of}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if what is None:
        _no_options(options, path)
    from simulacra.core.scores.likelihood import CutShort
    from simulacra.core.storage.folders import check_output
    from simulacra.exploration.live.sample_history import read_history
    from simulacra.exploration.pictures.registry import album_of, listing, pictures
    from simulacra.training.fit import load_run

    if out is not None:
        check_output(Path(out), folder=True)
    trained = load_run(path)
    if trained.data is None:
        raise ValueError(
            f"{path} was trained on data from memory: draw it in Python, as in "
            f"load_run({str(path)!r}, data=data).plot('samples')."
        )
    metrics = trained.metrics if (trained.path / "metrics.csv").is_file() else []
    history = read_history(trained.path)
    allowed = lambda: listing(album_of(trained.model, trained.data, seed, metrics, history))
    only = None if what is None else _picture_name(what, allowed)
    if condition is not None:
        options["condition"] = typed_condition(trained.model, condition)
    try:
        with shown(trained.path):
            place = out or trained.path
            drawn = pictures(
                trained.model, trained.data, place, seed, metrics, only, seconds, history, **options
            )
    except CutShort as short:
        say(listed(short.done))
        raise
    say(listed(drawn))
    return 0


def _what_and_run(words: Sequence[str]) -> tuple[str | None, str]:
    """Returns WHAT, or None for all pictures, and RUN.

    Raises:
        ValueError: if a word is missing, too many, or in the other's place.
    """
    usage = f"simulacra explore {FORM} [options]"
    if not words:
        raise ValueError(f"RUN is missing: {usage}.")
    if len(words) > 2:
        raise ValueError(f"{words[2]!r} is one word too many: {usage}.")
    if len(words) == 1:
        if _canonical(words[0]) in WHAT and not Path(words[0]).exists():
            raise ValueError(f"RUN is missing: simulacra explore {words[0]} RUN.")
        return None, words[0]
    what, path = words
    if _canonical(what) not in WHAT and _canonical(path) in WHAT:
        raise ValueError(f"RUN comes last: simulacra explore {path} {what}.")
    return what, path


def _no_options(options: Mapping[str, Any], path: str) -> None:
    """Raises ValueError if an option of one picture was given without naming the picture."""
    for name, value in options.items():
        line = f"simulacra explore {OWNER[name]} {path} --{name} {value}"
        raise ValueError(f"--{name} is for one picture: {line}.")


def _canonical(word: str) -> str:
    """Returns a name in the spelling of `WHAT`: with dashes, and the picture's name in place of a verb."""
    word = word.replace("_", "-")
    return VERBS.get(word, word)


def _picture_name(what: str, allowed: Callable[[], str]) -> str:
    """Returns the picture called `what`, as the library spells it.

    Args:
        what: name as typed.
        allowed: returns a clause that lists the pictures which model and data allow.

    Raises:
        ValueError: if there is none; the message names the nearest picture and those that are allowed.
    """
    if _canonical(what) in WHAT:
        return _canonical(what).replace("-", "_")
    near = nearest(_canonical(what), WHAT)
    meant = f" (did you mean {near!r}?)" if near else ""
    raise ValueError(f"picture {what!r} is unknown{meant}: {allowed()}")


def listed(drawn: Mapping[str, Path]) -> str:
    """Returns a table with name and path of each picture."""
    return table([(f"  {name.replace('_', ' ')}", str(path)) for name, path in drawn.items()])
