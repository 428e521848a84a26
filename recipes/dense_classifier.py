"""A classifier of 8x8 digits slid over a canvas: one pass gives its output at every place (OverFeat).

command     python recipes/dense_classifier.py [--picture FILE]
protocol    a network of two convolutions, a pooling and two fully connected layers learns on crops of
            canvases made of the embedded digits (1,437 training images): a digit in the middle of the crop
            (at most one pixel off) is its class, everything else is `nothing`. 40 canvases of 36x60 with six
            of the 180 test images each; the map of outputs of one pass is compared with the network on
            every crop; a digit is found where a place that beats its neighbours lies within two pixels of it
published   none for these data: OverFeat (Sermanet et al. 2013, figure 5) draws the layers
ours        all 240 digits found, 97.5 % of them by their own class, no false alarm; the map is the outputs on
            the crops within 2e-5 in single precision and takes 3 ms a canvas, the 405 crops 12 ms; 14 s
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import simulacra
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.nets.adversarial.dense import DenseMap
from simulacra.training.hardware.budget import Budget

SIDE, NOTHING = 8, 10
STEPS, BATCH, RATE = 1000, 128, 4e-3
CANVASES, DIGITS, CANVAS = 40, 6, (36, 60)
FOUND = Figure("digits found on canvases", None, "", "%", "six digits of 8x8 on 36x60", 0.5, 3.0, "higher")
EQUAL = Figure("largest difference of map and crops", None, "", "", "single precision", 1e-4, 1e-3, "lower")
FIGURES: tuple[Figure, ...] = (FOUND, EQUAL)


def network() -> nn.Sequential:
    """Returns the classifier of crops: eleven outputs, the last for `nothing`."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 48, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(48 * 2 * 2, 64), nn.ReLU(), nn.Linear(64, NOTHING + 1)),
    )


@dataclass
class Canvas:
    """Images with several digits.

    Args:
        x: grey values in [0, 1], shape (B, 1, H, W).
        places: upper left corners of the digits, shape (B, n, 2).
        labels: classes of the digits, shape (B, n).
    """

    x: Tensor
    places: Tensor
    labels: Tensor


def canvases(n: int, x: Tensor, labels: Tensor, digits: int, size: tuple[int, int], seed: int) -> Canvas:
    """Draws n canvases with digits that do not overlap, each in a cell of its own.

    Args:
        n: number of canvases.
        x: images of digits, grey values in [0, 1], shape (N, 1, 8, 8).
        labels: their classes, shape (N,).
        digits: number of digits on a canvas.
        size: height and width of a canvas.
        seed: seed of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = lambda high: int(torch.randint(high, (), generator=generator))
    cell = (size[0] // 2, size[1] // -(-digits // 2))
    canvas, places = torch.zeros(n, 1, *size), torch.zeros(n, digits, 2, dtype=torch.long)
    chosen = torch.randint(len(x), (n, digits), generator=generator)
    for b in range(n):
        for k in range(digits):
            i = k % 2 * cell[0] + draw(cell[0] - SIDE + 1)
            j = k // 2 * cell[1] + draw(cell[1] - SIDE + 1)
            canvas[b, 0, i : i + SIDE, j : j + SIDE] = x[chosen[b, k], 0]
            places[b, k] = torch.tensor([i, j])
    return Canvas(canvas, places, labels[chosen])


def crops(n: int, x: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Draws n crops, about half of them with a digit in the middle, and their classes.

    Args:
        n: number of crops.
        x: images of digits, grey values in [0, 1], shape (N, 1, 8, 8).
        labels: their classes, shape (N,).
        seed: seed of the draws.
    """
    small = canvases(n, x, labels, 4, (22, 22), seed)
    generator = torch.Generator().manual_seed(seed)
    near = small.places[:, 0] + torch.randint(-1, 2, (n, 2), generator=generator)
    anywhere = torch.randint(0, 22 - SIDE + 1, (n, 2), generator=generator)
    wanted = torch.rand(n, 1, generator=generator) < 0.5
    at = torch.where(wanted, near, anywhere).clamp(0, 22 - SIDE)
    off = (small.places - at.unsqueeze(1)).abs().amax(2)
    which = off.argmin(1, keepdim=True)
    classes = torch.where(off.gather(1, which) <= 1, small.labels.gather(1, which), NOTHING)
    cut = [small.x[b, :, i : i + SIDE, j : j + SIDE] for b, (i, j) in enumerate(at.tolist())]
    return torch.stack(cut), classes.squeeze(1)


