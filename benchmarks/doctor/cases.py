"""The cases: models with one known defect, and healthy models."""

from __future__ import annotations

import torch

from benchmarks import doctor_models as m
from benchmarks.doctor import denoisers, diffusions, laws, learned, lengths, samplers, tables
from benchmarks.doctor.case import Case, Subject
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset

IGNORED, FROZEN, REPEATED = "ignored condition", "frozen part", "repeated rows"
COPIES, COLUMNS, PAIRS, MODES = "memorization", "lost columns", "lost dependences", "missing modes"
COLLAPSE, WORSE, EXPLODED = "posterior collapse", "reconstructions", "exploding weights"
SPIKE, TERMS, DEAD = "unbounded density", "terms of the loss", "dead hidden units"
# findings that are correct for codes unused after a short training, and for slightly different samplers
BRIEF = "training length"  # of fewer than 300 steps
YOUNG = (
    COLLAPSE,
    "unused units",
    "aggregate posterior",
    "samples",
    "blurry decoder",
    COLUMNS,
    PAIRS,
    DEAD,
    BRIEF,
)

GAME = ("samples", MODES, COLUMNS, PAIRS, "discriminator", "mode collapse")


def of_truth(name: str, change=None):
    """Returns a maker of samplers of fresh rows, unchanged or changed.

    Args:
        name: name of the distribution.
        change: applied to the fresh rows; None: unchanged.
    """

    def make(seed: int) -> Subject:
        data = laws.data_of(name, seed)
        return Subject(samplers.truth(name, data, seed, change), data)

    return make


def copying(name: str, share: float, noise: float = 0.0, drift: float = 0.0):
    """Returns a maker of samplers of which a share of the rows are training rows.

    Args:
        name: name of the distribution.
        share: share of the rows that are copies.
        noise: standard deviation of noise that is added to copies.
        drift: shift of the test rows, in standard deviations.
    """

    def make(seed: int) -> Subject:
        data = laws.drifted(name, drift, seed) if drift else laws.data_of(name, seed)
        return Subject(samplers.copier(name, data, seed, share, noise), data)

    return make


def drifting(name: str, by: float, change=None):
    """Returns a maker of samplers of the training distribution, with held-out rows that have drifted.

    Args:
        name: name of the distribution.
        by: shift of the test rows, in standard deviations.
        change: applied to the fresh rows; None: unchanged.
    """

    def make(seed: int) -> Subject:
        data = laws.drifted(name, by, seed)
        return Subject(samplers.truth(name, data, seed, change), data)

    return make


def labelled_sampler(listens: bool, random: bool = False):
    """Returns a maker of samplers of clusters, of the requested class or of any.

    Args:
        listens: if True, the condition is used.
        random: if True, the labels are random in all splits.
    """

    def make(seed: int) -> Subject:
        data = laws.labelled(seed, random=random)
        rows, labels = laws.clusters(4000, 70 + seed), laws.corner(4000, 70 + seed)
        model = samplers.LabelledSampler(data.space, data.condition, rows, labels, listens)
        model.preprocessing = data.preprocessing
        return Subject(model, data)

    return make


def of_ring(model: Model) -> Subject:
    """Returns a GAN with the ring as its data."""
    model.preprocessing = m.toy("ring").preprocessing
    return Subject(model.eval(), m.toy("ring"))


def moved_vae(seed: int) -> Subject:
    """Returns a VAE whose encoder was shifted."""
    return Subject(m.moved(m.vae(seed), 3.0), m.bits())


def chains(w: float, seed: int) -> Subject:
    """Returns an RBM with two modes and couplings `w`.

    Args:
        w: all couplings; with larger ones the chains mix more slowly.
        seed: unused: the machine has fixed weights.
    """
    data = m.toy("bars-and-stripes")
    model = m.ferromagnet(data, w)
    model.preprocessing = data.preprocessing
    return Subject(model, data)


def independent_bits(seed: int) -> Subject:
    """Returns a sampler of independent pixels with the mean image of digits."""
    data: Dataset = m.cut()
    mean = data.train.x.double().mean(0)
    u = torch.rand(3000, *mean.shape, generator=torch.Generator().manual_seed(seed))
    model = samplers.Sampler(data.space, (u < mean).to(data.train.x.dtype))
    model.preprocessing = data.preprocessing
    return Subject(model, data)


