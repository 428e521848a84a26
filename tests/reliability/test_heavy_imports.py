"""Heavy packages are imported by the commands and words that need them, and by no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simulacra
from contract.cases import named
from contract.representatives import quick
from simulacra.cli import main

HEAVY = (
    "lightning",
    "matplotlib",
    "onnx",
    "pandas",
    "scipy.stats",
    "sklearn",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
)
COMPILER = {"sympy", "torch._dynamo", "torch._inductor"}
# what sampling and scoring may import beyond loading; last the model whose counts are quantiles of scipy
MODELS: dict[str, set[str]] = {
    "vae": set(),
    "ppca": set(),
    "pca": set(),
    "made": set(),
    "pixelcnn": set(),
    "rbm": set(),
    "boltzmann-machine": set(),
    "gan": set(),
    "tabular": set(),
    "gaussian-copula": set(),
    "gaussian": set(),
    "vae/fields": {"scipy.stats"},
}
# the classes of torch.optim and the export of torch import the compiler
COMMANDS: dict[str, set[str]] = {
    "sample RUN --out samples.csv --n 3": {"matplotlib"},
    "score RUN bars-and-stripes --k 2 --out scored.csv": set(),
    "evaluate RUN": {"scipy.stats"},
    "doctor RUN": {"scipy.stats"},
    "compare RUN RUN": set(),
    "info": set(),
    "data inspect bars-and-stripes": set(),
    "train vae bars-and-stripes --epochs 1 --out new": COMPILER | {"matplotlib"},
    "export RUN --what decode": COMPILER | {"onnx"},
}
QUICK = ("info", "sample RUN --out samples.csv --n 3")
WORDS = """
import json, sys, torch, simulacra
heavy = {heavy!r}
found = {{}}
for path in sys.argv[1:]:
    before = set(sys.modules)
    model = simulacra.load(path)
    loaded = [name for name in heavy if name in sys.modules and name not in before]
    if not isinstance(model, simulacra.PCA):
        x = model.sample(3, seed=1)
    if not isinstance(model, simulacra.GAN | simulacra.PCA):
        model.log_prob(x)
    found[path] = loaded, [name for name in heavy if name in sys.modules and name not in before]
print(json.dumps(found))
"""
COMMAND = """
import json, sys
from simulacra.cli import main
code = main({words!r})
print(json.dumps([code, [name for name in {heavy!r} if name in sys.modules]]))
"""


def last_line(code: str, *words: str, cwd: Path) -> Any:
    """The last line that a program prints, read as JSON."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.fault("scores 3.1")
def test_a_model_of_any_family_is_loaded_and_used_without_heavy_packages(tmp_path):
    """One process for all: a package that any of them imports is found in the first that does."""
    paths = {name: tmp_path / f"{name.replace('/', '-')}.safetensors" for name in MODELS}
    for name, path in paths.items():
        named(name).build().save(path)
    found = last_line(WORDS.format(heavy=HEAVY), *map(str, paths.values()), cwd=tmp_path)
    for name, path in paths.items():
        loaded, used = found[str(path)]
        assert not loaded, f"load of {name} imports {loaded}"
        assert set(used) <= MODELS[name], f"sampling or scoring with {name} imports {used}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an evaluated run on a toy, which no package brings."""
    home = tmp_path_factory.mktemp("imports")
    data = simulacra.load_data("bars-and-stripes")
    model = simulacra.VAE(data.space, latent=2, hidden=(5,))
    simulacra.fit(model, data, out=home / "run", epochs=1, progress=False, device="cpu")
    assert main(["evaluate", str(home / "run"), "--k", "5"]) == 0
    return home


@pytest.mark.slow
@pytest.mark.fault("scores 3.1")
@pytest.mark.parametrize("words", quick(COMMANDS, QUICK.__contains__))
def test_a_command_imports_the_heavy_packages_it_needs(folder, words):
    code = COMMAND.format(words=words.replace("RUN", "run").split(), heavy=HEAVY)
    status, found = last_line(code, cwd=folder)
    assert status == 0
    assert set(found) <= COMMANDS[words], (
        f"`simulacra {words}` imports {sorted(set(found) - COMMANDS[words])}"
    )
