"""Arguments that games of captions refuse, with a way out."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import simulacra
from simulacra import Categorical, Levels, Tokens

WORDS = Tokens((2,), 4, ("<end>", "<unknown>", "red", "disc"), unknown=1, unit="words")
TINY = {"latent": 2, "embedding": 3, "hidden": 2, "short": 2, "channels": 2}


def pictures(folder):
    """A folder of pictures, with a table of their captions in it."""
    for i in range(20):
        Image.fromarray(np.full((8, 8), 10 * i, np.uint8)).save(Path(folder, f"{i}.png"))
    Path(folder, "captions.csv").write_text("file,caption\n" + "".join(f"{i}.png,dark\n" for i in range(20)))
    return Path(folder)


def drawn(**more):
    """A game of pictures, with their captions or without."""
    with tempfile.TemporaryDirectory() as folder:
        data = simulacra.load_data(pictures(folder), **more)
        return simulacra.GANCLS(data.space, data.condition or Categorical((), 2), **TINY)


def own_captions(condition="captions"):
    """Pictures of a folder, which hold no captions themselves."""
    with tempfile.TemporaryDirectory() as folder:
        return simulacra.load_data(pictures(folder), condition=condition)


def game(**more):
    """A game of small pictures."""
    return simulacra.GANCLS(Levels((1, 6, 6), 4), WORDS, **{**TINY, **more})


def stacked(**more):
    """Two stages on pictures whose draft would be too small."""
    return simulacra.StackGAN(Levels((1, 16, 16), 4), WORDS, **{**TINY, **more})


# file of the source, words of the sentence, what is refused
OF_CAPTIONS = (
    ("models/adversarial/captions/joint.py", "draws pictures from their captions", drawn),
    (
        "models/adversarial/captions/gan_cls.py",
        "but a weight is a number from 0",
        lambda **o: game(**{"interpolated": -1.0, **o}),
    ),
    (
        "models/adversarial/captions/gan_cls.py",
        "but a share of a caption",
        lambda **o: game(**{"beta": 2.0, **o}),
    ),
    ("models/adversarial/captions/stackgan.py", "have sides of 1/2, 1/4 or 1/8", stacked),
    ("data/captions/opening.py", "stands for captions that the data hold themselves", own_captions),
)
