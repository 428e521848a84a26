"""The environment in `.venv`: finds a Python for it, makes it, and runs pip in it.

It uses only the standard library, and runs under Python 3.6 until a newer one is found.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
EXE = ".exe" if WINDOWS else ""
PYTHON = BIN / ("python" + EXE)
STAMP = VENV / "simulacra-install.json"
CONSTRAINTS = ROOT / "constraints.txt"

NEWEST, OLDEST = 14, 11  # minor versions of Python 3 that constraints.txt supports
# Patterns in pip's errors, and explanations; the first match is shown.
NETWORK = "the package index cannot be reached (look at the network, or name a proxy in HTTPS_PROXY)"
REASONS = (
    ("CERTIFICATE_VERIFY_FAILED", "the index's certificate is not trusted (name the right file in PIP_CERT)"),
    ("NewConnectionError|NameResolutionError|getaddrinfo|name resolution|unreachable", NETWORK),
    ("ConnectTimeout|ReadTimeout|ProxyError|Connection reset|RemoteDisconnected|Max retries", NETWORK),
    ("No space left|Errno 28", "the disk is full"),
    ("No matching distribution|not a supported wheel", "a pinned version has no build for this system"),
    ("Permission denied|Errno 13|WinError 5|WinError 32", "a file in .venv is in use or may not be written"),
)


class Stop(Exception):
    """Ends a command with a message for the user."""


def say(line):
    """Prints a line; characters that the terminal cannot show become question marks."""
    letters = getattr(sys.stdout, "encoding", None) or "ascii"
    print(line.encode(letters, "replace").decode(letters), flush=True)


def shown(path):
    """Returns a path relative to the project's root."""
    return os.path.relpath(str(path), str(ROOT))


# ---- processes


def variables(**extra):
    """Returns the environment variables for processes; idle threads wait passively."""
    env = dict(os.environ, **extra)
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    env.setdefault("PIP_DEFAULT_TIMEOUT", "180")
    env.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    env.setdefault("UV_HTTP_TIMEOUT", "600")
    return env


def started(command, streams, **extra):
    """Runs a command to its end in the project's root.

    Args:
        command: program and arguments.
        streams: keyword arguments of `subprocess.run` for its streams.
        extra: further environment variables.
    """
    sys.stdout.flush()
    return subprocess.run([str(part) for part in command], cwd=str(ROOT), env=variables(**extra), **streams)


def call(*command, **extra):
    """Runs a command and returns its exit status."""
    return started(command, {}, **extra).returncode


def become(*command, **extra):
    """Replaces this process by a command, which receives its signals; returns its status on Windows."""
    if WINDOWS:
        return call(*command, **extra)
    sys.stdout.flush()
    os.chdir(str(ROOT))
    words = [str(part) for part in command]
    return os.execve(words[0], words, variables(**extra))


def heard(*command, **extra):
    """Runs a command; returns its exit status and what it wrote to standard error."""
    done = started(command, {"stderr": subprocess.PIPE}, **extra)
    return done.returncode, done.stderr.decode(errors="replace")


def answer(*command):
    """Returns what a command prints, or None if it fails or does not exist."""
    no = subprocess.DEVNULL
    try:
        done = started(command, {"stdin": no, "stdout": subprocess.PIPE, "stderr": no})
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


# ---- Python


def fits(command):
    """Returns True if the command is a Python that the pins support: 3.11 to 3.14, 64 bits."""
    words = answer(*command, "-c", "import sys; print(*sys.version_info[:2], sys.maxsize > 2**32)")
    found = (words or "").split()
    if len(found) != 3 or found[2] != "True":
        return False
    return (3, OLDEST) <= (int(found[0]), int(found[1])) <= (3, NEWEST)


def find_python():
    """Returns the command of a supported Python: this one, otherwise one on the PATH."""
    minors = range(NEWEST, OLDEST - 1, -1)
    candidates = [[getattr(sys, "_base_executable", None) or sys.executable]]
    if WINDOWS:
        candidates += [["py", "-3"]] + [["py", f"-3.{minor}"] for minor in minors]
    candidates += [[f"python3.{minor}"] for minor in minors] + [["python3"], ["python"]]
    for command in candidates:
        if shutil.which(command[0]) and fits(command):
            return command
    raise Stop(
        f"Simulacra is installed with Python 3.{OLDEST} to 3.{NEWEST}, 64 bits; this is "
        f"{platform.python_version()} and none of those is on the PATH. Get one from "
        "https://www.python.org/downloads or from your system's packages (`apt install python3.12-venv`, "
        "`brew install python@3.12`, `winget install Python.Python.3.12`), then run the same command again."
    )


def make_venv():
    """Makes a .venv with pip, unless there is a working one in its place."""
    moved = stamp().get("root", str(ROOT)) != str(ROOT)
    if not moved and fits([PYTHON]) and answer(PYTHON, "-m", "pip", "--version"):
        return
    python = find_python()
    say(f"Making the environment in {shown(VENV)} with {' '.join(python)}.")
    if call(*python, "-m", "venv", "--clear", VENV) != 0:
        raise Stop(
            "That Python cannot make a virtual environment. "
            "On Debian and Ubuntu, `apt install python3-venv` mends it."
        )
    write_stamp(None, [])


def stamp():
    """Returns the record of the last installation."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(digest, extras):
    """Records place and content of the environment.

    Args:
        digest: hash of the pins, or None if nothing is installed yet.
        extras: names of the installed extras.
    """
    record = {"root": str(ROOT), "digest": digest, "extras": extras}
    STAMP.write_text(json.dumps(record), encoding="utf-8")


# ---- packages


def pin(name):
    """Returns the requirement of a package as constraints.txt pins it, such as `torch==2.13.0`."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.split("==")[0].strip() == name:
            return line.split(";")[0].strip()
    raise Stop(f"constraints.txt pins no {name}: the checkout is damaged.")


def pip(*arguments):
    """Runs pip install in the environment, twice if the network fails."""
    quiet = [] if sys.stdout.isatty() else ["-q"]
    command = [PYTHON, "-m", "pip", "install", *quiet, *arguments]
    status, errors = heard(*command)
    if status and reason(errors) == NETWORK:
        say("The package index does not answer; trying once more.")
        status, errors = heard(*command)
    if status:
        say(errors)
        raise Stop(f"pip failed: {reason(errors)}; the same command goes on where it stopped.")


def reason(errors):
    """Returns the reason why pip failed, in a few words."""
    for sign, words in REASONS:
        if re.search(sign, errors):
            return words
    last = [line for line in errors.splitlines() if "error" in line.lower()]
    return last[-1].strip().rstrip(".") if last else "its reason stands above"
