"""Denoising and contractive autoencoders on MNIST: the dB that each takes off the noise, or its steepness.

command     SIMULACRA_DATA=DATA python recipes/denoising_mnist.py       (DATA holds mnist/*.gz)
protocol    60,000 training and 10,000 test images of 256 levels; gain in PSNR over the noisy image,
            500 test images
network     784-1000-200 and its mirror; stacked 784-1000-200; contractive with 1,000 logistic units
published   none: the papers report classification errors after fine-tuning with labels
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import simulacra
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.tasks.denoising import denoising
from simulacra.training.hardware.budget import Budget

NOISES = ("mask:0.3", "gaussian:0.3", "salt:0.2")
CONTRACTION, EPOCHS = 0.1, 20
PROTOCOL = "MNIST of 256 levels; mean gain in dB over the noisy image, 500 test images"
Maker = Callable[[Space], Model]


def denoising_model(noise: str) -> Maker:
    """Returns a maker of a denoising autoencoder.

    Args:
        noise: its corruption.
    """
    return lambda space: simulacra.Autoencoder(space, latent=200, hidden=(1000,), net="mlp", corruption=noise)


MODELS: dict[str, Maker] = {noise: denoising_model(noise) for noise in NOISES}
MODELS["stacked"] = lambda space: simulacra.StackedAutoencoder(
    space, layers=(1000, 200), corruption=("mask:0.3", "gaussian:0.1")
)
MODELS["contractive"] = lambda space: simulacra.ContractiveAutoencoder(
    space, latent=1000, contraction=CONTRACTION
)
FIGURES = tuple(
    Figure(f"gain, {name}", None, "", "dB", PROTOCOL, 0.1, 0.3, "higher")
    for name in MODELS
    if name != "contractive"
)


def gain(model: Model, data: Dataset) -> float:
    """Returns the mean gain in dB at the level of training.

    Args:
        model: a denoising model.
        data: MNIST.
    """
    found = denoising(model, data)
    assert found is not None and found.trained is not None
    return found.trained.gain.value


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the gain of each denoising model."""
    data = simulacra.load_data("mnist", validation=0.0)
    for figure, (name, make) in zip(FIGURES, MODELS.items()):
        run = budget.fit(name.replace(":", "-"), make(data.space), data, EPOCHS, 0.24)
        yield figure.measured(gain(run.model, data))


def main() -> None:
    """Trains all models; prints gains, and error and steepness of the contractive one."""
    data = simulacra.load_data("mnist", validation=0.0)
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MODELS.items():
            out = Path(folder) / name.replace(":", "-")
            model = simulacra.fit(make(data.space), data, out=out, epochs=EPOCHS).model
            if isinstance(model, simulacra.ContractiveAutoencoder):
                steep = model.steepness(model.encode(data.test.x)).mean()
                print(f"{name}: mean |J|^2 {float(steep):.3f}", flush=True)
            else:
                print(f"{name}: gain {gain(model, data):.2f} dB", flush=True)


if __name__ == "__main__":
    main()
