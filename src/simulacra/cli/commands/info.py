"""`simulacra info`: prints versions, device, folders and optional packages, with remedies for problems."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulacra.cli.options.command import call
from simulacra.cli.output import say, table
from simulacra.core.packages import install_command

# optional dependencies, as in pyproject.toml
EXTRAS = {
    "tables": ("pandas", "pyarrow", "openpyxl"),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "molecules": ("rdkit",),
}
LITTLE = 2e9  # free bytes of a disk below which a warning is printed
Facts = dict[str, Any]


def run(words: Sequence[str]) -> int:
    """Runs `simulacra info` with the given command-line words."""
    return call("info", info, words)


def info(*, json: bool = False) -> int:
    """Say what this machine and this installation offer: versions, device, folders, packages, remedies.

    Args:
        json: print the same as JSON.
    """
    found = facts()
    found["mends"] = mends(found)
    say(as_json(found) if json else as_text(found))
    return 0


def as_json(found: Facts) -> str:
    """Returns the facts as JSON text."""
    return json.dumps(found, indent=2)


def facts() -> Facts:
    """Returns versions, device, folders and packages as a dictionary for JSON.

    Sizes are in bytes; None marks what is missing or unknown.
    """
    from simulacra.data.catalog.names import homes
    from simulacra.training.run import RUNS
    from simulacra.version import __version__

    return {
        "simulacra": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "system": platform.platform(),
        "torch": _torch(),
        "device": _device(),
        "threads": _threads(),
        "runs": {"folder": str(RUNS.absolute()), "free": _free(RUNS.absolute())},
        "data": [str(home) for home in homes()],
        "packages": {extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()},
    }


def _torch() -> Facts:
    import torch

    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "rocm": torch.version.hip,
        "sees_gpu": torch.cuda.is_available(),
        "nvidia_driver": shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").is_dir(),
    }


def _device() -> Facts:
    """Returns the device that `device=auto` chooses, with its memory in bytes."""
    import torch

    from simulacra.training.hardware.backend import choose_device
    from simulacra.training.hardware.memory import free_memory

    device = choose_device("auto")
    name, memory = platform.processor() or platform.machine(), _installed()
    if device.type == "cuda":
        seen = torch.cuda.get_device_properties(device)
        name, memory = seen.name, seen.total_memory
    elif device.type == "mps":
        memory = torch.mps.recommended_max_memory()
    return {"chosen": device.type, "name": name, "memory": memory, "free": free_memory(device)}


def _installed() -> int | None:
    """Returns the machine's memory in bytes; None if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _threads() -> Facts:
    import torch

    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "used": torch.get_num_threads(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY"),
    }


def _free(folder: Path) -> int | None:
    """Returns the free bytes of the disk that holds `folder`, or will hold it once created."""
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    return shutil.disk_usage(there).free if there else None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def mends(found: Facts) -> list[str]:
    """Returns a sentence with a command for each problem of this installation.

    Args:
        found: result of `facts`.
    """
    torch, threads, free = found["torch"], found["threads"], found["runs"]["free"]
    # the version without its build suffix, so that the reinstall changes the build only
    build = (
        "`python -m pip install uv` and `python -m uv pip install --reinstall-package torch "
        f"--torch-backend={{}} torch=={torch['version'].split('+')[0]}`"
    )
    said = []
    if torch["nvidia_driver"] and not (torch["cuda"] or torch["rocm"]):
        said.append(f"There is an NVIDIA GPU, but torch is a build for CPUs: {build.format('auto')}.")
    if torch["cuda"] and not torch["sees_gpu"]:
        said.append(
            f"torch is built for CUDA {torch['cuda']} but sees no GPU: install NVIDIA's driver, or, where "
            f"there is none, the smaller build: {build.format('cpu')}."
        )
    if (threads["OMP_WAIT_POLICY"] or "").upper() != "PASSIVE":
        said.append(
            f"OMP_WAIT_POLICY is {threads['OMP_WAIT_POLICY']}: threads that spin make steps 4 to 50 times "
            "slower on shared machines: `export OMP_WAIT_POLICY=PASSIVE`."
        )
    if threads["cores"] and threads["used"] > threads["cores"]:
        said.append(
            f"torch uses {threads['used']} threads on {threads['cores']} cores: "
            f"`export OMP_NUM_THREADS={threads['cores']}`."
        )
    if free is not None and free < LITTLE:
        said.append(
            f"The disk of {found['runs']['folder']} has {free / 1e9:.1f} GB left: train with --out elsewhere."
        )
    return said


def as_text(found: Facts) -> str:
    """Returns the facts as a table, followed by the remedies."""
    told = [f"- {mend}" for mend in found["mends"]] or ["- nothing is amiss."]
    return "\n".join([table(_rows(found)), "", "mends:", *told])


def _rows(found: Facts) -> list[tuple[str, str]]:
    torch, device, threads = found["torch"], found["device"], found["threads"]
    build = f"CUDA {torch['cuda']}" if torch["cuda"] else f"ROCm {torch['rocm']}" if torch["rocm"] else "CPU"
    free = "" if device["free"] is None else f", {_size(device['free'])} free"
    rows = [
        ("simulacra", found["simulacra"]),
        ("Python", f"{found['python']['version']}, {found['python']['executable']}"),
        ("system", found["system"]),
        ("torch", f"{torch['version']}, built for {build}"),
        ("device", f"{device['chosen']} ({device['name']}), {_size(device['memory'])} of memory{free}"),
        (
            "threads",
            f"{threads['used']} on {threads['cores']} cores, OMP_WAIT_POLICY={threads['OMP_WAIT_POLICY']}",
        ),
        ("runs", f"{found['runs']['folder']}, {_size(found['runs']['free'])} free"),
        ("data", ", ".join(found["data"])),
    ]
    for extra, packages in found["packages"].items():
        there = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
        lacking = [name for name, version in packages.items() if version is None]
        get = f"no {', '.join(lacking)}: {install_command(extra)}" if lacking else ""
        rows.append((extra, "; ".join(part for part in (there, get) if part)))
    return rows


def _size(n: int | None) -> str:
    return "unknown" if n is None else f"{n / 1e9:.1f} GB"
