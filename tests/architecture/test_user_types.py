"""A type checker finds the mistakes in a user's script, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sources

RIGHT = """
from pathlib import Path
import simulacra
from simulacra import VAE, Options, fit, load_data
from simulacra.models.boltzmann import RBM

data = load_data("digits", binarize="dynamic", size=4)
model = VAE(data.space, latent=2, hidden=(20,), seed=3)
run = fit(model, data, epochs=3, lr=1e-3, stages={"train": 2}, out=Path("a"))
run = simulacra.resume(run.path, data=data)
report = simulacra.evaluate(run, k=10)
score: float = report.likelihood.mean if report.likelihood else 0.0
active: int | None = report.latents.active if report.latents else None
found = simulacra.compare(run, report, other=run)
best: list[str] = found.best
machine = RBM(data.space, hidden=5, estimator="pcd", seed=1)
rows: int = len(machine.sample(3))
deep = simulacra.HierarchicalVAE(data.space, likelihood="bernoulli", scale=None)
tensors = simulacra.from_tensors([[0.0, 1.0]], simulacra.Real((2,)), labels=[1])
options = Options(epochs=2, schedule="cosine")
version: str = simulacra.__version__
"""
# a line, the code of mypy, and what its sentence names
WRONG = (
    ('load_data("digits", binarise="dynamic")', "call-arg", '"binarise" for "load_data"'),
    ('load_data("digits", binarize="never")', "arg-type", '"load_data"'),
    ('load_data("digits", grey="yes")', "arg-type", '"grey" to "load_data"'),
    ("fit(model, data, epochz=3)", "call-arg", '"epochz" for "fit"'),
    ('fit(model, data, epochs="3")', "arg-type", '"epochs" to "fit"'),
    ("fit(data, data)", "arg-type", '"fit" has incompatible type "Dataset"; expected "Model"'),
    ("Options(epochz=3)", "call-arg", '"epochz" for "Options"'),
    ('simulacra.resume("a", epochs=3)', "arg-type", '"epochs" to "resume"'),
    ("simulacra.evaluate(run, ks=3)", "call-arg", '"ks" for "evaluate"'),
    ("simulacra.compare(run, 3)", "arg-type", '"compare"'),
    ("VAE(data.space, latnt=2)", "call-arg", '"latnt" for "VAE"'),
    ("VAE(data.space, hiden=(2,))", "call-arg", '"hiden" for "VAE"'),
    ('VAE(data.space, latent="2")', "arg-type", '"latent" to "VAE"'),
    ("VAE(data.space, seed=0.5)", "arg-type", '"seed" to "VAE"'),
    ("simulacra.FVBN(data.space, ordr=(1, 0))", "call-arg", '"ordr" for "FVBN"'),
    ("RBM(data.space, hiden=3)", "call-arg", '"hiden" for "RBM"'),
    ("report.likelyhood", "attr-defined", '"Report" has no attribute "likelyhood"'),
    ("run.weights", "attr-defined", '"Run" has no attribute "weights"'),
    ("simulacra.VAEE", "attr-defined", "VAEE"),
)


def errors_of(script: Path) -> dict[int, list[tuple[str, str]]]:
    """The sentence and the code of every error of mypy by line; it takes half a minute."""
    script.write_text(RIGHT + "\n".join(line for line, *_ in WRONG), encoding="utf-8")
    # a cache of its own: two processes that write one cache end in an internal error of mypy
    cache_dir = f"--cache-dir={script.parent / 'mypy'}"
    command = [sys.executable, "-m", "mypy", cache_dir, "--no-pretty", "--show-error-codes", str(script)]
    done = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[int, list[tuple[str, str]]] = {}
    for number, sentence, code in re.findall(
        r"user_script\.py:(\d+): error: (.*)  \[([\w-]+)\]$", done.stdout, re.M
    ):
        found.setdefault(int(number), []).append((sentence, code))
    return found


pytestmark = pytest.mark.slow
FIRST = RIGHT.count("\n") + 1  # number of the first wrong line


@pytest.mark.thorough
def test_each_mistake_is_found_and_nothing_else(tmp_path):
    """One test, so that mypy runs once."""
    pytest.importorskip("mypy")
    said = errors_of(tmp_path / "user_script.py")
    assert {number: error for number, error in said.items() if number < FIRST} == {}
    for number, (line, code, words) in enumerate(WRONG, FIRST):
        errors = said.get(number, [])
        assert [c for _, c in errors] == [code], (line, errors)
        assert words in errors[0][0], (line, errors)
