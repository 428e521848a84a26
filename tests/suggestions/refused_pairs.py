"""Arguments that models of pairs refuse, with a way out."""

import tempfile

import simulacra
from simulacra import Categorical, Real

CLASS = Categorical((), 3)
TWO = Categorical((), 2)
IMAGE = simulacra.Levels((1, 6, 10), 4)


def paired(none=None, **more):
    """A game of pairs of digits; none: the condition of a run that loads none."""
    data = simulacra.load_data("digits", limit=20, **more)
    return simulacra.Pix2Pix(data.space, data.condition or none, channels=2)


def generated(**more):
    """A generator of digits, whose data were loaded without their labels."""
    data = simulacra.load_data("digits", limit=20, **more)
    return simulacra.ConvGenerator(data.space, data.condition, hidden=(2, 3), channels=(2,))


def answered(**more):
    """A conditional RBM of digits, whose data were loaded without inputs."""
    data = simulacra.load_data("digits", limit=20, binarize="threshold", **more)
    return simulacra.StructuredCRBM(data.space, data.condition, hidden=2)


def domains(none=None, **more):
    """A game of two domains of digits, whose data were loaded as they are or as two domains."""
    data = simulacra.load_data("digits", limit=20, **more)
    return simulacra.CycleGAN(data.space, data.condition or none, channels=2, patch=1)


def opened(condition="domain:", **more):
    """Digits as two domains."""
    return simulacra.load_data("digits", limit=20, **{"condition": condition, **more})


# file of the source, words of the sentence, what is refused
OF_PAIRS = (
    ("models/adversarial/paired/players.py", "makes an image of an image, or a wave of a wave", paired),
    (
        "models/adversarial/unpaired/translators.py",
        "the rows are of {} classes",
        lambda **o: domains(CLASS, **o),
    ),
    (
        "models/adversarial/unpaired/translators.py",
        "all rows are of the class {}",
        lambda **o: domains(Categorical((), 1), **o),
    ),
    (
        "models/adversarial/unpaired/translators.py",
        "which have no bounds",
        lambda **o: simulacra.CycleGAN(IMAGE, TWO, **{"channels": 2, "network": "additive", **o}),
    ),
    (
        "models/adversarial/unpaired/cycle_gan.py",
        "a weight is a number from 0",
        lambda **o: simulacra.CycleGAN(IMAGE, TWO, **{"channels": 2, "cycle": -1.0, **o}),
    ),
    (
        "models/adversarial/unpaired/cycle_gan.py",
        "would learn to copy",
        lambda **o: simulacra.CycleGAN(IMAGE, TWO, **{"channels": 2, "adversarial": 0.0, **o}),
    ),
    ("data/domains/form.py", "names no second domain", opened),
    ("data/domains/form.py", "has no such level", lambda **o: opened(**{"condition": "domain:mask:7", **o})),
    (
        "data/domains/folders.py",
        "joins the files of two folders",
        lambda **o: opened(**{"condition": f"domain:{tempfile.gettempdir()}", **o}),
    ),
    (
        "data/domains/rows.py",
        "makes the second domain of rows",
        lambda **o: simulacra.load_data("ring", limit=20, **{"condition": "domain:edges", **o}),
    ),
    (
        "models/adversarial/paired/players.py",
        "with as many sides as x",
        lambda **o: paired(simulacra.Audio((90,)), **o),
    ),
    (
        "models/adversarial/paired/clean_gan.py",
        "are compared in blocks",
        lambda **o: simulacra.CleanGAN(IMAGE, IMAGE, **{"channels": 2, "shrink": 3, **o}),
    ),
    (
        "models/boltzmann/restricted/structured_crbm.py",
        "needs the input of each row as its condition",
        answered,
    ),
    (
        "nets/translators/patches.py",
        "have sides of",
        lambda **o: simulacra.Pix2Pix(IMAGE, IMAGE, **{"channels": 2, "patch": 70, **o}),
    ),
    (
        "models/autoencoders/conv_generator.py",
        "but there is no condition",
        generated,
    ),
    (
        "models/autoencoders/conv_generator.py",
        "but every size is from 1 on",
        lambda **o: simulacra.ConvGenerator(Real((1, 4, 4)), CLASS, **{"channels": (), **o}),
    ),
    (
        "models/autoencoders/circles.py",
        "but the columns of the condition are",
        lambda **o: simulacra.ConvGenerator(
            Real((1, 4, 4)), simulacra.Table(kind=CLASS, turn=Real()), **{"circular": ("angle",), **o}
        ),
    ),
)
