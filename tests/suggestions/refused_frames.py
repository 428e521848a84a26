"""Arguments that models of frames and volumes refuse, with a way out."""

import simulacra
from simulacra import Binary, Categorical, Levels

FRAME, PAST = Levels((1, 8, 8), 17), Levels((2, 8, 8), 17)
SOLID = Binary((1, 4, 5, 3))


def frames(given=None, **more):
    """A model of next frames of digits; given: the condition of a run that loads none."""
    data = simulacra.load_data("digits", **more)
    return simulacra.NextFrameGAN(data.space, data.condition or given, channels=2, blocks=1)


def next_frame(**more):
    """A function that builds a model of next frames with these arguments, and with others in their place."""
    return lambda **o: simulacra.NextFrameGAN(FRAME, PAST, **{"channels": 2, "blocks": 1, **more, **o})


def solids(**more):
    """A function that builds a game of solids, likewise."""
    return lambda **o: simulacra.VoxelGAN(SOLID, **{"channels": 2, "latent": 2, **more, **o})


def reconstructed(**more):
    """A game of solids given their kinds."""
    data = simulacra.load_data("solids", **more)
    return simulacra.VoxelGAN(data.space, data.condition or Categorical((), 4), channels=2, latent=2)


NEXT, VOXELS = "models/adversarial/frames/next_frame.py", "models/adversarial/frames/voxel_gan.py"
# file of the source, words of the sentence, what is refused
OF_FRAMES = (
    (NEXT, "needs the frames before each frame", frames),
    (NEXT, "needs frames like x", lambda **o: frames(Levels((4, 8, 8), 9), **o)),
    (NEXT, "frames of a film have one size", lambda **o: frames(Levels((4, 8, 7), 17), **o)),
    (NEXT, "scales is {}", next_frame(scales=9)),
    (NEXT, "the weights of the terms", next_frame(adversarial=0.0, error=0.0, gdl=0.0)),
    (VOXELS, "finds a solid from a picture", reconstructed),
    (VOXELS, "but this weight is a number", solids(adversarial=0.0)),
    (VOXELS, "halvings is {}", solids(halvings=9)),
)
