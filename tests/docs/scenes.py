"""What the pages speak of and no block makes: files of the reader's own, and runs that stand already.

Runs are small: they stand in for those that the page has in mind, under the same names.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import simulacra
from simulacra.core.spaces.audio import write_wav

Names = dict[str, Any]


def photos(folder: str, n: int, size: tuple[int, int], levels: int) -> None:
    """Images of noise in two class folders."""
    make = np.random.default_rng(4)
    kind, end = (np.uint8, "jpg") if levels == 256 else (np.uint16, "tif")
    shape = (*size, 3) if levels == 256 else size
    for i in range(n):
        path = Path(folder, f"kind {i % 3}", f"{i}.{end}")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make.integers(0, levels, shape, kind)).save(path)


def plans(folder: str, sketches: str) -> None:
    """Pictures of noise twice as wide as high, which may be pairs, and some of their right halves."""
    make = np.random.default_rng(4)
    for name, width, n in ((folder, 48, 20), (sketches, 24, 2)):
        Path(name).mkdir()
        for i in range(n):
            Image.fromarray(make.integers(0, 256, (24, width, 3), np.uint8)).save(Path(name, f"{i}.png"))


def sounds(folder: str, samples: int) -> None:
    """Twelve recordings of noise."""
    Path(folder).mkdir()
    make = np.random.default_rng(4)
    for i in range(12):
        write_wav(torch.from_numpy(make.uniform(-0.5, 0.5, samples)), 8000, f"{folder}/{i}.wav")


def table(path: str, gaps: bool = False, separator: str = ",", decimal: str = ".") -> None:
    """Patients with their age, sex and pressure."""
    make = np.random.default_rng(4)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["age", "sex", "pressure"])
        for _ in range(120):
            pressure = f"{make.normal(125, 9):.1f}".replace(".", decimal)
            row = [int(make.integers(18, 90)), "fm"[int(make.integers(2))], pressure]
            writer.writerow(["" if gaps and make.uniform() < 0.1 else value for value in row])


def run_of(kind: str, path: str, data: Any, scored: bool = True, epochs: float = 1, **settings: Any) -> Any:
    """A small run."""
    given = {} if data.condition is None else {"condition": data.condition}
    model = getattr(simulacra, kind)(data.space, **given, **settings)
    run = simulacra.fit(model, data, out=path, epochs=epochs, doctor=False)
    if scored:
        simulacra.evaluate(run, k=3)
    return run


def digits(**options: Any) -> Any:
    """Digits, a few of them."""
    return simulacra.load_data("digits", binarize="dynamic", limit=300, **options)


SMALL = {"latent": 2, "hidden": (16,)}


def readme() -> Names:
    """Photos, slides, recordings, a table with gaps, arrays."""
    photos("photos", 24, (30, 40), 256)
    photos("slides", 24, (40, 33), 2**16)
    plans("plans", "sketches")
    sounds("recordings", 900)
    table("patients.csv", gaps=True)
    make = np.random.default_rng(4)
    np.savez("measurements.npz", x=make.normal(size=(90, 4)), kind=np.arange(90) % 3)
    return {}


class MyNet(nn.Sequential):
    """A network of the reader's own: codes of digits, with their spread."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 6))


class MyModel(simulacra.PPCA):
    """A class of the reader's own, which is in no catalogue."""


def artifact() -> Names:
    """A run, and a class of one's own."""
    data = digits()
    run = run_of("VAE", "runs/vae", data, **SMALL)
    ring = simulacra.load_data("ring", limit=50)
    simulacra.fit(MyModel(ring.space, latent=1), ring, out="runs/mymodel-ring-1", doctor=False)
    MyModel(ring.space, latent=1).save("own")
    return {"simulacra": simulacra, "run": run, "data": data, "MyNet": MyNet, "MyModel": MyModel}


def cli() -> Names:
    """Runs of other models than the one that the page trains."""
    run_of("GAN", "runs/gan-digits-1", digits(), **SMALL)
    run_of("VAE", "runs/vae-digits-2", digits(condition="label"), **SMALL)
    data = simulacra.load_data("digits", binarize="dynamic")
    run = run_of("IWAE", "runs/iwae-digits-1", data, **SMALL)
    for name in ("patients.csv", "new.csv", "gaps.csv"):
        table(name, gaps=name != "new.csv")
    patients = simulacra.load_data("patients.csv", missing="mask")
    run_of("VAE", "runs/patients", patients, scored=False, **SMALL)
    return {"simulacra": simulacra, "run": run, "model": run.model, "data": data}


def compared() -> Names:
    """Four evaluated runs."""
    for kind, more in {"VAE": SMALL, "NADE": {}, "RBM": {"hidden": 10}, "GAN": SMALL}.items():
        run_of(kind, f"runs/{kind.lower()}-mnist-1", digits(), **more)
    return {"simulacra": simulacra}


