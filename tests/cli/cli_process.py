"""Commands as processes, which can be killed."""

import os
import subprocess
import sys

HANG = 600  # seconds after which a process is taken for one that hangs
PROGRAM = [sys.executable, "-c", "import sys; from simulacra.cli import main; sys.exit(main())"]


def environment(**more):
    """One thread, no terminal."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MPLBACKEND": "Agg", **more}


def finish(*words, cwd=None, **more):
    """Run a command to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def begin(*words, cwd=None):
    """Start a command."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
