"""Entry point of `simulacra`: runs a command and turns exceptions into one sentence and an exit code.

Exit codes: 0 success, 2 wrong input, 3 some rows of a file have no answer or one that leaves a cell out, 130
interrupted, 141 the reader of the output pipe has closed it. Help and lists do not import torch.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import re
import sys
import time
import traceback
from collections.abc import Sequence

from simulacra.cli import output as said
from simulacra.cli.options.nearest_name import hint
from simulacra.core.progress.tasks import began

STARTED = time.perf_counter()

HELP = ("-h", "--help", "help")
WRONG, CUT_OFF = 2, 141
NAMED = 60  # most characters of a text that is no UTF-8 which an error repeats
LONGEST = 500  # characters; error messages shorten longer words, such as paths

COMMANDS = {
    "demo": "the first run: train a VAE on handwritten digits, score it and draw it (a minute)",
    "train": "train MODEL on DATA, or go on with a run (--resume RUN)",
    "evaluate": "score a run: typed likelihoods, the doctor's findings, a report",
    "doctor": "say what is wrong with a run and what to try, one finding a line",
    "sample": "draw samples from a run, as a picture or as numbers",
    "score": "write log p(x) of the rows of a file beside them",
    "complete": "fill the gaps in the rows of a file",
    "encode": "write latent codes of the rows of a file",
    "classify": "write probabilities of the classes of the rows of a file",
    "denoise": "write the rows of a file without their noise",
    "translate": "write the rows of a file in another class or space",
    "predict": "write the class, or the numbers, that belong to the rows of a file",
    "export": "write a method of a model (decode, encode, step, sample, logits) as an ONNX graph",
    "explore": "draw a run, or one picture of it: latent map, manifold, reconstructions, completions",
    "compare": "say which run is likelier, where the numbers decide",
    "models": "list the models; `models NAME` lists the options of one",
    "recipes": "list the published results that can be run again",
    "reproduce": "run one of them: published figure, ours, and a verdict",
    "data": "list the data sets; `data get NAME` fetches one, `data inspect PATH` describes any",
    "info": "say what this machine offers (device, packages, folders) and what to mend",
}

METHODS = ("score", "complete", "encode", "classify", "denoise", "translate", "predict")  # of rows of a file

EXAMPLES = (
    "simulacra train vae digits --model.latent 2 --data.binarize dynamic --epochs 50",
    "simulacra train --resume runs/vae-digits-1",
    "simulacra evaluate runs/vae-digits-1",
    "simulacra score runs/vae-digits-1 digits --out scored.csv",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: words after `simulacra`; None: those of the process.

    Returns:
        0 after success, 2 after wrong input, 3 if some rows of a file have no full answer, 130 after an
        interrupt, 141 if the output pipe was closed.

    Example:
        >>> main(["models", "--help"])
        usage: simulacra models [NAME]
        <BLANKLINE>
        List the models, or the options of one.
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words or os.environ.get("SIMULACRA_DEBUG") == "1"
    words = [word for word in words if word != "--debug"]
    if argv is None and isinstance(sys.stdout, io.TextIOWrapper):
        # on Windows, pipes may use a small character set: print question marks rather than fail
        sys.stdout.reconfigure(errors="replace")
    if argv is None:
        # freeze before exit: a last cyclic collection takes 0.4 s with torch, 0.9 s with the cells of a table
        atexit.register(gc.freeze)
    with (
        said.logged() as log,
        said.killed_politely(),
        began(STARTED if argv is None else time.perf_counter()),
    ):
        try:
            return _run(words)
        except BrokenPipeError:
            # the reader closed the pipe: discard remaining output, so that Python's exit prints no error
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CUT_OFF
        except (ValueError, OSError) as error:
            if debug:
                traceback.print_exc()
            said.error(_short(_text(error)))
            return WRONG
        except KeyboardInterrupt as interrupt:
            if "--resume" not in log.last:
                how = f"; {interrupt}" if str(interrupt) else "."
                print(f"simulacra: interrupted{how}", file=sys.stderr)
            return said.INTERRUPTED


def _text(error: Exception) -> str:
    """Returns the message of an error; for an OSError, the file and the system's reason.

    Errors of text that is no UTF-8 are Python's own, and name nothing that the user gave.
    """
    if isinstance(error, UnicodeError):
        given = getattr(error, "object", "")
        text = given if isinstance(given, str) else repr(given[:NAMED])
        return (
            f"{text[:NAMED]!r} is no UTF-8 text and cannot be read or written: rename it, or save it again."
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}."
    return str(error)


def _short(text: str) -> str:
    """Returns the text with the middle of each overlong word replaced by dots."""
    return re.sub(rf"\S{{{LONGEST},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", text)


def _run(words: list[str]) -> int:
    """Runs the command named by the first word and returns its exit code."""
    if not words or words[0] in HELP:
        return _help(words[1:])
    if words[0] in ("--version", "-V"):
        from simulacra.version import __version__

        print(f"simulacra {__version__}")
        return 0
    name = words[0]
    if name not in COMMANDS:
        if name.startswith("-"):
            raise ValueError(f"option {name!r} is unknown; {hint(name, ['--help', '--version', '--debug'])}")
        raise ValueError(f"command {name!r} is unknown; {hint(name, COMMANDS)}")
    package = "methods" if name in METHODS else "commands"
    module = importlib.import_module(f"simulacra.cli.{package}.{name}")
    code: int = module.run(words[1:])
    return code


def _help(words: list[str]) -> int:
    """Prints the list of commands; with a command name, runs `NAME --help`."""
    words = [word for word in words if word not in HELP]
    if words:
        return _run([*words, "--help"])
    commands = said.table([(f"  {name}", about) for name, about in COMMANDS.items()])
    print(
        "usage: simulacra COMMAND [options]\n\n"
        "Every family of deep generative models behind one contract, with scores to trust.\n\n"
        f"commands:\n{commands}\n\n"
        "`simulacra COMMAND --help` says more; `simulacra train MODEL --help` lists a model's options.\n"
        "Everywhere: --help, --version, and --debug to see where an error came from.\n\nexamples:\n"
        + "\n".join(f"  {line}" for line in EXAMPLES)
    )
    return 0
