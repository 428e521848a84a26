"""Writes docs/zoo.md: published names of adversarial models, and the choice of pieces that each of them is.

    python tools/zoo.py --write

A name is a model of the catalogue with options; a test builds every line. Games with networks or losses of
their own are read from the catalogue.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "zoo.md"
sys.path.insert(0, str(ROOT / "src"))

from simulacra.models.adversarial.catalog import ENTRIES  # noqa: E402


@dataclass(frozen=True)
class Choice:
    """One published name.

    Args:
        name: as the paper calls it.
        paper: authors and year.
        options: of the model, where they are not its defaults.
        model: name in the catalogue.
        data: `points`, `images`, `labelled images`, `waves`, `labelled waves` or `enlarged images`, which
            the line is built for.
        also: catalogue name of the same choice, or an empty string.
        differs: difference from the paper, or an empty string.
    """

    name: str
    paper: str
    options: dict[str, Any] = field(default_factory=dict)
    model: str = "gan"
    data: str = "points"
    also: str = ""
    differs: str = ""


LABELLED = "labelled images"
CONVOLVED = {"network": "dcgan", "critic_normalization": "batch", "latent": 100, "lr": 2e-4}
CRITIC = {"objective": "wasserstein", "network": "auto", "latent": 64, "critic_normalization": "layer"}
OUT_OF = "Adam of other betas than the named model"
CHOICES = (
    Choice("GAN, as the theory has it", "Goodfellow et al. 2014", {"objective": "minimax"}),
    Choice("GAN, as it is trained", "Goodfellow et al. 2014", {"objective": "non-saturating"}),
    Choice("CGAN", "Mirza and Osindero 2014", {"conditioning": "concatenation"}, data=LABELLED),
    Choice("AC-GAN", "Odena, Olah and Shlens 2016", {"conditioning": "auxiliary"}, data=LABELLED),
    Choice("CGAN with an embedding", "Kwak and Zhang 2016", {"conditioning": "embedding"}, data=LABELLED),
    Choice(
        "projection cGAN",
        "Miyato and Koyama 2018",
        {"conditioning": "projection", "objective": "hinge", "network": "residual"},
        data=LABELLED,
        differs="no spectral normalization",
    ),
    Choice("DCGAN", "Radford, Metz and Chintala 2015", CONVOLVED, data="images", also="dcgan"),
    Choice(
        "Improved GAN",
        "Salimans et al. 2016",
        {
            "network": "dcgan",
            "normalization": "virtual",
            "critic_normalization": "virtual",
            "feature_matching": True,
            "minibatch_kernels": 32,
            "smoothing": 0.9,
            "historical_averaging": 0.1,
        },
        data="images",
        differs="the paper takes feature matching or minibatch discrimination",
    ),
    Choice(
        "ganhacks",
        "Chintala et al. 2016",
        {
            "network": "dcgan",
            "prior": "sphere",
            "smoothing": 0.9,
            "flips": 0.05,
            "noise": 0.1,
            "dropout": 0.5,
            "discriminator_optimizer": "sgd",
        },
        data="images",
    ),
    Choice(
        "LSGAN",
        "Mao et al. 2017",
        {
            "objective": "least-squares",
            "network": "auto",
            "latent": 64,
            "critic_normalization": "layer",
            "lr": 2e-4,
        },
        also="lsgan",
    ),
    Choice(
        "WGAN",
        "Arjovsky et al. 2017",
        {**CRITIC, "clip": 0.01, "discriminator_steps": 5, "lr": 5e-5},
        also="wgan",
        differs=OUT_OF,
    ),
    Choice(
        "WGAN-GP",
        "Gulrajani et al. 2017",
        {**CRITIC, "gradient_penalty": 10.0, "discriminator_steps": 5, "lr": 1e-4},
        also="wgan-gp",
        differs=OUT_OF,
    ),
    Choice("GAN-GP", "Fedus et al. 2018", {"gradient_penalty": 10.0}),
    Choice("geometric GAN, hinge", "Lim and Ye 2017", {"objective": "hinge"}),
    Choice("instance noise", "Sonderby et al. 2017; Arjovsky and Bottou 2017", {"noise": 0.5}),
    Choice("GAN with R1", "Mescheder, Geiger and Nowozin 2018", {"r1": 10.0}),
    Choice("RSGAN", "Jolicoeur-Martineau 2018", {"objective": "relativistic"}),
    Choice("RSGAN-GP", "Jolicoeur-Martineau 2018", {"objective": "relativistic", "gradient_penalty": 10.0}),
    Choice(
        "losses of R3GAN on other networks",
        "Huang et al. 2024",
        {"objective": "relativistic", "r1": 0.5, "r2": 0.5, "normalization": "none"},
    ),
    Choice("R3GAN", "Huang et al. 2024", {}, "r3gan", "images"),
    Choice(
        "C-RNN-GAN",
        "Mogren 2016",
        {"network": "recurrent"},
        data="waves",
        differs="an LSTM that runs forwards",
    ),
    Choice(
        "RCGAN",
        "Esteban, Hyland and Ratsch 2017",
        {"network": "recurrent", "conditioning": "concatenation"},
        data="labelled waves",
    ),
    Choice(
        "ESRGAN, its game",
        "Wang et al. 2018",
        {"objective": "relativistic"},
        "srgan",
        "enlarged images",
        differs="pairs where the paper compares with the mean of a batch; networks of SRGAN",
    ),
)
ABSENT = (
    "InfoGAN, BiGAN and ALI, adversarial autoencoders, CoGAN, EBGAN, unrolled GAN, SN-GAN, SAGAN, BigGAN and "
    "the StyleGANs"
)


def page() -> str:
    """Returns the content of docs/zoo.md."""
    chosen = {"gan", "r3gan"} | {choice.also for choice in CHOICES}
    own = [entry for entry in ENTRIES if entry.name not in chosen]
    lines = [
        HEAD,
        "## Choices of pieces",
        "",
        "| name | paper | model | options | |",
        "|---|---|---|---|---|",
    ]
    lines += [_line(choice) for choice in CHOICES]
    lines += ["", MIDDLE, "| model | paper | rows | what it is |", "|---|---|---|---|"]
    lines += [f"| `{e.name}` | {e.paper} | {', '.join(e.rows)} | {e.summary} |" for e in own]
    return "\n".join([*lines, "", TAIL])


HEAD = """# The zoo of games