TRAINED = ("epochs", "train")
SICK = (
    Case("conditional VAE, labels shuffled", lambda s: learned.conditional("vae", s, True), (IGNORED,)),
    Case("conditional MADE, labels shuffled", lambda s: learned.conditional("made", s, True), (IGNORED,)),
    Case(
        "conditional MADE of digits, labels shuffled",
        lambda s: learned.conditional("made of digits", s, True),
        (IGNORED,),
    ),
    Case("conditional GAN, labels shuffled", lambda s: learned.conditional("gan", s, True), (IGNORED,)),
    Case("sampler that ignores its condition", labelled_sampler(False), (IGNORED,)),
    Case(
        "encoder in no update",
        lambda s: learned.part_trained(m.bits(), s, "encoder"),
        (FROZEN,),
    ),
    Case(
        "encoder as it began, by its weights",
        lambda s: learned.part_trained(m.bits(), s, "encoder", told=False),
        (FROZEN,),
    ),
    Case(
        "middle layer of the decoder as it began, by its weights",
        lambda s: learned.part_trained(m.bits(), s, "decoder.body.2", told=False),
        (FROZEN,),
    ),
    Case(
        "PPCA, each row three times", lambda s: learned.ppca(laws.repeated("correlated", s), s), (REPEATED,)
    ),
    Case(
        "MADE, each row three times", lambda s: learned.made(laws.repeated("chained_bits", s), s), (REPEATED,)
    ),
    Case(
        "VAE, one positive column constant",
        lambda s: learned.vae(laws.data_of("constant_positive", s), s),
        (SPIKE,),
    ),
    Case(
        "VAE of a table, its positive column constant",
        lambda s: learned.vae(tables.table(s, constant=True), s),
        (SPIKE,),
    ),
    Case("1 % exact copies", copying("correlated", 0.01), (COPIES,)),
    Case("5 % exact copies", copying("correlated", 0.05), (COPIES,)),
    Case("all exact copies", copying("correlated", 1.0), (COPIES,)),
    Case("1 % exact copies of positive rows", copying("positive", 0.01), (COPIES,)),
    Case("all copies with little noise", copying("correlated", 1.0, noise=0.05), (COPIES,)),
    Case("all copies of bits", copying("chained_bits", 1.0), (COPIES,)),
    Case("all exact copies beside drift", copying("correlated", 1.0, drift=1.0), (COPIES,)),
    Case("all copies with little noise beside drift", copying("correlated", 1.0, 0.05, 1.0), (COPIES,)),
    Case(
        "collapse after two steps",
        lambda s: learned.vae(m.bits(), s, epochs=0.18, latent=4),
        (COLLAPSE,),
        mends=TRAINED,
        never=("kl_warmup",),
    ),
    Case("collapse after training", learned.collapsed, (COLLAPSE,), mends=("kl_warmup",)),
    Case("decoder backwards", learned.backwards, (WORSE,)),
    Case("reconstructions too bright", learned.off_the_mean, (WORSE,)),
    Case("each column drawn alone", of_truth("correlated", samplers.each_alone), (PAIRS,)),
    Case("each bit drawn alone", of_truth("chained_bits", samplers.each_alone), (PAIRS,)),
    Case("each pixel of digits drawn alone", independent_bits, (PAIRS,)),
    Case("one column at its mean", of_truth("correlated", samplers.at_the_mean), (COLUMNS,)),
    Case("half as spread", of_truth("correlated", samplers.towards_the_mean), (COLUMNS, "samples")),
    Case("one cluster of four lost", of_truth("clusters", samplers.without_corner), (MODES, COLUMNS, PAIRS)),
    Case("RNADE of half the ring", learned.right_half, (MODES,)),
    Case("GAN of one point", lambda s: of_ring(m.shrunk(s)), ("mode collapse",)),
    Case("D beaten by nobody", lambda s: of_ring(m.beaten(s)), ("vanishing gradient", "discriminator")),
    Case("D that sees nothing", lambda s: of_ring(m.blind(s)), ("discriminator",)),
    Case("rectifiers off", learned.half_off, ("dead hidden units",)),
    Case("a layer times 100,000", lambda s: learned.exploded(s, 1e5), (EXPLODED, TERMS)),
    Case("a layer not finite", lambda s: learned.exploded(s, float("inf")), (EXPLODED, TERMS)),
    Case("MADE of 100 digits, 150 epochs", lambda s: learned.few_digits(s, 100, 150), ("overfitting",)),
    Case("encoder moved", moved_vae, ("importance samples", "aggregate posterior")),
    Case("chains between two far modes", lambda s: chains(1.0, s), ("mixing of chains",)),
    Case("DDPM whose noise stops early", diffusions.stopped_early, ("signal left",)),
    Case("DDPM with four times the variance", diffusions.wide, ("variance of steps",)),
    Case("DDPM without an average of weights", diffusions.without_average, ("average of weights",)),
    Case(
        "denoiser of little noise with a code of two numbers",
        lambda s: denoisers.denoiser(m.cut(), s, "salt:0.02", latent=2, epochs=5),
        ("denoising",),
    ),
    Case("GSN with too little noise to leave an image", denoisers.stuck, ("mixing of chains",)),
    Case(
        "energy with tiny moves between four modes",
        lambda s: denoisers.energy("clusters", s, leapfrog=1, step_size=0.02),
        ("mixing of chains",),
    ),
    Case(
        "PPCA of levels as reals",
        lambda s: learned.ppca(m.rounded(), s, 8),
        ("density on discrete data",),
    ),
    *lengths.SICK,
)

