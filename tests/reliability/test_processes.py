"""Two processes over half batches, or micro-batches, give the parameters of one.

The same rows, the same noise and the same totals: only the order of sums differs, so float32 values
agree to 1e-6 of their size after a few steps. Where a loss couples the rows of a batch, processes exchange
its sums; micro-batches, and losses that exchange nothing, are refused by name.
A pair of processes trains a case in every setting in turn and leaves its results in files.
"""

from __future__ import annotations

import re
import traceback

import pytest
import torch

from contract.cases import Case, named
from contract.choose import represented, supports
from contract.harness import differing, in_child, options_of, state, train
from contract.world import kept
from simulacra.core.capabilities.general import HasDensity
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.training.hardware.backend import FabricBackend, make_fabric
from simulacra.training.loop import Interrupted

TOLERANCE = 1e-6
MIXED = "couples the rows|normalizes over the rows"
MORE, WHOLE = ("accumulated", "averaged"), pytest.mark.thorough
RESUMED = ("vae", "gan", "rbm", "stacked-autoencoder")
SETTINGS = {
    "plain": {},
    "accumulated": {"accumulate": 2},
    "averaged": {"ema": 0.8, "clip": 0.5},
}
# columns begin at their marginals, bounds change little with some weights, a normalization by few rows
# enlarges rounding: float64 agrees to 1e-12
NEAR_ZERO = (
    "vae/fields",
    "gan/virtual",
    "belief-net/nvil",
    "ddpm/unet",
    "ddpm/pairs",
    "bihm/conditional",
    "mean-field-sbn",
    "deep-autoencoder/levels",
    "crbm/binary",
    "transformer",
    "vrnn",
    "r3gan",
    "next-frame-gan",
    "progressive-gan",
    "gan-cls",
    "stackgan",
)
# a rising learning rate makes the score fall, so that the best weights are not the last
STOPPED = {"patience": 1, "lr": 0.02}


def free(case: Case) -> bool:
    """Say whether the rows of a batch may be trained apart."""
    return not case.coupled


def exchanges(case: Case) -> bool:
    """Say whether processes exchange the sums of what couples the rows: models of the catalogue do."""
    return case.coupled and bool(case.catalogued)


def refused(case: Case, setting: str) -> bool:
    """Say whether the rows of the case cannot be trained apart in the setting."""
    return case.coupled and (setting == "accumulated" or not exchanges(case))


def stops(case: Case) -> bool:
    """Say whether an exact score says when to stop."""
    return free(case) and supports(case.name, HasDensity)


@kept
def alone(case: Case, setting: str) -> dict[str, torch.Tensor]:
    """The state after training in one process."""
    return state(train(case, dtype=dtype_of(case), **SETTINGS.get(setting, STOPPED)))


def dtype_of(case: Case) -> torch.dtype:
    """Double precision where training begins with gradients near 0, of which Adam takes the sign."""
    return torch.float64 if case.name in NEAR_ZERO else torch.float32


def settings_of(case: Case, whole: bool) -> list[str]:
    """The settings in which a pair trains the case: rows that are not coupled in the whole suite only."""
    more = {"resumed": case.name in RESUMED, "stopped": stops(case)}
    always = SETTINGS if whole or case.coupled else ("plain",)
    return [*always, *(name for name, holds in more.items() if holds)]


def interrupted_and_resumed(case: Case, folder, backend):
    """Both processes stop after eight steps and go on in other weights."""
    folder.mkdir(exist_ok=True)

    def hook(loop) -> None:
        loop.stop = lambda: loop.position.total_steps == 8 and backend.rank == 1

    with pytest.raises(Interrupted):
        train(case, folder, backend=backend, hook=hook, devices=2)
    backend.barrier()
    return train(case, folder, init=99, resume=True, backend=backend, devices=2)


