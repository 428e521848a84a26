"""Compares RBMs with rbms and learnergy: an update, an epoch, annealing, an exact sum."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable

import torch
from torch import Tensor

import simulacra
from benchmarks.games import overhead
from benchmarks.memory import added, in_a_fresh_process
from benchmarks.setup import PIXELS, digits
from benchmarks.timing import Row, interleaved, matrix_rate, median, ratio
from benchmarks.training import our_fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood import annealing

HIDDEN, BATCH, UPDATES = 500, 100, 20
PRODUCT = 2e-9 * BATCH * PIXELS * HIDDEN  # GFLOP of the product of a batch and the weights


def boltzmann(quick: bool) -> list[Row]:
    """Measures PCD-1, CD-1, annealing, log Z over 2^20 states, and CD-PercLoss of outputs given an image."""
    x, name = digits(20_000)
    repeats = 5 if quick else 25
    few = 1 if quick else 5
    return [
        update(x, name, repeats),
        epoch(x, name, few),
        anneal(x, name, repeats),
        exact(),
        outputs(x, 10 * few, few + 1),
    ]


def machine(**more) -> simulacra.RBM:
    """Returns a centred RBM of 784 x 500 units."""
    torch.manual_seed(0)
    return simulacra.RBM(Binary((PIXELS,)), hidden=HIDDEN, centred=True, **more)


def our_updates(x: Tensor) -> Callable[[], None]:
    """Returns an action of `UPDATES` PCD-1 updates with our loss, as in the trainer but without files."""
    model = machine().train()
    stage = model.stage(0, [])
    assert stage is not None
    (update,) = stage.updates
    assert update.before is not None and update.optimizer is not None
    optimizer, before, t = update.optimizer.build(model.parameters()), update.before, 0

    def move() -> None:
        nonlocal t
        for _ in range(UPDATES):
            t += 1
            at = t * BATCH % (len(x) - BATCH)
            batch, rng = Batch(x[at : at + BATCH], rows=range(BATCH)), Rng(0, t, rows=range(BATCH))
            with torch.no_grad():
                before(model, batch, rng.at("before"))
            optimizer.zero_grad()
            terms = update.loss(model, batch, rng).loss
            torch.stack([term.mean() for term in terms.values()]).sum().backward()
            optimizer.step()

    return move


def outputs(x: Tensor, steps: int, repeats: int) -> Row:
    """Compares `fit` of a conditional RBM of 784 outputs given as many inputs with a bare loop.

    Args:
        x: binary images, shape (N, 784).
        steps: number of steps that are timed.
        repeats: number of interleaved repeats.
    """
    space = Binary((PIXELS,))
    data = from_tensors(x, space, "digits", c=x, condition=space, valid=0.0, test=0.02)
    make = lambda: simulacra.StructuredCRBM(space, space, hidden=256, margin=1.0)
    return overhead("CD-PercLoss step of 784 outputs given 784 inputs", make, data, steps, repeats, 1.05)


def rbms_machine(model: simulacra.RBM):
    """Returns a machine of rbms with our weights."""
    from rbms.bernoulli_bernoulli.classes import BBRBM

    W, b, c = (p.detach().clone().contiguous() for p in (model.W, model.b, model.c))
    # it has no offsets, so they are absorbed in the biases
    return BBRBM(W, b - W @ model.lam, c - model.mu @ W)


def rbms_updates(x: Tensor) -> Callable[[], None]:
    """Returns an action of `UPDATES` PCD-1 updates of rbms, without files."""
    from rbms.training.pcd import fit_batch_pcd

    params, weights, t = rbms_machine(machine()), torch.ones(BATCH, 1), 0
    params.init_grad()
    chains = params.init_chains(BATCH)
    optimizer = torch.optim.SGD(params.parameters(), lr=0.05, maximize=True)

    @torch.no_grad()
    def move() -> None:
        nonlocal t, chains
        for _ in range(UPDATES):
            t += 1
            at = t * BATCH % (len(x) - BATCH)
            optimizer.zero_grad(set_to_none=False)
            chains, _ = fit_batch_pcd((x[at : at + BATCH], weights), chains, params, 1, 1.0, True)
            optimizer.step()

    return move


def update(x: Tensor, name: str, repeats: int) -> Row:
    """Compares a centred PCD-1 update with rbms: at least as fast, goal 1.3 times.

    Args:
        x: binary images, shape (N, 784).
        name: name of the data, for the note.
        repeats: number of interleaved repeats.
    """
    actions = {"ours": our_updates(x), "rbms": rbms_updates(x.float())}
    seconds = interleaved(actions, repeats, clock=time.process_time)
    low, mid, high = ratio(seconds, "rbms", "ours")
    ours, rate = median(seconds["ours"]) / UPDATES, matrix_rate()
    floor = 6 * PRODUCT / rate
    return Row(
        "centred PCD-1 update of a 784 x 500 RBM, rbms 0.5.0 / ours",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        ">= 1 (aim 1.3)",
        mid >= 1,
        f"batch 100, 100 chains, {name}, ours {1e3 * ours:.1f} ms; ours / floor {ours / floor:.2f}: six "
        f"products of {1e3 * PRODUCT:.0f} MFLOP (two of a sweep, fields and gradients of data and chains) at "
        f"{rate:.0f} GFLOP/s, {1e3 * floor:.1f} ms",
    )


def epoch(x: Tensor, name: str, repeats: int) -> Row:
    """Compares an epoch of CD-1 through `fit` with learnergy's `fit`: at least as fast.

    Args:
        x: binary images, shape (N, 784).
        name: name of the data, for the note.
        repeats: number of interleaved repeats.
    """
    from learnergy.models.bernoulli.rbm import RBM

    data = from_tensors(x[:10_000], Binary((PIXELS,)), valid=0.0, test=0.02)
    rows = torch.utils.data.TensorDataset(data.train.x.float(), torch.zeros(len(data.train)))

    def ours() -> None:
        our_fit(machine(estimator="cd", lr=0.1), data, len(data.train) // BATCH, BATCH)

    def learnergy() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            RBM(PIXELS, HIDDEN, steps=1, learning_rate=0.1).fit(rows, batch_size=BATCH, epochs=1)

    seconds = interleaved({"ours": ours, "learnergy": learnergy}, repeats, clock=time.process_time)
    low, mid, high = ratio(seconds, "learnergy", "ours")
    return Row(
        "epoch of CD-1, 784 x 500, learnergy 2.0.2 / ours",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        ">= 1",
        mid >= 1,
        f"batch 100, {len(data.train):,} rows of {name}, each through its own `fit`; ours centred, with run "
        f"folder and checkpoints, {median(seconds['ours']):.2f} s",
    )


def anneal(x: Tensor, name: str, repeats: int, betas: int = 20) -> Row:
    """Compares annealing of 100 chains with rbms, per temperature: at least 1.5 times faster.

    Args:
        x: binary images, shape (N, 784).
        name: name of the data, for the note.
        repeats: number of interleaved repeats.
        betas: number of temperatures.
    """
    from rbms.partition_function.ais import compute_partition_function_ais

    model = machine()
    our_fit(model, from_tensors(x[:5000], Binary((PIXELS,)), valid=0.0, test=0.02), 100, BATCH)
    params, path = rbms_machine(model), [k / betas for k in range(betas + 1)]

    @torch.no_grad()
    def rbms() -> None:
        compute_partition_function_ais(100, betas + 1, params)

    ours = lambda: annealing.forward(model, path, 100)
    seconds = interleaved({"ours": ours, "rbms": rbms}, repeats, clock=time.process_time)
    low, mid, high = ratio(seconds, "rbms", "ours")
    each, floor = median(seconds["ours"]) / betas, 2 * PRODUCT / matrix_rate()
    return Row(
        "annealed importance sampling, 784 x 500, 100 chains, a temperature: rbms 0.5.0 / ours",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        ">= 1.5",
        mid >= 1.5,
        f"RBM of 100 updates on {name}, ours {1e3 * each:.1f} ms; ours / floor {each / floor:.2f}: two "
        f"products, {1e3 * floor:.1f} ms",
    )


def exact() -> Row:
    """Measures log Z over 2^20 states, in a process of its own."""
    seconds, megabytes = (
        in_a_fresh_process("boltzmann", f"exact_sum({key!r})") for key in ("time", "memory")
    )
    return Row(
        "exact log Z of a 784 x 20 RBM, 2^20 states",
        f"{seconds:.1f} s, {megabytes:.0f} MB",
        "< 60 s, < 1000 MB",
        seconds < 60 and megabytes < 1000,
        "float32 weights, sums in float64; what the sum adds to the memory of its process at the peak",
    )


def exact_sum(what: str) -> None:
    """Prints the seconds that the sum takes, or the MB that it adds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = simulacra.RBM(Binary((PIXELS,)), hidden=20).requires_grad_(False)
    began = time.perf_counter()
    memory = added(model.log_z)
    print(memory if what == "memory" else time.perf_counter() - began)
