"""First-hour answers: resuming a finished run, a class that is not there, the text of a model."""

from __future__ import annotations

import re
import shlex

import pytest

import simulacra
from data.refusal import sentence_of

pytestmark = pytest.mark.fault("doors 2.hour")


def test_a_finished_run_says_so_and_how_to_train_longer(cli):
    words = ("train", "vae", "ring", "--epochs", "1", "--model.latent", "1", "--out", "runs/first")
    assert "finished already" not in cli(*words).out
    again = cli("train", "--resume", "runs/first")
    assert again.code == 0 and "runs/first was finished already: nothing was trained now" in again.out
    longer = shlex.split(re.search("`simulacra (.*)`", again.out)[1])
    assert longer[-2:] == ["--epochs", "2"] and cli(*longer).code == 0
    assert simulacra.load_run("runs/vae-ring-1").epochs == 2


def test_a_finished_closed_form_has_no_longer_training(cli):
    assert cli("train", "ppca", "ring", "--model.latent", "1", "--out", "run").code == 0
    assert "nothing was trained now.\n" in cli("train", "--resume", "run").out


def test_the_classes_of_a_condition_are_named():
    numbers = simulacra.Categorical((), 10, names=tuple(map(str, range(10))))
    model = simulacra.VAE(simulacra.Binary((3,)), numbers, latent=1, hidden=(4,))
    said = sentence_of(lambda: model.sample(2, condition=12), "the class 12", "classes 0 to 9.")
    assert "Categorical" not in said
    named = simulacra.Categorical((), 2, names=("healthy", "sick"))
    model = simulacra.VAE(simulacra.Binary((3,)), named, latent=1, hidden=(4,))
    sentence_of(lambda: model.sample(2, condition=[2, 3]), "from 2 to 3", "0 to 1 (healthy, sick).")


def test_a_models_text_has_what_differs_from_the_defaults(cli):
    fresh = simulacra.VAE(simulacra.load_data("ring").space, latent=1)
    words = ("train", "vae", "ring", "--epochs", "0.1", "--model.latent", "1", "--out", "run")
    assert cli(*words).code == 0
    assert repr(simulacra.load("run")) == repr(fresh) and "latent=1;" in repr(fresh)
