"""Installs, tests and checks the project, with only the standard library.

    python tools/project.py install | demo | test | test-all | bench | bench-tables | bench-doctor
    python tools/project.py docs | results | headline | check

`make demo` and the like call these commands. Each of them first installs what it needs and what is
missing, into `.venv`; further arguments are passed on (`test -k space`).
"""

import hashlib
import os
import shlex
import sys
from pathlib import Path

from environment import (
    BIN,
    CONSTRAINTS,
    EXE,
    PYTHON,
    ROOT,
    VENV,
    WINDOWS,
    Stop,
    become,
    call,
    fits,
    make_venv,
    pin,
    pip,
    say,
    shown,
    stamp,
    write_stamp,
)
from pytorch import install_torch

# libraries for comparison in benchmarks, in folders apart from the library's own packages
PEERS = VENV / "peers"
PEERS_OF_TABLES = VENV / "peers-tables"
PINS_OF_TABLES = ROOT / "benchmarks" / "tables" / "peers.txt"
PEER_PACKAGES = (
    *("pythae", "pydantic", "pydantic-core", "annotated-types", "typing-inspection", "imageio"),
    *("rbms", "h5py", "learnergy", "torchmetrics"),
)
# megabytes of the pinned wheels without PyTorch, measured for Python 3.11 on Linux; less elsewhere
RUNTIME = 110
MEGABYTES = {"tables": 64, "export": 35, "molecules": 35, "dev": 134, "docs": 20}
MOST_PROCESSES = 8  # most test processes; each takes up to a gigabyte
CHECKS = (
    ("-m", "ruff", "check", "."),
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "mypy"),
    ("lint-imports",),
)


def digest():
    """Returns a hash of everything that decides what is installed."""
    parts = [str(ROOT).encode(), (ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install(*extras):
    """Installs the project, editable, with its pinned dependencies; returns False if it was up to date."""
    for name in extras:
        if name not in MEGABYTES:
            raise Stop(f"There is no extra {name!r}; possible are {', '.join(MEGABYTES)}.")
    now = digest()
    if stamp().get("digest") == now and set(extras) <= set(stamp()["extras"]) and fits([PYTHON]):
        return False
    make_venv()
    before = stamp()
    have, same = before.get("extras", []), before.get("digest") == now
    extras = sorted(set(extras) | set(have))
    fetched = to_fetch(set(extras) - set(have)) if same else RUNTIME + to_fetch(extras)
    say(f"Installing pinned packages: at most {fetched} MB to fetch, besides PyTorch.")
    pip("-c", CONSTRAINTS, "setuptools")
    install_torch()
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip("-c", CONSTRAINTS, "--no-build-isolation", "--editable", target)
    write_stamp(now, extras)
    say(f"Installed. To use it: {activation()}")
    return True


def to_fetch(extras):
    """Returns the megabytes of these extras; `dev` includes `tables` and `export`."""
    within = {"tables", "export"} if "dev" in extras else set()
    return sum(MEGABYTES[name] for name in set(extras) - within)


def activation():
    """Returns the command that puts `simulacra` on the PATH, from the current folder."""
    folder = Path(shown(BIN)) if Path.cwd() == ROOT else BIN
    if WINDOWS:
        return f'"{folder / "activate.bat"}" (cmd) or & "{folder / "Activate.ps1"}" (PowerShell)'
    return "source " + shlex.quote(str(folder / "activate"))


def install_peers(folder, pins, megabytes):
    """Installs libraries for comparison in benchmarks, without their dependencies, in a separate folder.

    Args:
        folder: the folder.
        pins: requirements with pinned versions.
        megabytes: size of the download, for the message.
    """
    note = folder / "pins.txt"
    if note.exists() and note.read_text(encoding="utf-8").split() == pins:
        return
    say(f"Installing what the benchmarks compare with ({megabytes} MB).")
    pip("--no-deps", "--upgrade", "--target", folder, *pins)
    note.write_text("\n".join(pins), encoding="utf-8")


def pins_of_tables():
    """Returns the requirements of benchmarks/tables/peers.txt, some of them older than the library's own."""
    lines = PINS_OF_TABLES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def command_install(*extras):
    """Install the library and the named extras (by default dev)."""
    if not install(*(extras or ("dev",))):
        say(f"Up to date. To use it: {activation()}")
    return 0


def command_demo(*arguments):
    """Train, score and show a model on the digits that ship with scikit-learn."""
    install()
    return call(BIN / ("simulacra" + EXE), "demo", *arguments)


def processes():
    """Returns pytest options that share the tests among the cores, by groups; none for a single core."""
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return ("-n", str(min(cores, MOST_PROCESSES)), "--dist", "loadgroup") if cores > 1 else ()


def command_test(*arguments):
    """Run the quick tests on all cores; with arguments (-k space), those tests in one process."""
    install("dev")
    return call(PYTHON, "-m", "pytest", *(arguments or processes()), OMP_NUM_THREADS="1")


def command_test_all(*arguments):
    """Run every test on all cores: weekly, and before a release."""
    install("dev")
    return call(PYTHON, "-m", "pytest", "--all", *processes(), *arguments, OMP_NUM_THREADS="1")


def command_bench(*arguments):
    """Run the benchmarks, one thread each."""
    install("dev")
    install_peers(PEERS, [pin(name) for name in PEER_PACKAGES], 9)
    return call(PYTHON, "-m", "benchmarks", *arguments, OMP_NUM_THREADS="1", PYTHONPATH=str(PEERS))


def command_bench_tables(*arguments):
    """Compare models of tables with those of SDV, one thread: a quarter of an hour for all of them."""
    install("dev")
    install_peers(PEERS_OF_TABLES, pins_of_tables(), 54)
    paths = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PEERS_OF_TABLES)}
    return call(PYTHON, "-m", "benchmarks.tables", *arguments, **paths)