def trained(x: Tensor, labels: Tensor, steps: int) -> nn.Sequential:
    """Trains the network for `steps` steps.

    Args:
        x: images of digits, grey values in [0, 1], shape (N, 1, 8, 8).
        labels: their classes, shape (N,).
        steps: number of steps.
    """
    torch.manual_seed(0)
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    rows, classes = crops(10 * steps, x, labels, seed=1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randint(len(rows), (BATCH,))
        optimizer.zero_grad()
        F.cross_entropy(net(rows[chosen]), classes[chosen]).backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def peaks(maps: Tensor) -> Tensor:
    """Returns the mask of digits on a map, shape (B, h, w): likelier than `nothing`, and a local maximum."""
    digit = maps.log_softmax(1)[:, :NOTHING].logsumexp(1, keepdim=True)
    best = F.max_pool2d(digit, 5, stride=1, padding=2)
    return ((digit == best) & (digit > torch.tensor(0.5).log())).squeeze(1)


def located(dense: DenseMap, canvas: Canvas) -> tuple[float, float, float]:
    """Returns the shares of digits found and of those with the right class, and false alarms a canvas.

    Args:
        dense: the network slid over a canvas.
        canvas: images with several digits.
    """
    with torch.no_grad():
        maps = dense(canvas.x)
    stride = torch.tensor(dense.stride)
    found = right = alarms = 0
    for peak, scores, places, labels in zip(peaks(maps), maps, canvas.places, canvas.labels):
        spots = peak.nonzero()
        off = (spots.unsqueeze(1) * stride - places).abs().amax(2)
        alarms += int((off > 2).all(1).sum())
        for k, label in enumerate(labels):
            near = spots[off[:, k] <= 2]
            found += len(near) > 0
            right += any(int(scores[:NOTHING, i, j].argmax()) == label for i, j in near)
    digits = canvas.labels.numel()
    return found / digits, right / max(1, found), alarms / len(canvas.x)


def by_crops(net: nn.Module, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """Applies the network to every crop separately, and returns the outputs as a map.

    Args:
        net: the classifier of crops.
        x: canvases, shape (B, 1, H, W).
        stride: distance of neighbouring crops, in pixels.
    """
    parts = x.unfold(2, SIDE, stride[0]).unfold(3, SIDE, stride[1])
    h, w = parts.shape[2:4]
    outputs = net(parts.permute(0, 2, 3, 1, 4, 5).reshape(-1, 1, SIDE, SIDE))
    return outputs.view(len(x), h, w, -1).permute(0, 3, 1, 2)


def measure(steps: int) -> tuple[DenseMap, Canvas, dict[str, float]]:
    """Trains the network, slides it over canvases, and counts the digits found."""
    data = simulacra.load_data("digits")
    net = trained(data.train.x / 16, data.train.labels, steps)
    dense = DenseMap(net, (1, SIDE, SIDE))
    canvas = canvases(CANVASES, data.test.x / 16, data.test.labels, DIGITS, CANVAS, seed=2)
    seconds = []
    with torch.no_grad():
        for way in (lambda: dense(canvas.x), lambda: by_crops(net, canvas.x, dense.stride)):
            way()
            began = time.perf_counter()
            result = way()
            seconds.append(time.perf_counter() - began)
        apart = float((dense(canvas.x) - result).abs().max())
    found, right, alarms = located(dense, canvas)
    numbers = {"found": found, "right": right, "alarms": alarms, "apart": apart}
    return dense, canvas, {**numbers, "map": seconds[0], "crops": seconds[1]}


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both figures; the network takes seconds, whatever the budget."""
    _, _, numbers = measure(STEPS)
    yield FOUND.measured(100 * numbers["found"])
    yield EQUAL.measured(numbers["apart"])


def picture(dense: DenseMap, canvas: Canvas, path: Path) -> None:
    """Draws a canvas with the digits found, and the map of the probability of a digit.

    Args:
        dense: the network slid over a canvas.
        canvas: images, of which the first is drawn.
        path: file of the picture.
    """
    import matplotlib.pyplot as plt

    with torch.no_grad():
        maps = dense(canvas.x[:1])
    figure, (above, below) = plt.subplots(2, 1, figsize=(6, 7.2), layout="constrained")
    above.imshow(canvas.x[0, 0], cmap="gray_r")
    for i, j in peaks(maps)[0].nonzero().tolist():
        y, x = i * dense.stride[0], j * dense.stride[1]
        label = int(maps[0, :NOTHING, i, j].argmax())
        box = plt.Rectangle((x - 0.5, y - 0.5), SIDE, SIDE, fill=False, edgecolor="tab:red")
        above.add_patch(box)
        above.text(x + SIDE, y + 0.5, label, color="tab:red", va="top")
    above.set_title("a canvas and what the classifier finds")
    below.imshow(1 - maps[0].softmax(0)[NOTHING], cmap="viridis", vmin=0, vmax=1)
    below.set_title(f"the map of {maps.shape[2]}x{maps.shape[3]} outputs: probability of a digit")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    """Prints the figures, and draws the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    dense, canvas, numbers = measure(STEPS)
    print(f"{numbers['found']:.1%} of digits found, {numbers['right']:.1%} of them by their own class,")
    print(f"{numbers['alarms']:.2f} false alarms a canvas; map and crops differ by {numbers['apart']:.1e}")
    times = [f"{1000 * numbers[way] / CANVASES:.1f}" for way in ("map", "crops")]
    print(f"ms a canvas: map {times[0]}, crops one by one {times[1]}")
    if options.picture:
        picture(dense, canvas, options.picture)


if __name__ == "__main__":
    main()
