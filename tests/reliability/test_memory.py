"""Memory that ends: smaller micro-batches, said; rows that stay in the host's; float64 where there is one."""

from __future__ import annotations

import ast
import gc
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import simulacra
from contract.cases import Case, named, real
from contract.harness import differing, in_child, killed_at, position, state, train
from simulacra.core.batch import Terms
from simulacra.core.model import Model
from simulacra.core.numerics import precision
from simulacra.core.updates import Stage, Update
from simulacra.data.sources.host import HostSplit
from simulacra.training.callbacks import validation
from simulacra.training.hardware import memory
from simulacra.training.hardware.backend import Backend
from simulacra.training.steps.optimizer_steps import TrainingFailed

HANG = 600  # seconds after which a process is taken for one that hangs
SPLIT = ["vae", "gan", "rbm", "m2", "wgan-gp", "stacked-autoencoder"]


@pytest.fixture(autouse=True)
def small_heap():
    """Each halving collects garbage: all that earlier tests have left is not looked at again."""
    gc.freeze()


def holding(rows: int, since: int = 0, error: type[Exception] = torch.OutOfMemoryError):
    """A hook: from step `since` on, a loss over more than `rows` rows finds no memory."""

    def hook(loop) -> None:
        original = loop.model.stage

        def stage(i: int, past: list) -> Stage | None:
            found = original(i, past)
            if found is None:
                return None
            return replace(found, updates=[replace(u, loss=small(u.loss)) for u in found.updates])

        def small(loss):
            def within(model, batch, rng):
                terms = loss(model, batch, rng)
                if len(batch) > rows and loop.position.total_steps >= since:
                    raise error("CUDA out of memory. Tried to allocate 2.00 GiB")
                return terms

            return within

        vars(loop.model)["stage"] = stage

    return hook


@pytest.mark.parametrize(
    ("name", "rows", "parts"),
    [*((name, rows, parts) for name in SPLIT for rows, parts in ((9, 2), (8, 4))), ("vae", 1, 17)],
)
def test_a_step_that_does_not_fit_is_that_of_accumulate(name, rows, parts):
    """At 8 rows the first of two micro-batches fits and the second does not: its gradients are dropped."""
    case = named(name)
    assert not differing(state(train(case, accumulate=parts)), state(train(case, hook=holding(rows))))


@pytest.mark.parametrize("name", SPLIT)
def test_a_later_step_differs_by_rounding(name, caplog):
    case = named(name)
    found, wanted = (state(train(case, hook=hook)) for hook in (holding(9, since=5), lambda loop: None))
    for key, t in wanted.items():
        assert float((found[key].double() - t.double()).abs().max()) <= 2e-6 * max(1, float(t.abs().max()))
    assert differing(found, wanted)


def test_it_is_said_once_for_each_halving(caplog):
    with caplog.at_level(logging.INFO, "simulacra"):
        train(named("vae"), hook=holding(5))
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "out of memory at 17 rows: going on with 2 micro-batches of 9",
        "out of memory at 9 rows: going on with 4 micro-batches of 5",
    ]


@pytest.mark.parametrize("name", ["vae", "gan", "rbm"])
def test_a_resumed_run_goes_on_with_the_micro_batches(name, tmp_path):
    """It is resumed where there is memory enough, and is still bit-equal to the run that went through."""
    case = named(name)
    expected = state(train(case, hook=holding(9, since=5)))

    def hook(loop) -> None:
        holding(9, since=5)(loop)
        killed_at(8)(loop)

    in_child(lambda: train(case, tmp_path, hook=hook, checkpoint_seconds=0.0))
    assert set(position(tmp_path)["parts"].values()) == {2}
    assert not differing(expected, state(train(case, tmp_path, init=99, resume=True)))
    assert position(tmp_path)["finished"]


class Normalizing(Model):
    """A mean by descent through batch normalization."""

    def __init__(self, space):
        super().__init__(space)
        self.norm = nn.BatchNorm1d(space.dims)

    def updates(self) -> list[Update]:
        """One player."""
        loss = lambda model, batch, rng: Terms({"error": (model.norm(batch.x) - batch.x).square().sum(1)})
        return [Update("descend", ("",), loss)]


class Pair(Backend):
    """The first of two processes, as far as it can be without the second."""

    world = 2


@pytest.mark.parametrize(
    ("case", "rows", "more", "said"),
    [
        (named("vae"), 0, {}, "at 1 rows, and a micro-batch is one row already: use a smaller model"),
        (named("gmmn"), 9, {}, "its loss couples the rows of a batch, so that it cannot be split"),
        (Case("normalizing", Normalizing, lambda: real(3)), 9, {}, "layer 'norm' normalizes over the rows"),
        (named("vae"), 5, {"backend": Pair(torch.device("cpu"))}, "use accumulate=2"),
    ],
    ids=["one row", "coupled", "batch norm", "two processes"],
)  # fmt: skip
def test_what_cannot_be_split_stops_with_the_mend(case, rows, more, said, tmp_path):
    with pytest.raises(TrainingFailed) as error:
        train(case, tmp_path, hook=holding(rows, since=3), checkpoint_seconds=0.0, **more)
    assert said in str(error.value) and "the last good checkpoint is kept" in str(error.value)
    assert position(tmp_path)["total_steps"] == 3


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="broken"):
        train(named("vae"), hook=holding(5, error=lambda text: RuntimeError("broken")))
    said = (
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.1 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        MemoryError(),
    )  # fmt: skip
    assert all(map(memory.out_of_memory, said))