def command_bench_doctor(*arguments):
    """Test the doctor on sick and healthy models; --measure after: examine all of them again."""
    install("dev")
    return call(PYTHON, "-m", "benchmarks.doctor", *arguments, OMP_NUM_THREADS="1")


def command_docs(*arguments):
    """Build the documentation as web pages, with the picture of the rooms; a warning is an error."""
    install("docs")
    call(PYTHON, ROOT / "tools" / "rooms.py", "--write")
    out = ROOT / "docs" / "_build" / "html"
    status = call(PYTHON, "-m", "sphinx", "-W", "--keep-going", "-b", "html", *arguments, ROOT / "docs", out)
    if status == 0:
        say(f"The pages are in {shown(out / 'index.html')}.")
    return status


def command_results(*arguments):
    """Write the leaderboard: train, score and compare what is missing, then write docs/results.md."""
    install("dev")
    status = call(PYTHON, ROOT / "recipes" / "leaderboard.py", *arguments, OMP_NUM_THREADS="1")
    return status or call(PYTHON, ROOT / "tools" / "results.py", "--write")


def command_headline(*arguments):
    """Run the next long run of recipes/queue.yaml, one thread at the lowest priority; --list: all."""
    install("dev")
    # the run itself must receive SIGTERM from make, to save its state
    return become(PYTHON, ROOT / "tools" / "headline.py", *arguments, OMP_NUM_THREADS="1")


def command_check():
    """Check style, types and import directions; failed checks are named at the end."""
    install("dev")
    failed = []
    for first, *rest in CHECKS:
        program = PYTHON if first == "-m" else BIN / (first + EXE)
        if call(program, *([first] if first == "-m" else []), *rest) != 0:
            failed.append(" ".join([*([] if first == "-m" else [first]), *rest]))
    say(f"Failed: {'; '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


COMMANDS = {
    name[8:].replace("_", "-"): value for name, value in globals().items() if name.startswith("command_")
}


def main(arguments):
    """Runs one command and returns its exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        say(__doc__.strip())
        for name, function in COMMANDS.items():
            say(f"  {name:12} {function.__doc__.splitlines()[0]}")
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    try:
        return COMMANDS[arguments[0]](*arguments[1:])
    except Stop as stop:
        say(f"Stopped: {stop}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted: the same command goes on where it stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
