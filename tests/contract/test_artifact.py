"""What is saved answers the same, in a folder and in one file, and says how the model was built."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

import simulacra
from cli.cli_process import environment
from contract.cases import named
from contract.choose import every, represented
from contract.harness import differing, state, trained
from contract.saving import FORMS, opened
from contract.use import answers
from simulacra.cli import main
from simulacra.core.artifact.save import build_model, describe
from simulacra.core.spaces.plain import Real
from simulacra.core.storage.files import read_json, read_tensors, write_json


@pytest.mark.parametrize("form", FORMS)
@represented()
def test_a_saved_model_answers_the_same(case, form, tmp_path):
    model = trained(case)
    model.save(tmp_path / "a" / form)
    loaded = opened(case, tmp_path / "a" / form)
    assert not differing(answers(model, case), answers(loaded, case))
    assert not differing(state(model), state(loaded))
    assert loaded.capabilities() == model.capabilities() and not loaded.training
    # and saved again, in the other form
    other = tmp_path / "b" / next(f for f in FORMS if f != form)
    loaded.save(other)
    assert describe(opened(case, other)) == describe(model)


@every
def test_the_recorded_arguments_make_the_same_model(case):
    model = case.build()
    again = case.kind(**model.arguments)
    assert {n: t.shape for n, t in model.state_dict().items()} == {
        n: t.shape for n, t in again.state_dict().items()
    }
    rebuilt = build_model(json.loads(json.dumps(describe(model))), case.kind, {})
    assert rebuilt.arguments == model.arguments
    assert rebuilt.preprocessing == model.preprocessing


@every
def test_every_model_can_be_built_without_memory(case):
    """And that draws no number of the global generator, so that a resumed run begins as the first did."""
    config = json.loads(json.dumps(describe(case.build())))
    before = torch.get_rng_state()
    with torch.device("meta"):
        own = build_model(config, case.kind, {}).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert own and all(t.is_meta for t in own.values())


PROCESS = """
import json, sys, simulacra
x, c = json.loads(sys.argv[1])
for path in sys.argv[2:]:
    model = simulacra.load(path)
    values = model.log_prob(x, c, k=7, seed=3).values
    print(json.dumps([model.sample(11, 1, seed=5).tolist(), values.tolist(), list(model.label_names)]))
"""


def test_another_process_without_the_data(tmp_path):
    """Raw in, raw out: same bits for samples and scores, from both forms."""
    case = named("vae/conditional")
    model = case.build()
    names = model.label_names = ("a", "b", "c")
    x, c = case.data().test.x[:5], case.data().test.c[:5]
    for form in FORMS:
        model.save(tmp_path / form)
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, json.dumps([x.tolist(), c.tolist()]), *FORMS],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment(),
    )
    samples, scores = model.sample(11, 1, seed=5), model.log_prob(x, c, k=7, seed=3).values
    expected = [samples.tolist(), scores.tolist(), list(names)]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected, expected]


def test_the_precision_is_that_of_the_saved_model(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2).double()
    with torch.no_grad():
        for p in model.parameters():
            p += torch.pi / 3e9  # less than a float32 can tell
    model.save(tmp_path / "m")
    loaded = simulacra.load(tmp_path / "m")
    assert loaded.dtype == torch.float64 and not differing(state(model), state(loaded))


def test_the_command_line_takes_one_file(tmp_path, capsys):
    """Samples go beside it, where nothing else is said."""
    named("ppca").build().save(tmp_path / "m.safetensors")
    assert main(["sample", str(tmp_path / "m.safetensors"), "--n", "3", "--seed", "5"]) == 0
    assert (tmp_path / "samples" / "seed-5.png").is_file()
    assert main(["evaluate", str(tmp_path / "m.safetensors")]) == 2
    assert "is a saved model, not a run" in capsys.readouterr().err


# ---- what the files say


def test_the_configuration_says_what_wrote_it(tmp_path):
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m")
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m.safetensors")
    config = read_json(tmp_path / "m" / "config.json")
    assert config["format"] == 1 and config["version"] == simulacra.__version__ and config["model"] == "PPCA"
    header = read_tensors(tmp_path / "m.safetensors")[1]
    assert len(header.pop("digest")) == 64 and header == config
    beside = read_tensors(tmp_path / "m" / "model.safetensors")[1]
    assert len(beside.pop("digest")) == 64 and beside == {"format": 1, "model": "PPCA"}
    # entries that came after the first version may be missing
    old = {key: value for key, value in config.items() if key not in ("version", "own", "estimates")}
    write_json(tmp_path / "m" / "config.json", old)
    assert simulacra.load(tmp_path / "m").estimates == []


def test_a_changed_bit_is_found(tmp_path):
    model = trained(named("vae"))
    path = tmp_path / "m.safetensors"
    model.save(path)
    content = bytearray(path.read_bytes())
    content[-101] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were saved"):
        simulacra.load(path)
