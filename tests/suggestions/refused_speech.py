"""Arguments that models of speech and their networks refuse, with a way out."""

import tempfile
from pathlib import Path

import torch

import simulacra
from simulacra import Audio, Real
from simulacra.core.spaces.audio import write_wav

WAVE, SPECTRUM = Audio((24,), 8000), Real((1, 3, 5))


def cleaned(**more):
    """SEGAN on a folder of recordings."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(12):
            write_wav((torch.arange(24) + i).sin() / 2, 8000, Path(folder, f"{i}.wav"))
        data = simulacra.load_data(folder, **more)
        return simulacra.SEGAN(data.space, data.condition, channels=2)


def quiet(**more):
    """SEGAN on a folder of quiet recordings and their noisy copies."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(12):
            for name, size in (("clean", 300), ("noisy", 200)):
                Path(folder, name).mkdir(exist_ok=True)
                write_wav((torch.arange(24) + i).sin() / size, 8000, Path(folder, name, f"{i}.wav"))
        data = simulacra.load_data(Path(folder, "clean"), condition=f"folder:{folder}/noisy", **more)
        return simulacra.SEGAN(data.space, data.condition, channels=2)


def segan(**more):
    """SEGAN on pairs of recordings."""
    return simulacra.SEGAN(WAVE, WAVE, channels=2, **more)


def post_filter(**more):
    """A post-filter of pairs of spectra."""
    return simulacra.PostFilter(SPECTRUM, SPECTRUM, channels=2, **more)


# file of the source, words of the sentence, what is refused
OF_SPEECH = (
    (
        "models/adversarial/paired/segan.py",
        "as quiet ones are scaled up, load the data with {}",
        lambda **o: quiet(**o),
    ),
    (
        "models/adversarial/paired/segan.py",
        "needs a noisy recording as the condition of each clean one: load the data with {}",
        lambda **o: cleaned(**o),
    ),
    (
        "models/adversarial/paired/players.py",
        "and not both 0: use {}",
        lambda **o: segan(**{"l1": -1.0, **o}),
    ),
    (
        "models/adversarial/paired/segan.py",
        "so that its inverse is stable: use {}",
        lambda **o: segan(**{"emphasis": 1.0, **o}),
    ),
    (
        "models/adversarial/paired/players.py",
        "and not both 0: use {}",
        lambda **o: post_filter(**{"l1": 0.0, "adversarial": 0.0, **o}),
    ),
    (
        "nets/speech/halving.py",
        "samples can be halved 1 to {} times: use {}",
        lambda **o: segan(**{"halvings": 4, **o}),
    ),
    (
        "nets/speech/halving.py",
        "a stride of 2 halves a length with an odd kernel: use {}",
        lambda **o: segan(**{"kernel": 4, **o}),
    ),
    (
        "nets/speech/texture.py",
        "the residual needs a layer that sees the noise: use {}",
        lambda **o: post_filter(**{"layers": 0, **o}),
    ),
    (
        "nets/speech/texture.py",
        "but an odd one keeps the size: use {}",
        lambda **o: post_filter(**{"kernel": 2, **o}),
    ),
)
