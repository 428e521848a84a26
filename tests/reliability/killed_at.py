"""Run a command again and again, each time killed at the next instant at which it touches a file.

    python killed_at.py FOLDER WORD ...

The command runs in FOLDER/0, FOLDER/1, ..., each a copy of FOLDER/before, in a forked process. The n-th is
killed before its n-th opening of a file for writing, sync, renaming, removal or new folder below its copy.
The last one is left alone. Standard output gets what that one did, as JSON: pairs of event and path. An
evaluation is computed once, before, since all copies hold the same run.

    python killed_at.py FOLDER NUMBER WORD ...

The command runs in FOLDER/NUMBER alone, in this process: what computes with threads does not survive a fork.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from importlib import import_module
from pathlib import Path

from simulacra.cli import main

scoring = import_module("simulacra.evaluation.evaluate")  # the package has a function of that name, too

TOUCHES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def watch(root, at, done):
    """Kill this process before its event number `at` below `root`; `done` gets the events."""

    def touched(event, path):
        done.append((event, os.path.relpath(path, root)))
        if len(done) > at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, args):
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in TOUCHES) or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        path = os.path.abspath(os.fsdecode(args[0]))
        if path.startswith(root + os.sep):
            touched(event, path)

    sys.addaudithook(hook)
    sync = os.fsync
    os.fsync = lambda file: (touched("fsync", root), sync(file))[1]


def child(folder, at, words, out):
    """What the forked process does; its events go to a file outside its copy."""
    os.chdir(folder)
    done = []
    watch(str(folder), at, done)
    with open(os.devnull, "w") as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
        code = main(words)
    out.write_text(json.dumps(done), encoding="utf-8")
    os._exit(code)


def run(root, words):
    """All copies, until one is not killed."""
    for n in itertools.count():
        folder, out = root / str(n), root / "events.json"
        shutil.copytree(root / "before", folder)
        pid = os.fork()
        if pid == 0:
            child(folder, n, words, out)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, (n, os.WEXITSTATUS(status))
            print(out.read_text(encoding="utf-8"))
            return
        assert os.WTERMSIG(status) == signal.SIGKILL


class Once:
    """A function of which every call gives the result of the first one of the same k."""

    def __init__(self, function):
        self.function, self.found = function, {}

    def __call__(self, case):
        if case.k not in self.found:
            self.found[case.k] = self.function(case)
        return self.found[case.k]


def evaluated(root, words):
    """Compute the evidence of an evaluation, which the children of this process then have."""
    scoring.examined = Once(scoring.examined)
    shutil.copytree(root / "before", root / "ahead")
    os.chdir(root / "ahead")
    with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
        assert main(words) == 0


if __name__ == "__main__":
    place, typed = Path(sys.argv[1]).resolve(), sys.argv[2:]
    if typed[0].isdecimal():
        shutil.copytree(place / "before", place / typed[0])
        child(place / typed[0], int(typed[0]), typed[1:], place / "events.json")
    if typed[0] == "evaluate":
        evaluated(place, typed)
    run(place, typed)
