"""Install, show, test and check the project with nothing but the standard library.

    python tools/project.py install | demo | test | bench | docs | check  [arguments]

`make demo` and the like are names for these commands. Each of them installs first, into `.venv`,
what it needs and what is not there yet; arguments are handed on (`test -k space`).
"""

import functools
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
EXE = ".exe" if os.name == "nt" else ""
PYTHON = BIN / ("python" + EXE)
STAMP = VENV / "simulacra-install.json"
PEERS = VENV / "peers"  # what the benchmarks compare with, kept apart from the library's own packages
CONSTRAINTS = ROOT / "constraints.txt"

NEWEST, OLDEST = 14, 11  # of Python 3
# Megabytes of the pinned wheels, measured for Python 3.11 on Linux; PyTorch and uv by system.
MEGABYTES = {"runtime": 105, "dev": 81, "docs": 18}
TORCH_MEGABYTES = {"Linux": 210, "Darwin": 128, "Windows": 139}
PEER_PACKAGES = ("pythae", "pydantic", "pydantic-core", "annotated-types", "typing-inspection", "imageio")
CHECKS = (
    ("-m", "ruff", "check", "."),
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "mypy"),
    ("lint-imports",),
)


say = functools.partial(print, flush=True)


class Stop(Exception):
    """What the user has to be told, in a sentence or two."""


def environment(**extra):
    """The environment of child processes: on small machines spinning threads cost more than they give."""
    env = dict(os.environ, **extra)
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    env.setdefault("PIP_DEFAULT_TIMEOUT", "180")
    env.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    env.setdefault("UV_HTTP_TIMEOUT", "600")
    return env


def call(*command, **extra):
    """Run a command in the project's root and return its exit status."""
    sys.stdout.flush()
    return subprocess.run([str(part) for part in command], cwd=str(ROOT), env=environment(**extra)).returncode


def answer(*command):
    """What a command prints, or None if it fails or does not exist."""
    try:
        words = [str(part) for part in command]
        quiet = {"stdin": subprocess.DEVNULL, "capture_output": True}
        done = subprocess.run(words, cwd=str(ROOT), env=environment(), **quiet)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def shown(path):
    """A path relative to the project's root."""
    return os.path.relpath(str(path), str(ROOT))


def pin(name):
    """The requirement of a package as constraints.txt pins it, such as `torch==2.13.0`."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.split("==")[0].strip() == name:
            return line.split(";")[0].strip()
    raise Stop(f"constraints.txt pins no {name}: the checkout is damaged.")


def new_enough(command):
    """Whether the command is a Python of at least 3.11."""
    version = answer(*command, "-c", "import sys; print('%d %d' % sys.version_info[:2])")
    return version is not None and tuple(map(int, version.split())) >= (3, OLDEST)


def find_python():
    """The command of a Python >= 3.11: this one, else one on the PATH."""
    if sys.version_info >= (3, OLDEST):
        return [getattr(sys, "_base_executable", sys.executable)]
    candidates = [[f"python3.{minor}"] for minor in range(NEWEST, OLDEST - 1, -1)] + [["python3"]]
    if os.name == "nt":
        candidates.insert(0, ["py", "-3"])
    for command in candidates:
        if shutil.which(command[0]) and new_enough(command):
            return command
    raise Stop(
        f"Simulacra needs Python 3.{OLDEST} or newer; this is {platform.python_version()} and no newer "
        "one is on the PATH. Get one from https://www.python.org/downloads or from your system's packages "
        "(`apt install python3.12-venv`, `brew install python@3.12`), then run the same command again."
    )


def make_venv():
    """A working .venv with pip, made anew where it is missing, broken or was moved."""
    moved = VENV.exists() and stamp().get("root", str(ROOT)) != str(ROOT)
    if not moved and new_enough([PYTHON]) and answer(PYTHON, "-m", "pip", "--version"):
        return
    python = find_python()
    say(f"Making the environment in {shown(VENV)} with {' '.join(python)}.")
    if call(*python, "-m", "venv", "--clear", VENV) != 0:
        raise Stop(
            "That Python cannot make a virtual environment. "
            "On Debian and Ubuntu, `apt install python3-venv` mends it."
        )


def digest():
    """A hash of all that decides what is installed."""
    parts = [str(ROOT).encode(), (ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def stamp():
    """What the last installation wrote down."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def pip(*arguments):
    """pip in the environment, tried twice, since networks fail."""
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    command = [PYTHON, "-m", "pip", "install", *quiet, *arguments]
    if call(*command) == 0:
        return
    say("pip failed; trying once more.")
    if call(*command) != 0:
        raise Stop(
            "pip could not install the packages; its reason stands above. "
            "If it is the network, the same command goes on where it stopped."
        )


