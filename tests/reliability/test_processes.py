"""Two processes over half batches, or micro-batches, give the parameters of one.

The same rows, the same noise and the same totals: only the order of sums differs, so float32 values
agree to 1e-6 of their size after a few steps. What couples the rows of a batch is refused by name.
One pair of processes trains everything in turn and leaves its results in files.
"""

from __future__ import annotations

import re
import traceback
from functools import cache

import pytest
import torch

from contract.cases import CASES, Case, named
from contract.harness import differing, in_child, options_of, state, train
from simulacra.core.capabilities import HasDensity
from simulacra.core.files import read_tensors, write_tensors
from simulacra.training.backend import FabricBackend, make_fabric
from simulacra.training.loop import Interrupted

TOLERANCE = 1e-6
MIXED = "couples the rows|normalises over the rows"
FREE = [case for case in CASES if not case.coupled]
COUPLED = [case for case in CASES if case.coupled]
RESUMED = [named("vae"), named("gan"), named("rbm"), named("stacked-autoencoder")]
SETTINGS = {
    "plain": {},
    "accumulated": {"accumulate": 2},
    "averaged": {"ema": 0.8, "clip": 0.5},
}
# a rising learning rate makes the score fall, so that the best weights are not the last
STOPPED = {"patience": 1, "lr": 0.02}


@cache
def alone(case: Case, setting: str) -> dict[str, torch.Tensor]:
    """The state after training in one process."""
    return state(train(case, **SETTINGS.get(setting, STOPPED)))


def runs() -> list[tuple[Case, str]]:
    """What the pair trains."""
    found = [(case, setting) for case in CASES for setting in SETTINGS]
    found += [(case, "resumed") for case in RESUMED]
    return found + [(case, "stopped") for case in FREE if HasDensity in case.build().capabilities()]


def interrupted_and_resumed(case: Case, folder, backend):
    """Both processes stop after eight steps and go on in other weights."""
    folder.mkdir(exist_ok=True)

    def hook(loop) -> None:
        loop.stop = lambda: loop.position.total_steps == 8 and backend.rank == 1

    with pytest.raises(Interrupted):
        train(case, folder, backend=backend, hook=hook, devices=2)
    backend.barrier()
    return train(case, folder, init=99, resume=True, backend=backend, devices=2)


def work(fabric, folder) -> None:
    """Train everything as one of two processes; leave states, or what went wrong, in files."""
    torch.set_num_threads(1)
    backend = FabricBackend(fabric)
    for case, setting in runs():
        stem = folder / f"{case.name.replace('/', '-')}-{setting}-{backend.rank}"
        try:
            settings = SETTINGS.get(setting, STOPPED) | {"devices": 2}
            if setting == "resumed":
                model = interrupted_and_resumed(case, folder / case.catalogued, backend)
            else:
                model = train(case, backend=backend, **settings)
            write_tensors(stem.with_suffix(".safetensors"), state(model), {})
        except Exception as error:
            text = str(error) if isinstance(error, ValueError) else traceback.format_exc()
            stem.with_suffix(".txt").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """`pair(case, setting, rank)`: the state, or the error's text, of one of the two processes."""
    folder = tmp_path_factory.mktemp("pair")

    def launch() -> None:
        options = options_of(named("vae"), devices=2)
        make_fabric(options, start_method="fork").launch(work, folder)

    assert in_child(launch, alarm=400) == 0, "the two processes hang or died"

    def result(case: Case, setting: str, rank: int):
        stem = folder / f"{case.name.replace('/', '-')}-{setting}-{rank}"
        failed = stem.with_suffix(".txt")
        if failed.exists():
            return failed.read_text(encoding="utf-8")
        return read_tensors(stem.with_suffix(".safetensors"))[0]

    return result


def distance(a: dict, b: dict) -> float:
    """Largest difference, relative to the size of the tensor where that exceeds 1."""
    held = [n for n in b if b[n].numel()]
    return max(
        float((a[n].double() - b[n].double()).abs().max() / b[n].double().abs().max().clamp_min(1))
        for n in held
    )


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("case", FREE, ids=str)
def test_two_processes_are_one(case, setting, pair):
    first, second = pair(case, setting, 0), pair(case, setting, 1)
    assert isinstance(first, dict), first
    assert distance(first, second) == 0.0
    assert distance(first, alone(case, setting)) <= TOLERANCE


@pytest.mark.parametrize(
    "case", [case for case, setting in runs() if setting == "stopped"], ids=lambda case: case.name
)
def test_two_processes_stop_early_as_one(case, pair):
    assert isinstance(pair(case, "stopped", 0), dict), pair(case, "stopped", 0)
    assert distance(pair(case, "stopped", 0), pair(case, "stopped", 1)) == 0.0
    assert distance(pair(case, "stopped", 0), alone(case, "stopped")) <= TOLERANCE


@pytest.mark.parametrize("case", RESUMED, ids=str)
def test_two_processes_resume_bit_for_bit(case, pair):
    """Chains are saved whole and split again; one process that is asked to stop stops both."""
    for rank in (0, 1):
        resumed = pair(case, "resumed", rank)
        assert isinstance(resumed, dict), resumed
        assert not differing(pair(case, "plain", rank), resumed)


@pytest.mark.parametrize("case", FREE, ids=str)
def test_micro_batches_are_one_batch(case):
    assert distance(alone(case, "accumulated"), alone(case, "plain")) <= TOLERANCE


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("case", COUPLED, ids=str)
def test_what_couples_the_rows_is_refused_by_name(case, setting, pair):
    for rank in (0, 1):
        said = pair(case, setting, rank)
        assert isinstance(said, str)
        assert re.search("'[DG]' cannot run on 2 processes", said) and re.search(MIXED, said)
    with pytest.raises(ValueError, match=MIXED):
        train(case, accumulate=2)
