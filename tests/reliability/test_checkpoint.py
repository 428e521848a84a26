"""Each piece of the checkpoint is needed: without it the weights differ, or the load is refused."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
import torch

from contract.cases import named
from contract.harness import NAME, State, differing, in_child, killed_at, position, state, train
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.training.steps.order import Order

FRESH = 99
Mutation = Callable[[State, dict[str, Any]], None]


def drop(prefix: str) -> Mutation:
    """The tensors under `prefix` are missing."""

    def mutate(tensors: State, header: dict[str, Any]) -> None:
        lost = [name for name in tensors if name.startswith(prefix)]
        assert lost, f"the checkpoint holds nothing under {prefix}"
        for name in lost:
            del tensors[name]

    return mutate


def change(prefix: str) -> Mutation:
    """The tensors under `prefix` hold other numbers."""

    def mutate(tensors: State, header: dict[str, Any]) -> None:
        lost = [name for name in tensors if name.startswith(prefix)]
        assert lost, f"the checkpoint holds nothing under {prefix}"
        for name in lost:
            t = tensors[name]
            tensors[name] = 1 - t if "persistent" in name else t * 0.5 + 0.25

    return mutate


def place(**values: Any) -> Mutation:
    """The position says something else."""

    def mutate(tensors: State, header: dict[str, Any]) -> None:
        differs = {k: v for k, v in values.items() if header["position"][k] != v}
        assert differs, "the mutation changes nothing"
        header["position"].update(values)

    return mutate


AVERAGE = {"ema": 0.8}
# the best epoch is the first, which the kept weights must bring back
FALLING = {"patience": 2, "lr": 0.3, "epochs": 8}
# a worse epoch is followed by a better one
UNEVEN = {"patience": 2, "lr": 0.1, "epochs": 8}
# strong weights: chains that weak ones drive by the same noise meet within a few sweeps
STRONG = {"lr": 1.0}

PIECES: dict[str, tuple[str, int, dict[str, Any], Mutation]] = {
    "weights": ("vae", 8, {}, change("model/decoder.")),
    "weights dropped": ("vae", 8, {}, drop("model/decoder.")),
    "Adam's moments": ("vae", 8, {}, drop("optimizer/")),
    "Adam's second moment": ("vae", 8, {}, change("optimizer/vae/encoder.body.0.weight|exp_avg_sq")),
    "Adam's step": ("vae", 8, {}, change("optimizer/vae/encoder.body.0.weight|step")),
    "momentum": ("stacked-denoising", 22, {}, drop("optimizer/")),
    "one player's optimizer": ("gan", 8, {}, drop("optimizer/G/")),
    "average": ("gan", 8, AVERAGE, change("ema/")),
    "average dropped": ("gan", 8, AVERAGE, drop("ema/")),
    "chains": ("rbm/energy", 8, STRONG, change("model/persistent")),
    "chains dropped": ("rbm", 8, {}, drop("model/persistent")),
    "adapted balance": ("began", 8, {}, change("model/k")),
    "annealed weight": ("vae", 3, {}, change("model/kl_weight")),
    "reference batch": ("gan/virtual", 8, {}, change("model/D.body.reference")),
    "level": ("growing", 12, {}, change("model/level")),
    "step": ("vae", 8, {}, place(step=6)),
    "stage": ("growing", 12, {}, place(stage=0)),
    "what stages recorded": ("growing", 12, {}, place(past=[])),
    "that the stage has started": ("stacked-denoising", 8, {}, place(started=False)),
    "best weights": ("vae", 12, FALLING, change("best/decoder.")),
    "best weights dropped": ("vae", 12, FALLING, drop("best/")),
    "best score": ("vae", 12, FALLING, place(best=None)),
    "epochs without a better score": ("vae/real", 20, UNEVEN, place(worse=2)),
}


def interrupted(name: str, steps: int, folder, **settings) -> State:
    """The uninterrupted run's state, beside the checkpoint of one that died after `steps` + 1 steps."""
    case = named(name)
    work = lambda: train(case, folder, hook=killed_at(steps + 1), checkpoint_seconds=0.0, **settings)
    assert in_child(work) == signal.SIGKILL
    assert position(folder)["total_steps"] == steps
    return state(train(case, **settings))


def resumed(name: str, folder, **settings) -> State | None:
    """The state after going on, or None where that is refused."""
    try:
        return state(train(named(name), folder, init=FRESH, resume=True, **settings))
    except ValueError:
        return None


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_is_needed(piece, tmp_path):
    name, steps, settings, mutate = PIECES[piece]
    expected = interrupted(name, steps, tmp_path, **settings)
    tensors, header = read_tensors(tmp_path / NAME)
    mutate(tensors, header)
    write_tensors(tmp_path / NAME, tensors, header)
    found = resumed(name, tmp_path, **settings)
    assert found is None or differing(expected, found)


@pytest.mark.parametrize(
    "name, steps, settings", {(p[0], p[1], str(p[2])): p[:3] for p in PIECES.values()}.values()
)
def test_the_whole_checkpoint_suffices(name, steps, settings, tmp_path):
    """The same way round without a mutation: what makes the test above mean something."""
    expected = interrupted(name, steps, tmp_path, **settings)
    tensors, header = read_tensors(tmp_path / NAME)
    write_tensors(tmp_path / NAME, tensors, header)
    found = resumed(name, tmp_path, **settings)
    assert found is not None and not differing(expected, found)


def _other_dropout(monkeypatch):
    monkeypatch.setattr(Rng, "anonymous", lambda self: "another name")


def _other_order(monkeypatch):
    monkeypatch.setattr(Order, "_epoch_order", lambda self, epoch: torch.arange(self.n))


def _other_seed(monkeypatch):
    original = Rng.__init__

    def init(self, seed, *path, **more):
        original(self, seed + 1, *path, **more)

    monkeypatch.setattr(Rng, "__init__", init)


@pytest.mark.parametrize("change_key", [_other_dropout, _other_order, _other_seed])
def test_every_key_is_needed(change_key, tmp_path, monkeypatch):
    """What no tensor holds: the dropout stream, the permutation, the seed."""
    expected = interrupted("autoencoder", 8, tmp_path)
    change_key(monkeypatch)
    assert differing(expected, resumed("autoencoder", tmp_path))


@pytest.mark.parametrize("keep", [0, 7, 500, -1])
def test_a_truncated_checkpoint_is_refused(keep, tmp_path):
    train(named("vae"), tmp_path)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:keep])
    with pytest.raises(ValueError, match="is damaged") as error:
        train(named("vae"), tmp_path, resume=True)
    assert str(tmp_path / NAME) in str(error.value)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    train(named("vae"), tmp_path)
    with pytest.raises(ValueError, match="tensor"):
        train(named("rbm"), tmp_path, resume=True)
    with pytest.raises(ValueError, match="tensor"):
        train(named("gan"), tmp_path, resume=True)


def test_a_checkpoint_of_other_sizes_is_refused(tmp_path):
    train(named("vae/real"), tmp_path)
    with pytest.raises(ValueError, match="made by another model"):
        train(named("vae/conditional"), tmp_path, resume=True)


def test_another_environment_is_named(tmp_path, caplog):
    train(named("vae"), tmp_path)
    tensors, header = read_tensors(tmp_path / NAME)
    header["environment"] |= {"threads": 64, "torch": "1.0"}
    write_tensors(tmp_path / NAME, tensors, header)
    train(named("vae"), tmp_path, resume=True)
    assert "threads" in caplog.text and "torch" in caplog.text