def test_memory_that_ends_elsewhere_is_one_sentence(tmp_path):
    def full(loop, ended) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    case = named("vae")
    with pytest.raises(TrainingFailed, match=r"beside the gradients of a step .* checkpoint is kept"):
        simulacra.fit(case.build(), case.data(), out=tmp_path, callbacks=(full,), device="cpu")


def test_validation_goes_on_with_fewer_rows(monkeypatch, caplog):
    case, whole = named("vae"), []
    train(case, hook=lambda loop: whole.append(loop), epochs=2)
    score = validation.validation_score

    def full(model, valid, seed, chunk):
        if chunk > 5:
            raise torch.OutOfMemoryError
        return score(model, valid, seed, chunk=chunk)

    monkeypatch.setattr(validation, "validation_score", full)
    found = []
    train(case, hook=lambda loop: found.append(loop), epochs=2)
    assert found[0].validator.chunk == 4
    assert found[0].position.past[-1] == whole[0].position.past[-1]
    assert score(found[0].model, found[0].data.valid, 0, chunk=4) == pytest.approx(
        score(whole[0].model, whole[0].data.valid, 0), rel=1e-6
    )


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="asks Linux for the size of the process")
def test_a_process_whose_memory_is_limited():
    """The kernel itself refuses: 2,900 rows keep more for their gradients than the process gets."""
    script = Path(__file__).with_name("limited.py")
    done = subprocess.run(
        [sys.executable, script, str(60 * 2**20)], capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0, done.stderr


# ---- where the rows are


def test_large_data_stay_in_the_hosts_memory(monkeypatch, caplog):
    device = torch.device("cpu")
    expected = state(train(named("vae")))
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    loops = []
    with caplog.at_level(logging.INFO, "simulacra"):
        model = train(named("vae"), hook=loops.append)
    assert isinstance(loops[0].train, HostSplit) and isinstance(loops[0].validator.valid, HostSplit)
    assert "stay in the host's memory" in caplog.text and "40%" in caplog.text
    assert not differing(expected, state(model))
    data = named("vae").data()
    needed = sum(memory.bytes_of(split) for split in (data.train, data.valid))
    monkeypatch.setattr(memory, "free_memory", lambda device: needed / memory.SHARE)
    assert type(memory.placed(data.train, data.valid, device)[0]) is type(data.train)


def test_only_batches_move():
    data = named("m2").data()
    elsewhere = torch.device("meta")
    split = HostSplit.of(data.train, elsewhere)
    batch = split.rows(torch.tensor([5, 2]))
    assert {t.device for t in (batch.x, batch.c, batch.c_known)} == {elsewhere}
    some = split.select(torch.tensor([7, 3, 1]))
    assert some.x.device.type == "cpu" and len(some) == 3
    assert some.rows(torch.tensor([1])).x.device == elsewhere
    assert torch.equal(some.x, data.train.x[[7, 3, 1]])
    assert split.digest() == data.train.digest()
    assert split.to("cpu").rows(torch.tensor([1])).x.device.type == "cpu"


# ---- float64


def test_float64_is_kept_where_there_is_one(monkeypatch):
    moved = []
    monkeypatch.setattr(precision, "lacks_float64", lambda device: moved.append(device) or True)
    assert precision.to_float64(torch.ones(3)).dtype == torch.float64
    assert precision.precise_device("meta") == torch.device("cpu")
    assert moved == [torch.device("cpu"), torch.device("meta")]
    monkeypatch.undo()
    assert precision.precise_device("meta") == torch.device("meta")
    assert precision.lacks_float64(torch.device("mps"))


# the helper itself, and what is fitted when data are loaded, on the CPU
ON_THE_CPU = {
    "core/numerics/precision.py",
    "core/preprocessing/column_scales.py",
    "models/beliefs/construction.py",
}


def test_float64_is_asked_for_in_one_place():
    """`x.double()` on a model's device fails on Apple's GPUs: `precise(x)` does not."""
    root = Path(simulacra.__file__).parent
    found = []
    for folder in ("core", "nets", "models", "training"):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name not in ON_THE_CPU:
                found += [f"{name}:{line}" for line in doubles(ast.parse(path.read_text(encoding="utf-8")))]
    assert not found


def doubles(tree: ast.AST) -> list[int]:
    """Lines that call `.double()`, or make float64 tensors on a device that is not `precise_device`'s."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        named = {k.arg: ast.unparse(k.value) for k in node.keywords}
        there = named.get("dtype") == "torch.float64" and ".device" in named.get("device", "")
        if there and "precise_device" not in named["device"]:
            found.append(node.lineno)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "double":
            found.append(node.lineno)
    return found
