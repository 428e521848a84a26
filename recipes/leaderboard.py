"""Nine models of five families on one protocol of binarized MNIST, and which is better where that is decided.

command     SIMULACRA_DATA=DATA make results (DATA holds binarized_mnist/): trains, scores and compares what
            is not there yet, and writes docs/results.md; it is python recipes/leaderboard.py [--minutes N]
            [--models vae ...] [--out RUNS], and then python tools/results.py --write
protocol    binarized-mnist (Larochelle and Murray): 50,000 training and 10,000 test images. Each model has N
            minutes of one core (2.5 by default) to train in, with its rate falling to 0. Likelihoods: exact,
            IWAE bounds with k=500, forward and reverse AIS with 1,000 temperatures and 100 chains (of the
            DBM a bound on the energy); samples: 2,000 of each, in the features of an autoencoder of the
            training images
published   Larochelle and Murray 2011: NADE -88.33. Germain et al. 2015: MADE -88.40. Burda et al. 2015 on
            these images: IWAE k=5 -87.63. Salakhutdinov and Murray 2008: RBM, 500 units, -86.34.
            Salakhutdinov and Hinton 2009: DBM -84.62. All after many more passes
ours        in docs/results.md
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

import simulacra
from simulacra.core.model import Model
from simulacra.core.storage.files import read_json, write_json
from simulacra.data.dataset import Dataset
from simulacra.evaluation import Annealing
from simulacra.evaluation.compare.comparison import Compared
from simulacra.evaluation.compare.page import as_json, as_markdown
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.measures.history import read_metrics
from simulacra.training.hardware.budget import Budget

HERE = Path(__file__).parent
TANH = {"hidden": (200, 200), "net": "mlp", "activation": "tanh"}
# name -> model, learning rate, passes of a long schedule
MODELS: dict[str, tuple[Callable[[Dataset], Model], dict, float]] = {
    "vae": (lambda d: simulacra.VAE(d.space, latent=50, **TANH), {"lr": 1e-3}, 250),
    "iwae": (lambda d: simulacra.IWAE(d.space, latent=50, k=5, **TANH), {"lr": 1e-3}, 250),
    "two-layer-vae": (lambda d: simulacra.HierarchicalVAE(d.space, latents=(100, 50)), {"lr": 1e-3}, 250),
    "nade": (lambda d: simulacra.NADE(d.space), {"lr": 0.01}, 50),
    "made": (lambda d: simulacra.MADE(d.space), {"lr": 1e-3}, 100),
    "gated-pixelcnn": (lambda d: simulacra.GatedPixelCNN(d.space, layers=5, channels=16), {"lr": 3e-3}, 50),
    "rbm": (lambda d: simulacra.RBM(d.space, hidden=500, lr=0.05, centred=True), {}, 200),
    "dbm": (lambda d: simulacra.DBM(d.space, hidden=(500, 500), gibbs_steps=1, lr=0.05), {}, 200),
    "gan": (lambda d: simulacra.GAN(d.space, latent=50, hidden=(256, 256)), {}, 100),
}
SAMPLES, K, MINUTES = 2000, 500, 2.5

SAME = "binarized-mnist test, mean log p(x)"


def _figure(name: str, published: float, source: str, tolerance: float = 0.2) -> Figure:
    return Figure(name, published, source, "nats", SAME, tolerance, 1.0, better="higher")


PUBLISHED: dict[str, Figure] = {
    "nade": _figure("NADE, 500 units", -88.33, "Larochelle and Murray 2011"),
    "made": _figure("MADE, one layer, one mask", -88.40, "Germain et al. 2015, table 6"),
    "iwae": _figure("IWAE, one layer, k=5 (bound)", -87.63, "Burda et al. 2015, appendix"),
    "rbm": _figure("RBM, 500 units (forward AIS)", -86.34, "Salakhutdinov and Murray 2008", 0.5),
    "dbm": _figure("DBM (bound, forward AIS)", -84.62, "Salakhutdinov and Hinton 2009", 0.5),
}
FIGURES = tuple(PUBLISHED.values())


def main() -> None:
    """Trains, scores and compares the models, and writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--out", type=Path, default=Path("runs/leaderboard"))
    asked = parser.parse_args()
    found = board(asked.models, asked.minutes, asked.out)
    print(found)
    record(found, asked.minutes, trainings(found))