<!-- Written by tools/zoo.py. Do not edit. -->

Hundreds of papers call their model "something-GAN" (row G31; Hindupur's list counts more than 500 names).
Most of them choose one piece of a game: an objective, a penalty, a layer, a network, or the way in which a
condition enters. Here is which name is which choice. A test builds every line; where the last column names a
model, both have the same losses from the same weights.
"""
MIDDLE = """An option `NAME=VALUE` is `--model.NAME VALUE` at the command line and an argument in Python:

```python
import simulacra

space = simulacra.Real((2,))
mescheder = simulacra.GAN(space, hidden=(32, 32), r1=10.0)
rsgan = simulacra.GAN(space, hidden=(32, 32), objective="relativistic")
```

## Models with networks or losses of their own
"""
TAIL = f"""Not here are {ABSENT}:
each needs a network, a loss or a normalization that no option has. A model of your own takes the pieces that
it needs and adds one ([](own_models.md)).
"""


def _line(choice: Choice) -> str:
    options = (
        "<br>".join(f"`{name}={_said(value)}`" for name, value in choice.options.items()) or "the defaults"
    )
    notes = [f"= `{choice.also}`"] if choice.also else []
    notes += [choice.differs] if choice.differs else []
    return f"| {choice.name} | {choice.paper} | `{choice.model}` | {options} | {'; '.join(notes)} |"


def _said(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def main(arguments: list[str]) -> int:
    """Writes the page, or says whether it is what would be written."""
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
    print("docs/zoo.md is up to date." if same else "docs/zoo.md is old: `python tools/zoo.py --write`.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
