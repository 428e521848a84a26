"""Compares NADE's recursion in blocks with a loop over the entries that autograd differentiates."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.memory import added, in_a_fresh_process
from benchmarks.setup import PIXELS, digits
from benchmarks.timing import Row, interleaved, matrix_rate, median, ratio
from simulacra.nets.autoregressive.recursion import shared_recursion

BATCH, HIDDEN = 100, 500
Recursion = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def loop(x: Tensor, W: Tensor, c: Tensor, V: Tensor) -> Tensor:
    """Returns the logits by a plain loop, without the copies that indexing W and V makes in backward.

    Args:
        x: binary rows, shape (B, D, 1).
        W: input weights, shape (D, 1, H).
        c: hidden biases, shape (H,).
        V: output weights, shape (D, 1, H).
    """
    a, logits = c.expand(len(x), -1), []
    for t, (W_t, V_t) in enumerate(zip(W.unbind(0), V.unbind(0))):
        logits.append(torch.sigmoid(a) @ V_t[0])
        a = a + x[:, t] * W_t
    return torch.stack(logits, 1).unsqueeze(2)


def lean_loop(x: Tensor, W: Tensor, c: Tensor, V: Tensor) -> Tensor:
    """Returns the logits by a loop with product and sum in one operation, the fastest loop that was found.

    Args:
        x: binary rows, shape (B, D, 1).
        W: input weights, shape (D, 1, H).
        c: hidden biases, shape (H,).
        V: output weights, shape (D, 1, H).
    """
    a, logits = c.expand(len(x), -1), []
    for x_t, W_t, V_t in zip(x[..., 0].unbind(1), W[:, 0].unbind(0), V[:, 0].unbind(0)):
        logits.append(torch.mv(torch.sigmoid(a), V_t))
        a = torch.addr(a, x_t, W_t)
    return torch.stack(logits, 1).unsqueeze(2)


def activations() -> None:
    """Computes only the B D H activations, forward and again backward, within the cache."""
    a, out = torch.randn(BATCH, HIDDEN), torch.empty(BATCH, HIDDEN)
    for _ in range(2 * PIXELS):
        torch.sigmoid(a, out=out)


def products() -> float:
    """Returns the seconds that the products of all entries take at the machine's rate.

    Forward the sum over the entries and the outputs, backward the gradients of V, h and W: each B D H
    multiply-adds.
    """
    return 5 * 2 * BATCH * PIXELS * HIDDEN / (matrix_rate() * 1e9)


def weights() -> list[Tensor]:
    """Returns W, c and V with values of the size of a trained model's."""
    torch.manual_seed(0)
    shapes = ((PIXELS, 1, HIDDEN), (HIDDEN,), (PIXELS, 1, HIDDEN))
    return [(0.05 * torch.randn(shape)).requires_grad_() for shape in shapes]


def step(recursion: Recursion, x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    """Returns the loss in nats a row, and its gradient.

    Args:
        recursion: returns the logits.
        x: binary rows, shape (B, D, 1).
        parameters: W, c and V.
    """
    logits = recursion(x, *parameters)
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return [loss.detach(), *torch.autograd.grad(loss, parameters)]


def apart(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Returns the largest relative difference of losses and gradients."""
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs))


def nade_recursion(quick: bool) -> list[Row]:
    """Measures loss and gradient of NADE: at least 3 times faster than the loop on images, never slower."""
    images, name = digits(BATCH)
    repeats = 7 if quick else 25
    return [
        against_the_loop(images.float().unsqueeze(2), name, 3, repeats),
        against_the_loop(dense_images(), "nine ones in ten", 1, repeats),
        memory(),
    ]


def dense_images() -> Tensor:
    """Returns rows with nine ones in ten, in which the recursion can merge nothing."""
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(BATCH, PIXELS, 1, generator=generator) < 0.9).float()


def against_the_loop(x: Tensor, name: str, wanted: float, repeats: int) -> Row:
    """Returns one row of the table: the ratio of times, and the difference of values.

    Args:
        x: binary rows, shape (B, D, 1).
        name: description of the rows.
        wanted: smallest acceptable ratio.
        repeats: number of interleaved repeats.
    """
    parameters = weights()
    recursions = {"ours": shared_recursion, "loop": loop, "lean": lean_loop}
    actions = {key: partial(step, recursion, x, parameters) for key, recursion in recursions.items()}
    seconds = interleaved({**actions, "activations": activations}, repeats, clock=time.process_time)
    low, mid, high = ratio(seconds, "loop", "ours")
    lean, ours = ratio(seconds, "lean", "ours")[1], median(seconds["ours"])
    floor = median(seconds["activations"]) + products()
    difference = apart(step(shared_recursion, x, parameters), step(loop, x, parameters))
    return Row(
        f"NADE loss and gradient, loop / ours, {name}",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        f">= {wanted:g}",
        mid >= wanted and difference < 1e-5,
        f"H=500, D=784, batch 100, {float(x.mean()):.0%} ones, ours {1e3 * ours:.0f} ms; leanest loop / ours "
        f"{lean:.2f}; ours / floor {ours / floor:.2f}: B D H = 39 million activations forward and back and "
        f"their products, {1e3 * floor:.0f} ms; loss and gradient apart {difference:.0e}",
    )


def memory() -> Row:
    """Compares the memory that a step adds with the size of the states that the loop keeps."""
    ours, theirs = (in_a_fresh_process("nade", f"measure({name!r})") for name in ("shared_recursion", "loop"))
    states = 4 * BATCH * PIXELS * HIDDEN / 2**20
    return Row(
        "memory that a step of NADE adds",
        f"{ours:.0f} MB (loop {theirs:.0f} MB)",
        f"< {states:.0f} MB",
        ours < states,
        "B D H numbers are one tensor of all hidden states; gradients of 3 MB included",
    )


def measure(name: str) -> None:
    """Prints the MB that a step on dense images adds to the peak of this process."""
    torch.set_num_threads(1)
    parameters, x = weights(), dense_images()
    step(globals()[name], x[:1], parameters)
    print(added(lambda: step(globals()[name], x, parameters)))
