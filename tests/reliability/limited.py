"""Run by itself: trains in a process whose address space may grow by little only, and says how."""

from __future__ import annotations

import logging
import resource
import sys
from dataclasses import replace

import torch

import simulacra
from simulacra.training.hardware.backend import Backend
from simulacra.training.loop import Loop
from simulacra.training.options import Options


def limited(room: int) -> None:
    """Train in a process whose address space may grow by `room` bytes only."""
    x = torch.rand(2900, 301)
    data = simulacra.from_tensors(x, simulacra.Real((301,)), valid=0, test=0)
    build = lambda: simulacra.VAE(data.space, latent=3, hidden=(601, 601))
    options = Options(batch_size=2900, epochs=2, device="cpu", progress=False)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("simulacra").addHandler(handler)
    # code is loaded, and the optimizer's memory was asked for once, before the limit
    Loop(build(), data, replace(options, batch_size=29, epochs=0.02), Backend(torch.device("cpu"))).run()
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + room, resource.RLIM_INFINITY))
    Loop(build(), data, options, Backend(torch.device("cpu"))).run()
    assert said and all(line.startswith("out of memory at ") for line in said), said


if __name__ == "__main__":
    torch.set_num_threads(1)
    limited(int(sys.argv[1]))
