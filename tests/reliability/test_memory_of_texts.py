"""Evaluation of many sentences: memory does not grow with their number, their width or their vocabulary."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="asks the system for the size of the process")
ALLOWED = 150  # MB that an evaluation adds; logits of all rows at once take 2,900 MB
SCRIPT = """
import resource, sys, torch, simulacra
torch.set_num_threads(1)
n, T, classes = 3000, 40, 6000
g = torch.Generator().manual_seed(0)
lengths = torch.randint(4, 22, (n, 1), generator=g)
x = torch.randint(1, classes, (n, T), generator=g)
x = torch.where(torch.arange(T) < lengths, x, 0).to(torch.int16)
data = simulacra.from_tensors(x, simulacra.Tokens((T,), classes), valid=0, test=0)
model = simulacra.Transformer(data.space, layers=1, heads=1, width=8)
run = simulacra.fit(model, data, out=sys.argv[1], steps=1, batch_size=2, progress=False)
unit = 2 ** (20 if sys.platform == "darwin" else 10)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
before = peak()
report = simulacra.evaluate(run, split="train", samples=100)
assert len(report.likelihood.values) == n
print(peak() - before)
"""


@pytest.mark.thorough
def test_an_evaluation_of_sentences_takes_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    assert float(done.stdout.split()[-1]) < ALLOWED
