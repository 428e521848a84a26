"""Two draws of one name in one update are the same numbers, and nothing at run time says so."""

from __future__ import annotations

import pytest
import torch

import simulacra
from contract.choose import every
from contract.draws import names_of_stage, names_of_update, recorded, repeated
from contract.use import stages
from simulacra.core.random.keyed import Rng
from simulacra.nets.layers import Dropout

# (case, update) -> names that an update draws twice because both places need the same numbers
SHARED: dict[tuple[str, str], tuple[str, ...]] = {}


@every
def test_an_update_draws_each_name_once(case):
    """Rows of a further stream count too: row 0 of each stream has the same noise under the same name."""
    model = case.build()
    for stage in stages(case, model):
        for what, drawn in names_of_stage(case, model, stage).items():
            twice = set(repeated(drawn)) - set(SHARED.get((case.name, what), ()))
            assert not twice, (
                f"{what} draws {sorted(twice)} twice, the same numbers: give the second draw another "
                "name, or list it in SHARED above if both places need the same noise"
            )


def test_what_is_declared_as_shared_is_shared():
    assert all(names for names in SHARED.values())


# ---- that a repeated name is found

BATCH = simulacra.Batch.of(torch.zeros(5, 2))


def drawing(*draws):
    """An update whose loss makes these draws."""

    def loss(model, batch, rng):
        for draw in draws:
            draw(rng)
        return simulacra.Terms({"loss": batch.x.sum(1)})

    return simulacra.Update("u", ("",), loss)


def twice(*draws):
    """The names that an update draws more than once."""
    model = torch.nn.Linear(2, 2)
    return repeated(names_of_update(model, drawing(*draws), BATCH))


def z(rng):
    """Two normal numbers a row under the name `z`."""
    return rng.normal("z", 2)


@pytest.mark.parametrize(
    ("again", "found"),
    [
        (z, ["z"]),
        (lambda rng: rng.normal("z", 7), ["z"]),
        (lambda rng: rng.uniform("z", 2), ["z"]),
        (lambda rng: rng.on(range(3)).normal("z", 2), ["z"]),
        (lambda rng: rng.permutation("z", 4), ["z"]),
        (lambda rng: rng.by_content(BATCH.x).normal("z", 2), ["z"]),
        (lambda rng: rng.normal("e", 2), []),
        (lambda rng: rng.at("again").normal("z", 2), []),
        (lambda rng: rng.on(range(5, 9)).normal("z", 2), []),
    ],
)
def test_the_same_numbers_of_a_row_are_found(again, found):
    """Whatever the shape and the kind; another key, or other rows by place, are other numbers."""
    assert twice(z, again) == found


def test_layers_without_a_name_count_on():
    layers = [Dropout(0.5).train() for _ in range(2)]
    assert twice(*(lambda rng, layer=layer: layer(BATCH.x) for layer in layers)) == []


def test_before_and_loss_have_keys_of_their_own():
    update = drawing(z)
    update.before = lambda model, batch, rng: z(rng)
    drawn = names_of_update(torch.nn.Linear(2, 2), update, BATCH)
    assert [key[-2:] for key, _ in drawn] == [("before", "z"), ("u", "z")] and repeated(drawn) == []


def test_recording_changes_no_number_and_ends():
    plain = z(Rng(0, "a", rows=range(5)))
    with recorded() as drawn:
        assert torch.equal(z(Rng(0, "a", rows=range(5))), plain)
    z(Rng(0, "a", rows=range(5)))
    assert drawn == [((0, "a", "z"), range(5))]
