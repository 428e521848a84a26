"""What a test does with any model: ask it every word, take one hand-written step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import simulacra
from contract.case import BATCH, Case
from contract.harness import stages_of, trained
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, ambient
from simulacra.core.spaces.classes import Categorical, values_of
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Count, Positive, Real, Space
from simulacra.core.updates import Stage, selects
from simulacra.evaluation.likelihood.held_out import SCORED

K = 5  # importance samples


def double(case: Case) -> Model:
    """The trained model in double precision, where rounding hides nothing."""
    model = case.build().double()
    with torch.no_grad():
        for name, t in trained(case).state_dict().items():
            model.state_dict()[name].copy_(t)
    return model.eval()


def rows(case: Case, n: int = 11) -> tuple[Tensor, Tensor | None]:
    """Raw test observations and their conditions, repeated up to n."""
    split = case.data().test
    index = torch.arange(n) % len(split)
    return split.x[index], None if split.c is None else split.c[index]


def noise(case: Case, n: int = 200) -> Tensor:
    """Observations that say nothing of the data: fair draws from the space, or far-flung reals."""
    return _noise(case.data().space, Rng(0, "noise", rows=range(n)))


def _noise(space: Space, rng: Rng) -> Tensor:
    if isinstance(space, Table):
        return space.joined([_noise(field, rng.at(name)).float() for name, field in space.fields])
    step = space.of if isinstance(space, Sequence) else space
    if isinstance(step, (Real, Positive, Numeric)):
        x = 4 * rng.normal("x", *space.shape) * (100 if isinstance(space, Numeric) else 1)
        return x.exp() if isinstance(space, Positive) else x
    if isinstance(space, simulacra.Tokens):  # of the greatest length, since short texts have fewer nats
        return 1 + (rng.uniform("x", *space.shape) * (space.classes - 1)).floor().to(torch.uint8)
    levels = 60 if isinstance(space, Count) else getattr(space, "levels", getattr(space, "classes", 2))
    drawn = (rng.uniform("x", *space.shape) * levels).floor().to(torch.uint8)
    return values_of(getattr(space, "values", ()), drawn)


def words(model: Model, case: Case, n: int = 11, seed: int = 0) -> dict[str, tuple[tuple, Any]]:
    """For each word: the capabilities of which it needs one, and a call of it."""
    x, c = rows(case, n)
    codes = lambda: torch.zeros(n, getattr(model, "code_size", 2), dtype=model.dtype)
    known = kept(model, torch.arange(x[0].numel()).reshape(x.shape[1:]) % 2 == 0)
    return {
        "sample": ((can.Samples,), lambda: model.sample(n, c, seed=seed)),
        "log_prob": (
            SCORED,
            lambda: model.log_prob(x, c, k=K, seed=seed).values,
        ),
        "encode": ((can.Encodes,), lambda: model.encode(x, c, seed=seed)),
        "decode": ((can.Decodes,), lambda: model.decode(codes(), c)),
        "complete": (can.FILLS, lambda: model.complete(x, known, c, seed=seed)),
        "classify": ((can.Classifies,), lambda: model.classify(x, seed=seed)),
        "predict": ((can.Predicts, can.Classifies), lambda: torch.as_tensor(model.predict(x, seed=seed))),
        "denoise": ((can.Denoises,), lambda: model.denoise(x, condition=c, seed=seed)),
    }


def kept(model: Model, known: Tensor) -> Tensor:
    """The mask, or where a model continues sequences one of their first three steps in its place."""
    if not model.supports(can.Continues):
        return known
    raw = model.preprocessing.raw
    first = torch.arange(raw.shape[0]) < 3
    return first.view(-1, *[1] * (len(raw.shape) - 1)).expand(known.shape)


def answers(model: Model, case: Case, n: int = 11, seed: int = 0) -> dict[str, Tensor]:
    """What the model says to each word that it declares."""
    asked = words(model, case, n, seed)
    return {name: ask() for name, (needs, ask) in asked.items() if any(map(model.supports, needs))}


def shape_of(model: Model, word: str, n: int) -> tuple[Any, ...]:
    """The shape that a word's answer has; `...` stands for any."""
    if word == "log_prob":
        return (n,)
    if word == "encode":
        # a code that nothing decodes may have any shape
        return (n, model.code_size) if model.supports(can.Decodes) else (n, ...)
    if word == "classify":
        assert isinstance(model.condition, Categorical)
        return (n, model.condition.classes)
    if word == "predict":
        assert model.condition is not None
        return (n, *model.condition.shape)
    return (n, *model.preprocessing.raw.shape)


def stages(case: Case, model: Model) -> list[Stage]:
    """Every stage of the model, given what an uninterrupted run records."""
    past = stages_of(case)
    return [model.stage(i, past[:i]) for i in range(len(past))]


def begin(case: Case, model: Model, stage: Stage) -> Batch:
    """Start the stage by hand and give its first batch."""
    source = case.data().train
    with evaluating(model):
        if stage.start is not None:
            stage.start(model, source, Rng(0, "start"))
        batch = source.batch(torch.arange(BATCH), Rng(0, "data", rows=range(BATCH)))
        batch.rows = range(BATCH)
        for name, stream in (stage.streams(source) if stage.streams else {}).items():
            n = stream.batch_size
            more = stream.source.batch(torch.arange(n), Rng(0, "data", name, rows=range(n)))
            more.rows = range(n)
            batch.extra[name] = more
        return stage.view(model, batch, Rng(0, "view", rows=range(BATCH))) if stage.view else batch


def gradients(case: Case, model: Model, stage: Stage, batch: Batch) -> dict[str, dict[str, Tensor | None]]:
    """For each update of the stage, the gradients of the parameters that it names."""
    found = {}
    for update in stage.updates:
        named = {n: p for n, p in model.named_parameters() if selects(update.params, n)}
        rng = Rng(0, "update", update.name, rows=batch.rows)
        model.train()
        if update.before is not None:
            with torch.no_grad():
                update.before(model, batch, rng.at("before"))
        with ambient(rng):
            terms = update.loss(model, batch, rng)
        total = sum(
            (term * update.weights[name](batch) if name in update.weights else term).sum()
            for name, term in terms.loss.items()
        )
        values = torch.autograd.grad(total, list(named.values()), allow_unused=True)
        found[update.name] = dict(zip(named, values))
    return found