HEALTHY = (
    *(
        Case(f"fresh rows of {name}", of_truth(name))
        for name in ("correlated", "heavy", "positive", "few_bits", "sparse_bits", "chained_bits")
    ),
    *(Case(f"fresh rows of {name}", of_truth(name)) for name in ("few_levels", "clusters", "rounded")),
    *(
        Case(f"fresh rows of {name} beside drift of {by:g}", drifting(name, by))
        for name, by in (("correlated", 0.3), ("correlated", 1.0), ("positive", 1.0), ("heavy", 0.5))
    ),
    Case(
        "no variety, beside drift",
        drifting("correlated", 1.0, samplers.towards_the_mean),
        # it copies nothing, but lacks variety
        beside=(COLUMNS, "samples", MODES, f"note {COPIES}"),
    ),
    Case("sampler that heeds its condition", labelled_sampler(True)),
    Case("sampler, condition without meaning", labelled_sampler(False, random=True)),
    # the class determines x up to noise, so that the code has nothing to add
    Case(
        "conditional VAE",
        lambda s: learned.conditional("vae", s, False),
        beside=("unused units", COLLAPSE),
    ),
    Case("conditional MADE", lambda s: learned.conditional("made", s, False)),
    Case(
        "conditional MADE of digits",
        lambda s: learned.conditional("made of digits", s, False),
        beside=(BRIEF,),
    ),
    # a small GAN loses parts of the data, but uses the class
    Case("conditional GAN", lambda s: learned.conditional("gan", s, False), beside=GAME),
    Case(
        "conditional VAE, labels without meaning",
        lambda s: learned.vae(laws.labelled(s, random=True), s, 100),
        # it also draws rows between the clusters
        beside=("unused units", f"note {COLUMNS}"),
    ),
    Case("PPCA", lambda s: learned.ppca(laws.data_of("correlated", s), s)),
    Case("PPCA of 60 rows", lambda s: learned.ppca(laws.data_of("correlated", s, 60), s)),
    Case("PPCA of a sorted file", lambda s: learned.ppca(laws.sorted_by_first("correlated", s), s)),
    Case(
        "PPCA beside drift",
        lambda s: learned.ppca(laws.drifted("correlated", 1.0, s), s),
        beside=("overfitting",),
    ),
    Case("Tabular of a table", lambda s: learned.tabular(tables.table(s), s)),
    Case("Tabular of a table of 80 rows", lambda s: learned.tabular(tables.table(s, 80), s), beside=YOUNG),
    Case(
        "VAE of two factors",
        lambda s: learned.vae(laws.data_of("correlated", s), s, epochs=40),
    ),
    Case("VAE of positive rows", lambda s: learned.vae(laws.data_of("positive", s), s), beside=YOUNG),
    # nearly half of its ReLUs are constant over rows, as are those of two MADEs below
    Case("VAE of digits", lambda s: Subject(m.vae(s), m.bits()), beside=(DEAD,)),
    Case(
        "VAE of digits, one epoch",
        lambda s: learned.vae(m.bits(), s, epochs=1, latent=4),
        beside=YOUNG,
    ),
    Case("MADE of digits", lambda s: learned.few_digits(s, 1400, 15)),
    Case("MADE of digits, one epoch", lambda s: learned.few_digits(s, 1400, 1), beside=YOUNG),
    Case("MADE of six bits", lambda s: learned.made(laws.data_of("few_bits", s), s, 60), beside=(DEAD,)),
    Case("MADE of sparse bits", lambda s: learned.made(laws.data_of("sparse_bits", s), s, 60)),
    Case("MADE of levels", lambda s: learned.made(laws.data_of("few_levels", s), s, 60), beside=(DEAD,)),
    Case("RBM of six bits", lambda s: learned.rbm(laws.data_of("few_bits", s), s)),
    Case("RBM that mixes, made by hand", lambda s: chains(0.1, s), beside=(PAIRS,)),
    Case("autoencoder", lambda s: learned.autoencoder(laws.data_of("correlated", s), s), beside=(BRIEF,)),
    Case("denoiser of digits", lambda s: denoisers.denoiser(m.cut(), s, "salt:0.2"), beside=(DEAD, BRIEF)),
    Case(
        "denoiser of real rows",
        lambda s: denoisers.denoiser(laws.data_of("correlated", s), s, "gaussian:1"),
        beside=(BRIEF,),
    ),
    Case("GSN of six bits", lambda s: denoisers.gsn("few_bits", s), beside=YOUNG),
    Case("energy of two factors", lambda s: denoisers.energy("correlated", s, 30), beside=YOUNG),
    Case("RNADE of the ring", learned.ring_rnade),
    Case("DDPM", diffusions.well),
    *(
        Case(f"diffusion of {name}", lambda s, n=name: diffusions.of_law(n, s))
        for name in ("clusters", "few_bits")
    ),
    Case("GAN of the ring", lambda s: of_ring(m.gan(s)), beside=GAME),
    *lengths.HEALTHY,
)
CASES = (*SICK, *HEALTHY)
assert len({case.name for case in CASES}) == len(CASES)