def install_torch():
    """The pinned PyTorch: a wheel on this machine, else the build that fits the machine."""
    wanted = pin("torch")
    version = answer(PYTHON, "-c", "import importlib.metadata as m; print(m.version('torch'))") or ""
    if version.split("+")[0] == wanted.split("==")[1]:
        return
    local = [PYTHON, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wanted]
    if answer(*local) is not None:
        say("PyTorch: took the wheel that lies on this machine, nothing fetched.")
        return
    gpu = shutil.which("nvidia-smi") is not None
    cpu = f"{TORCH_MEGABYTES.get(platform.system(), 200)} MB (no NVIDIA GPU found)"
    say(f"PyTorch: fetching about {'3000 MB or more (NVIDIA GPU found)' if gpu else cpu}.")
    pip("-c", CONSTRAINTS, "uv")
    index = answer(PYTHON, "-m", "pip", "config", "get", "global.index-url")
    where = {"UV_DEFAULT_INDEX": index} if index else {}
    uv = [BIN / ("uv" + EXE), "pip", "install", "--python", PYTHON, "--torch-backend=auto"]
    if call(*uv, "--constraint", CONSTRAINTS, wanted, **where) != 0:
        install_torch_with_pip(wanted, gpu)


def install_torch_with_pip(wanted, gpu):
    """Plain pip, where the index's own build is the right one."""
    if platform.system() == "Linux" and not gpu:
        raise Stop(
            f"uv could not fetch the CPU build of {wanted}; its reason stands above. The default build "
            "would bring some thousand MB of CUDA libraries that this machine cannot use, so it was not "
            "taken. Two mends: make PyTorch's own package index reachable (a proxy in HTTPS_PROXY) "
            "and run the same command again; or fetch the wheel elsewhere and run "
            "`PIP_FIND_LINKS=folder-of-the-wheel make install`."
        )
    say("uv failed; trying pip's own build.")
    pip("-c", CONSTRAINTS, wanted)


def install(*extras):
    """The project, editable, with its pinned dependencies; at once if nothing changed."""
    before, now = stamp(), digest()
    have = before.get("extras", [])
    same = before.get("digest") == now and PYTHON.exists()
    if same and set(extras) <= set(have):
        return
    make_venv()
    extras = sorted(set(extras) | set(have))
    missing = sorted(set(extras) - set(have)) if same else ["runtime", *extras]
    megabytes = sum(MEGABYTES.get(name, 0) for name in missing)
    say(f"Installing pinned packages: at most {megabytes} MB to fetch, besides PyTorch.")
    pip("-c", CONSTRAINTS, "setuptools")
    install_torch()
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip("-c", CONSTRAINTS, "--no-build-isolation", "--editable", target)
    record = {"root": str(ROOT), "digest": now, "extras": extras}
    STAMP.write_text(json.dumps(record), encoding="utf-8")
    say(f"Installed. To use it: {activation()}")


def activation():
    """The command that puts `simulacra` on the PATH."""
    activate = shown(BIN / "activate")
    return activate if os.name == "nt" else "source " + shlex.quote(activate)


def install_peers():
    """The libraries that the benchmarks compare with, without their dependencies, in a folder apart."""
    pins = [pin(name) for name in PEER_PACKAGES]
    note = PEERS / "pins.txt"
    if note.exists() and note.read_text(encoding="utf-8").split() == pins:
        return
    say("Installing what the benchmarks compare with (3 MB).")
    pip("--no-deps", "--upgrade", "--target", PEERS, *pins)
    note.write_text("\n".join(pins), encoding="utf-8")


def command_install(*extras):
    """The library and the named extras: dev where none is named."""
    install(*(extras or ("dev",)))
    say(f"Up to date. To use it: {activation()}")
    return 0


def command_demo(*arguments):
    """Train, score and show a model on the digits that ship with scikit-learn."""
    install()
    return call(BIN / ("simulacra" + EXE), "demo", *arguments)


def command_test(*arguments):
    """The tests, one thread each."""
    install("dev")
    return call(PYTHON, "-m", "pytest", *arguments, OMP_NUM_THREADS="1")


def command_bench(*arguments):
    """The benchmarks, one thread each."""
    install("dev")
    install_peers()
    return call(PYTHON, "-m", "benchmarks", *arguments, OMP_NUM_THREADS="1", PYTHONPATH=str(PEERS))


def command_docs(*arguments):
    """The documentation as web pages; a warning is an error."""
    install("docs")
    out = ROOT / "docs" / "_build" / "html"
    status = call(PYTHON, "-m", "sphinx", "-W", "--keep-going", "-b", "html", *arguments, ROOT / "docs", out)
    if status == 0:
        say(f"The pages are in {shown(out / 'index.html')}.")
    return status


def command_check():
    """Style, types and import directions: all of them run, then the failures are named."""
    install("dev")
    failed = []
    for first, *rest in CHECKS:
        program = PYTHON if first == "-m" else BIN / (first + EXE)
        if call(program, *([first] if first == "-m" else []), *rest) != 0:
            failed.append(" ".join([*([] if first == "-m" else [first]), *rest]))
    say(f"Failed: {'; '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


COMMANDS = {name[8:]: value for name, value in globals().items() if name.startswith("command_")}


def main(arguments):
    """Run one command and return its exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        say(__doc__.strip())
        for name, function in COMMANDS.items():
            say(f"  {name:8} {function.__doc__.splitlines()[0]}")
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    try:
        return COMMANDS[arguments[0]](*arguments[1:])
    except Stop as stop:
        say(f"\nStopped: {stop}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted; the same command goes on where it stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
