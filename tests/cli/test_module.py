"""`python -m simulacra` is the command line."""

import subprocess
import sys

import pytest

import simulacra


@pytest.mark.fault("doors 2.5")
def test_the_package_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "simulacra"]
    found = subprocess.run([*command, "--version"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (found.returncode, found.stdout) == (0, f"simulacra {simulacra.__version__}\n")
    wrong = subprocess.run([*command, "evaluate", "gone"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and wrong.stderr.startswith("simulacra: error: gone holds no config.json")


@pytest.mark.fault("doors 2.5")
@pytest.mark.parametrize("name", ["one.pt", "one.PTH", "one.onnx", "one.pkl"])
def test_a_model_is_not_saved_under_the_ending_of_another_program(tmp_path, name):
    model = simulacra.PPCA(simulacra.Real((3,)), latent=1)
    with pytest.raises(ValueError, match=r"one\.safetensors, or into a folder"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    model.save(tmp_path / "model.v2")
    assert simulacra.load(tmp_path / "model.v2").sample(2).shape == (2, 3)
