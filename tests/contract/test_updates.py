"""What an update and a stage promise to a model, and what they refuse by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from contract.cases import Case, named, real
from contract.harness import state, train
from contract.use import begin, gradients, stages
from simulacra.core.batch import Terms
from simulacra.core.model import Model
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng, current_rng
from simulacra.core.updates import Epochs, Stage, Steps, Stream, Update, selects, weight_rows
from simulacra.nets.layers import Dropout

PLAIN = SGD(lr=0.1)


def squares(model, batch, rng) -> Terms:
    """|x - a|^2, per example."""
    return Terms({"error": (batch.x - model.a).square().sum(1)})


class Given(Model):
    """A model that is trained by whatever a test gives it; its parameters are a and b."""

    def __init__(self, space, *given: Stage):
        super().__init__(space)
        self.given = given
        self.a, self.b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))
        self.register_buffer("seen", torch.zeros(40, dtype=torch.long))
        self.drop = Dropout(0.5)

    def stage(self, i: int, past: list) -> Stage | None:
        """The i-th of what was given."""
        return self.given[i] if i < len(self.given) else None


def run(*given: Stage | Update, **settings) -> Model:
    """Train on the stages, or on one stage of twelve steps with the updates."""
    if isinstance(given[0], Update):
        given = (Stage("train", list(given), Steps(12)),)
    case = Case("given", lambda space: Given(space, *given), lambda: real(3))
    return train(case, **settings)


def on_a(**more) -> Update:
    """An update of `a` alone."""
    return Update("on a", **{"params": ("a",), "loss": squares, "optimizer": PLAIN, **more})


# ---- refused by name


@pytest.mark.parametrize(
    "update, said",
    [
        (on_a(loss=lambda m, b, r: Terms({"odd": squares(m, b, r).loss["error"].mean()})), "coupled=True"),
        (on_a(params=("nothing",)), "selects no parameter"),
        (on_a(params=("",)), "never touches parameter 'b'"),
        (on_a(weights={"error": lambda batch: torch.ones(len(batch), 2)}), r"weights have shape \(17, 2\)"),
    ],
)
def test_what_does_not_fit_is_named(update, said):
    with pytest.raises(ValueError, match=said) as error:
        run(update)
    assert "'on a'" in str(error.value)


def test_a_batch_norm_is_refused_where_batches_are_split():
    def normalized(space):
        model = Given(space, Stage("train", [on_a()], Steps(2)))
        model.norm = nn.BatchNorm1d(3)
        return model

    case = Case("normalized", normalized, lambda: real(3))
    train(case)
    with pytest.raises(ValueError, match="layer 'norm' normalizes over"):
        train(case, accumulate=2)


def labelled(weights: dict) -> Stage:
    """A stage whose loss looks at a stream of five rows beside the batch."""

    def loss(model, batch, rng) -> Terms:
        more = replace(batch.extra["more"], extra={})
        return Terms(squares(model, batch, rng).loss | {"more": squares(model, more, rng).loss["error"]})

    streams = lambda source: {"more": Stream(source.select(torch.arange(40)), 5)}
    return Stage("train", [on_a(loss=loss, weights=weights)], Steps(12), streams=streams)


def test_a_term_over_a_stream_declares_its_weights():
    with pytest.raises(ValueError, match=r"rows, those of the stream 'more': declare weights="):
        run(labelled({}))
    whole = run(labelled({"more": weight_rows("more")}))
    parts = run(labelled({"more": weight_rows("more")}), accumulate=3)
    assert torch.allclose(whole.a, parts.a, atol=1e-6)


# ---- how often, when, on what


def counting(index: int, **more) -> Update:
    """An update that counts its moves in `seen[index]`."""

    def count(model, terms, progress) -> None:
        model.seen[index] += 1

    return Update(f"count-{index}", ("a",), squares, after=count, optimizer=PLAIN, **more)


def test_every_and_repeat():
    model = run(counting(0), counting(1, every=5), counting(2, repeat=3))
    assert model.seen[:3].tolist() == [12, 3, 36]


def test_repeated_moves_see_fresh_rows():
    """Three moves a step take three batches: an epoch is a third as many steps."""
    seen = []

    def loss(model, batch, rng) -> Terms:
        seen.extend(batch.index.tolist())
        return squares(model, batch, rng)

    rows = len(real(3).train)
    update = on_a(loss=loss, repeat=3)
    run(Stage("train", [update], Epochs(1)))
    assert abs(len(seen) - rows) <= 2 * 17 and len(set(seen[:rows])) == min(len(seen), rows)


def test_every_row_comes_once_in_each_epoch():
    seen = []

    def loss(model, batch, rng) -> Terms:
        seen.extend(batch.index.tolist())
        assert batch.rows == range(17)
        return squares(model, batch, rng)

    run(Stage("train", [on_a(loss=loss)], Epochs(4)))
    rows = len(real(3).train)
    epochs = [seen[i : i + rows] for i in range(0, 3 * rows, rows)]
    assert all(sorted(epoch) == list(range(rows)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_only_the_named_parameters_move():
    def both(model, batch, rng) -> Terms:
        return Terms({"error": (batch.x - model.a - model.b).square().sum(1)})

    model = run(on_a(loss=both))
    assert bool((model.a != 0).all()) and bool((model.b == 0).all())
    assert all(p.requires_grad for p in model.parameters())


def test_selection_by_name_and_prefix():
    assert selects(("",), "D.weight") and selects(("D.",), "D.weight") and selects(("a",), "a")
    assert not selects(("D",), "D.weight") and not selects(("D.",), "DD.weight") and not selects((), "a")


def test_before_moves_without_gradient_and_with_keyed_dropout():
    """Its dropout is keyed as the loss's: torch's generator plays no part."""
    noise = []

    def before(model, batch, rng) -> None:
        assert not torch.is_grad_enabled() and current_rng() is rng
        noise.append(model.drop(torch.ones(len(batch), 3)))

    run(on_a(before=before))
    first, noise = noise, []
    run(on_a(before=before), hook=lambda loop: torch.manual_seed(55))
    assert all(map(torch.equal, first, noise))


def test_after_sees_the_means_of_the_terms_and_the_progress():
    progress = []

    def after(model, terms, done) -> None:
        progress.append(done)
        assert terms.keys() == {"error"} and terms["error"].dim() == 0

    run(on_a(after=after))
    assert progress == [i / 12 for i in range(12)]


def test_a_view_is_without_gradient_and_in_evaluation_mode():
    def view(model, batch, rng):
        assert not torch.is_grad_enabled() and not model.training
        return replace(batch, x=batch.x + 1)

    model = run(Stage("train", [on_a()], Steps(200), view=view), lr=0.05)
    assert torch.allclose(model.a, real(3).train.x.mean(0) + 1, atol=0.2)


def test_stages_are_asked_one_by_one_with_what_was_recorded():
    case = named("growing")
    asked = []

    def hook(loop):
        original = loop.model.stage
        stage = lambda i, past: asked.append((i, [p["steps"] for p in past])) or original(i, past)
        object.__setattr__(loop.model, "stage", stage)

    train(case, hook=hook)
    assert asked == [(0, []), (1, [8]), (2, [8, 10]), (3, [8, 10, 12])]


def test_lengths_scale_and_single_stages_can_be_set():
    steps = lambda **settings: [p["steps"] for p in _past(**settings)]
    rows = len(real(50).train)
    assert steps(epochs=3) == [round(3 * rows / 17)] * 3
    assert steps(epochs=3, stages={"layer-2": 1}) == [round(n * rows / 17) for n in (3, 1, 3)]


def _past(**settings):
    loops = []
    train(named("stacked-autoencoder"), hook=loops.append, **settings)
    return loops[0].position.past


# ---- the model without the loop


@pytest.mark.parametrize("name", ["vae", "gan", "rbm", "m2", "growing", "rnn-rbm"])
def test_a_hand_written_loop_will_do(name):
    """Updates are plain functions: thirty lines of somebody's own train the model, too."""
    case = named(name)
    model = case.build()
    before = state(model)
    stage = stages(case, model)[0]
    batch = begin(case, model, stage)
    parameters = dict(model.named_parameters())
    for _ in range(3):
        for found in gradients(case, model, stage, batch).values():
            with torch.no_grad():
                for parameter, gradient in found.items():
                    parameters[parameter] -= 0.01 * gradient
    assert any(not torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_dropout_without_the_loop_uses_the_generator_of_torch():
    torch.manual_seed(0)
    assert not torch.equal(Dropout(0.5)(torch.ones(9, 9)), Dropout(0.5)(torch.ones(9, 9)))


def test_a_run_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(named("vae"), ema=0.9, checkpoint_seconds=0.0)
    assert not list(tmp_path.iterdir())


def test_noise_of_a_step_depends_on_stage_step_and_update():
    draws = []

    def loss(model, batch, rng: Rng) -> Terms:
        draws.append(tuple(rng.normal("z", 2).flatten().tolist()))
        return squares(model, batch, rng)

    one = lambda name: Update(name, ("a",), loss, optimizer=PLAIN, repeat=2)
    run(Stage("x", [one("u"), one("v")], Steps(3)), Stage("y", [one("u")], Steps(3)))
    assert len(draws) == 18 and len(set(draws)) == 18
