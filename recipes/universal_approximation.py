"""A deep, narrow sigmoid belief net is built, without training, for any distribution of three bits.

command     python recipes/universal_approximation.py [P ...] (probabilities of 2, 4, 8, ... states)
protocol    seven hidden layers of three units, whose weights are computed; p(x) of all eight states by sums
            over the states of one layer after another, in float64; error: the largest absolute difference
published   none: Sutskever and Hinton 2008 prove that an error as small as wanted can be reached
ours        error 1.1e-09; the table is below
device      2 shared CPU cores, one thread; below a second

| x | target | net |
|---|---|---|
| 000 | 0.050000 | 0.050000 |
| 001 | 0.300000 | 0.300000 |
| 010 | 0.000000 | 0.000000 |
| 011 | 0.100000 | 0.100000 |
| 100 | 0.020000 | 0.020000 |
| 101 | 0.130000 | 0.130000 |
| 110 | 0.250000 | 0.250000 |
| 111 | 0.150000 | 0.150000 |
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.models.beliefs.construction import all_states, law, universal
from simulacra.training.hardware.budget import Budget

# a law without structure: no two states are equally likely, and one is impossible
TARGET = (0.05, 0.3, 0.0, 0.1, 0.02, 0.13, 0.25, 0.15)
ERROR = Figure(
    "largest error of p(x) on three bits",
    None,
    "",
    "",
    "net of 3 units in each of 7 hidden layers, float64",
    tolerance=1e-3,
    wide=1e-3,
    better="lower",
)
FIGURES: tuple[Figure, ...] = (ERROR,)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the error; it takes a moment, whatever the budget."""
    target = torch.tensor(TARGET, dtype=torch.float64)
    yield ERROR.measured(error(target, law(universal(target))))


def error(target: Tensor, found: Tensor) -> float:
    """Returns the largest absolute difference of two laws."""
    return float((target - found).abs().max())


def main() -> None:
    """Prints the target, the law of the net, and the error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=float, nargs="*", default=TARGET, metavar="P")
    target = torch.tensor(parser.parse_args().target, dtype=torch.float64)
    net = universal(target)
    found = law(net)
    print("| x | target | net |\n|---|---|---|")
    for bits, wanted, p in zip(all_states(len(net.hidden).bit_length()), target, found):
        print(f"| {''.join(str(int(b)) for b in bits)} | {wanted:.6f} | {p:.6f} |")
    print(f"\n{len(net.hidden)} hidden layers, largest error {error(target, found):.1e}")


if __name__ == "__main__":
    main()
