"""Write the artifacts of `tests/compat`: three tiny models, as one version of the library saves them.

    python tests/compat/make.py tests/compat/format-1/NAME [ARTIFACT ...]

Run it once, with the version whose files are to be kept (by PYTHONPATH, for an older one), and commit
what it writes: a folder that is there is never written again. `expected.json` holds, for each
artifact, rows in raw units, their scores, samples, and the seed of both. The script keeps to names
that every version has. `format-1/folders` is of the code before one-file artifacts and recorded scores:
all three are folders there. `format-1/tables` is of the code before normal scores.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import torch

import simulacra
from simulacra.core.preprocessing.transforms import Affine

SEED, N, K = 7, 4, 5
QUIET = {"epochs": 1, "device": "cpu", "progress": False, "validate": False}


def vae(folder: Path) -> tuple[simulacra.Model, torch.Tensor, torch.Tensor | None]:
    """A run: a conditional VAE on dynamically binarized digits."""
    data = simulacra.load_data("digits", binarize="dynamic", condition="label", limit=50)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(5,))
    with tempfile.TemporaryDirectory() as aside:
        run = simulacra.fit(model, data, out=aside, **QUIET)
        simulacra.evaluate(run, k=K, limit=5)
        folder.mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(run.path / name, folder / name)
    return run.model, data.test.x[:3], data.test.c[:3]


def ppca(path: Path) -> tuple[simulacra.Model, torch.Tensor, torch.Tensor | None]:
    """A saved model: probabilistic PCA of standardized reals."""
    model = simulacra.PPCA(simulacra.Real((3,)), latent=2)
    for t in model.state_dict().values():
        t.copy_(torch.rand_like(t) + 0.1)
    model.preprocessing = simulacra.Preprocessing(model.space, (Affine((1.0, 2.0, -3.0), (0.5, 2.0, 4.0)),))
    model.save(path)
    return model, torch.linspace(-2, 2, 9).reshape(3, 3), None


def rbm(folder: Path) -> tuple[simulacra.Model, torch.Tensor, torch.Tensor | None]:
    """A saved model: a Boltzmann machine with its chains."""
    model = simulacra.RBM(simulacra.Binary((6,)), hidden=5, chains=7, burn_in=20)
    model.save(folder)
    return model, torch.eye(6)[:3], None


def table(path: Path) -> tuple[simulacra.Model, torch.Tensor, torch.Tensor | None]:
    """A saved model: a VAE of a table with a column of every kind that there was before normal scores."""
    make = random.Random(SEED)
    columns = {
        "height": [round(make.gauss(170, 9), 1) for _ in range(60)],
        "income": [round(make.lognormvariate(7, 1.6), 2) for _ in range(60)],
        "visits": [int(make.expovariate(0.05)) for _ in range(60)],
        "grade": [make.randint(1, 4) for _ in range(60)],
        "city": [make.choice(("Basel", "Oslo")) for _ in range(60)],
    }
    data = simulacra.load_data(columns, validation=0, test=0)
    model = simulacra.VAE(data.space, latent=2, hidden=(5,))
    with tempfile.TemporaryDirectory() as aside:
        model = simulacra.fit(model, data, out=aside, **QUIET).model
    model.save(path)
    return model, data.train.x[:3], None


MAKERS = {"vae": vae, "ppca.safetensors": ppca, "rbm": rbm, "table.safetensors": table}


def main(folder: Path, *names: str) -> None:
    """Write every artifact, or those that are named, and what it answers."""
    folder.mkdir(parents=True)
    expected = {}
    for name in names or MAKERS:
        make = MAKERS[name]
        torch.manual_seed(SEED)
        model, x, c = make(folder / name)
        expected[name] = {
            "seed": SEED,
            "k": K,
            "x": x.tolist(),
            "condition": None if c is None else c.tolist(),
            "scores": model.log_prob(x, c, k=K, seed=SEED).values.tolist(),
            "samples": model.sample(N, None if c is None else c[0], seed=SEED).tolist(),
        }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
