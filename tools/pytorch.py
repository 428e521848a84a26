"""Installs PyTorch as the machine needs it: no CUDA without a GPU, and no download if a wheel is there."""

import platform
import re
import shutil

from environment import BIN, CONSTRAINTS, EXE, PYTHON, Stop, answer, call, heard, pin, pip, say

# megabytes of the pinned wheels
UV = 18
TORCH = {"Linux": 192, "Darwin": 112, "Windows": 122}


def install_torch():
    """Installs the pinned PyTorch: a wheel on this machine, otherwise the build that fits the machine."""
    wanted = pin("torch")
    version = answer(PYTHON, "-c", "import importlib.metadata as m; print(m.version('torch'))") or ""
    if version.split("+")[0] == wanted.split("==")[1]:
        return
    local = [PYTHON, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wanted]
    if answer(*local) is not None:
        say("PyTorch: took the wheel that lies on this machine, nothing fetched.")
        return
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        raise Stop(
            "PyTorch is no longer built for Macs with Intel processors, so it cannot be installed here."
        )
    say(f"PyTorch: fetching uv ({UV} MB), which looks for a GPU and picks the build.")
    pip("-c", CONSTRAINTS, "uv")
    if not install_with_uv(wanted):
        install_with_pip(wanted)


def install_with_uv(wanted):
    """Installs the build that uv chooses for this machine, and returns True if that worked."""
    index = answer(PYTHON, "-m", "pip", "config", "get", "global.index-url")
    where = {"UV_DEFAULT_INDEX": index} if index else {}
    uv = [BIN / ("uv" + EXE), "pip", "install", "--python", PYTHON, "--torch-backend=auto"]
    uv += ["--constraint", CONSTRAINTS, wanted]
    status, plan = heard(*uv, "--dry-run", **where)
    if status:
        say(plan)
        return False
    say(f"PyTorch: fetching {size(for_a_gpu(plan))}.")
    return call(*uv, **where) == 0


def for_a_gpu(plan):
    """Returns True if uv would install a build for a GPU."""
    return re.search(r"nvidia-|\+(cu\d|rocm|xpu)", plan) is not None


def size(gpu):
    """Describes the size of the download of PyTorch."""
    if gpu:
        return "its build for a GPU, 3000 MB or more"
    return f"its build without CUDA, about {TORCH.get(platform.system(), 200)} MB"


def install_with_pip(wanted):
    """Installs with pip, if the index's default build is the right one."""
    gpu = platform.system() == "Linux" and shutil.which("nvidia-smi") is not None
    if platform.system() == "Linux" and not gpu:
        raise Stop(
            f"uv could not fetch the CPU build of {wanted}; its reason stands above. The default build "
            "would bring some thousand MB of CUDA libraries that this machine cannot use, so it was not "
            "taken. Two mends: make PyTorch's own package index reachable (a proxy in HTTPS_PROXY) "
            "and run the same command again; or fetch the wheel elsewhere and run "
            "`PIP_FIND_LINKS=folder-of-the-wheel make install`."
        )
    say(f"uv failed; trying pip: fetching {size(gpu)}.")
    pip("-c", CONSTRAINTS, wanted)