def board(names: list[str], minutes: float, out: Path) -> Compared:
    """Trains and scores models that are missing, and compares all.

    Args:
        names: keys of `MODELS`.
        minutes: training time of each model.
        out: folder of the runs.
    """
    data = simulacra.load_data("binarized-mnist")
    found = simulacra.compare(*(scored(name, data, minutes, folder(out, minutes, name)) for name in names))
    if found.refusals:
        raise ValueError(" ".join(found.refusals))
    return found


def folder(out: Path, minutes: float, name: str) -> Path:
    """Returns the folder of a run with this training time.

    Args:
        out: folder of all runs.
        minutes: training time.
        name: name of the model.
    """
    return out / f"{minutes:g}-minutes" / name


def trainings(found: Compared) -> str:
    """Describes how long each model was trained, which the table of scores does not show."""
    said = []
    for name, run in found.folders.items():
        passes = read_json(run / "config.json")["options"]["epochs"]
        seconds = max(float(row["seconds"]) for row in read_metrics(run))
        said.append(f"{name} {passes:.1f} passes in {seconds / 60:.1f} min")
    return f"Trained on a shared machine: {', '.join(said)}."


def record(found: Compared, minutes: float, trained: str) -> None:
    """Writes the page for docs/results.md, and keeps the records of single figures.

    Args:
        found: the comparison.
        minutes: training time of each model.
        trained: description of the trainings.
    """
    place = HERE / "results" / "leaderboard.json"
    kept = read_json(place).get("records", []) if place.is_file() else []
    content = {
        "page": as_markdown(found, f"## Leaderboard: binarized MNIST\n\n{trained}"),
        "compared": as_json(found),
        "minutes": minutes,
        "command": f"make results ARGS='--minutes {minutes:g}'",
        "date": datetime.date.today().isoformat(),
    }
    write_json(place, {**content, "records": kept})


def scored(name: str, data: Dataset, minutes: float, place: Path) -> Path:
    """Returns the run of a model, after training and evaluating it if that is missing.

    Args:
        name: key of `MODELS`.
        data: the binarized images.
        minutes: training time.
        place: run folder.
    """
    if not (place / "model.safetensors").is_file():
        train(name, data, minutes, place)
    if not (place / "report.json").is_file():
        began = time.perf_counter()
        run = simulacra.load_run(place)
        report = simulacra.evaluate(
            run, k=K, samples=SAMPLES, annealing=Annealing(1000, 100, 1000), budget=None
        )
        report.write(place)
        print(
            f"{name}: {report.headline()}, scored in {(time.perf_counter() - began) / 60:.1f} min", flush=True
        )
    return place


def train(name: str, data: Dataset, minutes: float, place: Path) -> None:
    """Trains for as many passes as the time allows, at most those of the long schedule.

    Args:
        name: key of `MODELS`.
        data: the binarized images.
        minutes: training time.
        place: run folder.
    """
    build, rate, whole = MODELS[name]
    torch.manual_seed(0)
    model = build(data)
    settings = {"batch_size": 100, "schedule": "linear", "validate": False, "progress": False, **rate}
    epochs = Budget(minutes).epochs(model, data, whole, **settings)
    began = time.perf_counter()
    simulacra.fit(model, data, out=place, epochs=epochs, **settings)
    print(f"{name}: {epochs:.1f} passes in {(time.perf_counter() - began) / 60:.1f} min", flush=True)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the models with a published figure, each with its share of the time."""
    minutes = MINUTES if budget.minutes is None else budget.minutes / len(MODELS)
    out = Path("runs/leaderboard")
    found = board(list(MODELS), minutes, out)
    for name, figure in PUBLISHED.items():
        estimate = found.estimates[name]
        passes = simulacra.load_run(folder(out, minutes, name)).config["options"]["epochs"]
        yield figure.measured(estimate.mean, estimate.error, share=min(1.0, passes / MODELS[name][2]))


if __name__ == "__main__":
    main()
