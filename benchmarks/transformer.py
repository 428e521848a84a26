"""Measures the transformer: a step beside a bare loop of equal size, and late tokens beside early ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import Row, interleaved, median, ratio
from benchmarks.training import our_fit
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive.transformer import Transformer
from simulacra.nets.sequences.causal_transformer import Context

LAYERS, HEADS, WIDTH = 4, 4, 128  # the model's own
CLASSES, T, BATCH = 65, 64, 32  # characters of a text, in windows
EARLY, LATE, PART = 10, 1000, 8
NAME = "transformer (4 layers of 128, 65 tokens)"


class Bare(nn.Module):
    """The same sizes from the layers of torch, as one would write it.

    Args:
        classes: number of tokens.
        T: tokens of a row.
    """

    def __init__(self, classes: int, T: int):
        super().__init__()
        layer = partial(nn.TransformerEncoderLayer, WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu")
        self.A, self.P = nn.Embedding(classes, WIDTH), nn.Parameter(0.02 * torch.randn(T, WIDTH))
        self.layers = nn.TransformerEncoder(
            layer(batch_first=True, norm_first=True), LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.Y = nn.Linear(WIDTH, classes)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(T))

    def forward(self, x: Tensor) -> Tensor:
        """Computes the mean cross-entropy of rows, in nats.

        Args:
            x: tokens, shape (B, T).
        """
        h = self.P + F.pad(self.A(x[:, :-1]), (0, 0, 1, 0))
        return F.cross_entropy(self.Y(self.layers(h, self.mask, is_causal=True)).transpose(1, 2), x)


def transformer(quick: bool) -> list[Row]:
    """Measures a step, at most 1.03 of a bare loop's, and token 1,000, at most 1.5 times token 10."""
    steps, repeats = (4, 3) if quick else (12, 7)
    data = from_tensors(torch.randint(1, CLASSES, (20 * BATCH, T)), Tokens((T,), CLASSES), valid=0)
    ours = lambda: our_fit(Transformer(data.space), data, steps, BATCH)
    bare = lambda: bare_loop(Bare(CLASSES, T), data.train.x.long(), steps)
    seconds = interleaved({"fit": ours, "bare": bare}, repeats, time.process_time)
    return [step_row(NAME, seconds, steps), _token(quick)]


def bare_loop(model: nn.Module, x: Tensor, steps: int) -> None:
    """Trains a module whose output is its loss, as one would write it.

    Args:
        model: the module.
        x: rows, shape (N, T).
        steps: number of steps.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(x))
    for step in range(steps):
        at = step * BATCH % (len(x) - BATCH)
        optimizer.zero_grad()
        loss = model(x.index_select(0, order[at : at + BATCH]))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        float(loss.detach())


def step_row(name: str, seconds: Mapping[str, list[float]], steps: int) -> Row:
    """Returns the row of a step, `fit` beside a bare loop.

    Args:
        name: name and size of the model.
        seconds: seconds of each repeat, by `fit` and `bare`.
        steps: number of steps of a repeat.
    """
    low, mid, high = ratio(seconds, "fit", "bare")
    return Row(
        f"{name}: `fit` / bare loop over layers of torch",
        f"{mid:.3f} ({low:.3f} to {high:.3f})",
        "<= 1.03",
        mid <= 1.03,
        f"CPU time of {steps} steps with run folder and checkpoints, {BATCH} rows of {T} tokens, "
        f"{median(seconds['bare']) / steps * 1e3:.0f} ms a bare step",
    )


@torch.no_grad()
def _token(quick: bool) -> Row:
    """Compares tokens around the 1,000th of one text with those around the 10th."""
    model = Transformer(Tokens((LATE + PART + 1,), CLASSES)).eval()
    early = _drawn(model, model.begin(1), 0, EARLY)
    late = _drawn(model, model.begin(1), 0, LATE)
    draw = {
        "early": lambda: _again(model, early, EARLY),
        "late": lambda: _again(model, late, LATE),
    }
    seconds = interleaved(draw, 10 if quick else 40, time.process_time)
    low, mid, high = ratio(seconds, "late", "early")
    us = {name: median(values) / PART * 1e6 for name, values in seconds.items()}
    return Row(
        f"{NAME}, one text: token {LATE:,} / token {EARLY}",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        "<= 1.5",
        mid <= 1.5,
        f"{us['late']:.0f} and {us['early']:.0f} us with their noise, means of {PART}",
    )


def _again(model: Transformer, state: Context, start: int) -> None:
    """Draws tokens from a state; its memory takes them again, since nobody else goes on from it."""
    state.memory.written = start + 1
    _drawn(model, state, start, start + PART)


def _drawn(model: Transformer, state: Context, start: int, stop: int) -> Context:
    """Returns the state after the tokens from `start` to `stop`, each with its noise."""
    rng = Rng(0, rows=range(1))
    for t in range(start, stop):
        p = model.entry_head.build(model.next_parameters(state, t))
        state = model.advance(state, t, p.sample(rng.at("entry", t)))
    return state