def work(fabric, folder, case: Case, whole: bool) -> None:
    """Train the case as one of two processes; leave states, or what went wrong, in files."""
    torch.set_num_threads(1)
    backend = FabricBackend(fabric)
    for setting in settings_of(case, whole):
        stem = folder / f"{setting}-{backend.rank}"
        try:
            settings = SETTINGS.get(setting, STOPPED) | {"devices": 2}
            if setting == "resumed":
                model = interrupted_and_resumed(case, folder / "run", backend)
            else:
                model = train(case, backend=backend, dtype=dtype_of(case), **settings)
            write_tensors(stem.with_suffix(".safetensors"), state(model), {})
        except Exception as error:
            text = str(error) if isinstance(error, ValueError) else traceback.format_exc()
            stem.with_suffix(".txt").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory, request):
    """`pair(case, setting, rank)`: the state, or the error's text, of one of the two processes."""
    folders, whole = {}, request.config.getoption("--all")

    def launch(case: Case) -> None:
        options = options_of(case, devices=2)
        make_fabric(options, start_method="fork").launch(work, folders[case.name], case, whole)

    def result(case: Case, setting: str, rank: int):
        if case.name not in folders:
            folders[case.name] = tmp_path_factory.mktemp("pair")
            assert in_child(lambda: launch(case)) == 0, "the two processes died"
        stem = folders[case.name] / f"{setting}-{rank}"
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
@pytest.mark.parametrize("setting", ["plain", *(pytest.param(name, marks=WHOLE) for name in MORE)])
@represented(where=free)
def test_two_processes_are_one(case, setting, pair):
    first, second = pair(case, setting, 0), pair(case, setting, 1)
    assert isinstance(first, dict), first
    assert distance(first, second) == 0.0
    assert distance(first, alone(case, setting)) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.fault("doors 1.1")
@pytest.mark.parametrize("setting", ["plain", pytest.param("averaged", marks=WHOLE)])
@represented(where=exchanges)
def test_rows_that_are_coupled_are_exchanged(case, setting, pair):
    first, second = pair(case, setting, 0), pair(case, setting, 1)
    assert isinstance(first, dict), first
    assert distance(first, second) == 0.0
    assert distance(first, alone(case, setting)) <= TOLERANCE


@represented(where=stops)
def test_two_processes_stop_early_as_one(case, pair):
    assert isinstance(pair(case, "stopped", 0), dict), pair(case, "stopped", 0)
    assert distance(pair(case, "stopped", 0), pair(case, "stopped", 1)) == 0.0
    assert distance(pair(case, "stopped", 0), alone(case, "stopped")) <= TOLERANCE


@pytest.mark.parametrize("case", [named(name) for name in RESUMED], ids=str)
def test_two_processes_resume_bit_for_bit(case, pair):
    """Chains are saved whole and split again; one process that is asked to stop stops both."""
    for rank in (0, 1):
        resumed = pair(case, "resumed", rank)
        assert isinstance(resumed, dict), resumed
        assert not differing(pair(case, "plain", rank), resumed)


@represented(where=free)
def test_micro_batches_are_one_batch(case):
    assert distance(alone(case, "accumulated"), alone(case, "plain")) <= TOLERANCE


@represented(where=lambda case: case.coupled)
def test_what_couples_the_rows_is_refused_by_name(case, pair):
    """In micro-batches always; on processes where nothing is exchanged."""
    for setting in SETTINGS:
        for rank in (0, 1) if refused(case, setting) else ():
            said = pair(case, setting, rank)
            assert isinstance(said, str)
            assert re.search("'(D|G|matching)' cannot run on 2 processes", said) and re.search(MIXED, said)
    with pytest.raises(ValueError, match=MIXED):
        train(case, accumulate=2)


@pytest.mark.fault("doors 1.1")
@pytest.mark.parametrize("flat", [False, True])
def test_where_nade_differs_adam_divides_rounding_by_a_gradient_near_zero(flat, float64):
    """The step is lr g / (|g| + eps), so rounding d of g moves a weight by lr d / |g|.

    Output biases begin at the log-odds of the data, where their gradient is that of the outputs' other input,
    V h. Without it (`flat`) the gradient is nothing but rounding, of which Adam takes the sign.
    """
    case = named("nade")
    biases, gradients = [], []

    def hook(loop):
        if flat:
            start = loop.model.net.V.data
            start.zero_()
        note = lambda loop, ended: gradients.append(float(loop.model.net.b.grad.abs().max()))
        loop.callbacks += (note,)

    rows = len(case.data().train)
    for parts in (1, 2):
        model = train(case, hook=hook, dtype=torch.float64, batch_size=rows, accumulate=parts)
        biases.append(model.net.b.detach())
    apart = float((biases[0] - biases[1]).abs().max())
    if flat:
        assert gradients[0] < 1e-15 and apart > 1e-6
    else:
        assert gradients[0] > 1e-3 and apart < 1e-13