def contract() -> Names:
    """The names of a loss, and data."""
    from simulacra.core.distributions.divergences import kl_to_standard_normal

    names = {name: getattr(simulacra, name) for name in ("Terms", "Update")}
    ring = simulacra.load_data("ring", limit=200)
    return {**names, "simulacra": simulacra, "data": ring, "kl_to_standard_normal": kl_to_standard_normal}


def data_page() -> Names:
    """Folders and tables of the reader's own."""
    photos("photos", 24, (48, 64), 256)
    photos("slides", 12, (70, 130), 4096)
    sounds("birds", 2100)
    table("prices.csv", separator=";", decimal=",")
    numbers = np.random.default_rng(4).normal(size=(90, 3)).round(2)
    np.savetxt("measurements.csv", numbers, "%.2f", ",", header="a,b,c", comments="")
    table("visits.csv")
    table("long.csv")
    Path("long.csv.gz").write_bytes(gzip.compress(Path("long.csv").read_bytes()))
    captions(Path("captions.txt"), Path("molecules.csv"))
    walks(Path("walks"), 300)
    sounds("clean", 700)
    sounds("noises", 700)
    Path("noises/0.wav").rename("noises/running_tap.wav")
    return {}


def walks(folder: Path, frames: int) -> None:
    """Recorded motions of one joint, two of each class."""
    head = "HIERARCHY\nROOT Hips\n{\n  OFFSET 0 0 0\n  CHANNELS 2 Xposition Yposition\n}\nMOTION\n"
    make = np.random.default_rng(4)
    for i in range(8):
        path = folder / ("slow" if i % 2 else "fast") / f"{i}.bvh"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(f"{a:.3f} {b:.3f}" for a, b in make.normal(size=(frames, 2)).cumsum(0))
        path.write_text(f"{head}Frames: {frames}\nFrame Time: 0.03\n{lines}\n", encoding="utf-8")


def captions(texts: Path, molecules: Path) -> None:
    """Short sentences, a line each, and a table of molecules with a property."""
    words = [
        f"a {who} {does} in the {place}"
        for who in ("man", "dog")
        for does in ("sits", "runs")
        for place in ("park", "sun")
    ]
    texts.write_text("\n".join(words * 9) + "\n", encoding="utf-8")
    rows = [f"{'C' * (i % 7 + 1)}{end},{i % 7 / 2:.2f}" for i in range(60) for end in ("O", "N", "C=O")]
    molecules.write_text("\n".join(["smiles,logP", *rows]) + "\n", encoding="utf-8")


def doctored() -> Names:
    """A run of a VAE."""
    return {"run": run_of("VAE", "runs/vae-digits-1", digits(), **SMALL), "simulacra": simulacra}


def exported() -> Names:
    """A run of a VAE, and the graph of a MADE of dynamically binarized digits."""
    data = digits()
    made = simulacra.MADE(data.space, hidden=(8,))
    made.preprocessing = data.preprocessing
    simulacra.export_onnx(made, "logits.onnx", what="logits")
    return doctored()


class Features(nn.Module):
    """Sums over parts of an image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of shape (B, 8)."""
        return x.flatten(1).unflatten(1, (8, -1)).sum(-1)


def sampled() -> Names:
    """Runs with samples to score, and a network of features."""
    Path("runs").mkdir()
    torch.jit.script(Features()).save("inception.pt")
    data = simulacra.load_data("digits", binarize="dynamic")
    run_of("GAN", "runs/gan-mnist-1", data, scored=False, **SMALL)
    run_of("GAN", "runs/gan-faces-1", data, scored=False, **SMALL)
    run = run_of("VAE", "runs/vae-mnist-1", data, scored=False, **SMALL)
    given = simulacra.load_data("digits", binarize="dynamic", condition="label")
    model = run_of("VAE", "runs/given", given, scored=False, **SMALL).model
    return {"run": run, "model": run.model, "data": run.data, "given": model, "labelled": given}


def tabled() -> Names:
    """A run on a table."""
    table("patients.csv")
    data = simulacra.load_data("patients.csv")
    return {"run": run_of("VAE", "runs/vae-patients-1", data, scored=False, epochs=20, **SMALL)}


def trapped() -> Names:
    """Sentences of five tokens."""
    return {"simulacra": simulacra, "tokens": torch.randint(5, (200, 4), generator=torch.Generator())}


SCENES: dict[str, Callable[[], Names]] = {
    "README.md": readme,
    "docs/artifact.md": artifact,
    "docs/cli.md": cli,
    "docs/compare.md": compared,
    "docs/contract.md": contract,
    "docs/data.md": data_page,
    "docs/doctor.md": doctored,
    "docs/export.md": exported,
    "docs/samples.md": sampled,
    "docs/tables.md": tabled,
    "docs/traps.md": trapped,
}
