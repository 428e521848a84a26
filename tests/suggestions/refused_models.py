"""Arguments that models refuse, with a way out."""

import tempfile

import torch

import simulacra
from simulacra import Binary, Categorical, Real, Tokens

BITS = simulacra.from_tensors(torch.arange(240).view(40, 6) % 7 % 2, Binary((6,)))
CLASS = Categorical((), 3)
TEXTS = Tokens((4,), 3, ("<end>", "a", "b"))


def memorized(**more):
    """The training of a memorizer with fewer codes than rows."""
    model = simulacra.Memorizer(BITS.space, **{"codes": "one-hot", "rows": 3, "hidden": (2,), **more})
    return simulacra.fit(model, BITS, epochs=1, progress=False, doctor=False)


def distilled(**more):
    """A consistency model whose teacher always saw its condition."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/teacher.safetensors"
        simulacra.FlowMatching(Real((2,)), CLASS, hidden=(3,), drop=0.0).save(path)
        return simulacra.Consistency(Real((2,)), CLASS, teacher=path, **more).teacher()


# file of the source, words of the sentence, what is refused
OF_MODELS = (
    (
        "models/autoencoders/memorizer.py",
        "but a memorizer has at least one",
        lambda **o: simulacra.Memorizer(Real((4,)), **{"rows": 0, **o}),
    ),
    (
        "models/autoencoders/memorizer.py",
        "training rows, but the memorizer has",
        lambda **o: memorized(**o),
    ),
    (
        "models/boltzmann/recurrent/recurrent_rbm.py",
        "for every frame",
        lambda **o: simulacra.RNNRBM(
            simulacra.Sequence((5, 40), Binary((40,))), **{"hidden": 40, "estimator": "exact", **o}
        ),
    ),
    (
        "models/boltzmann/restricted/grouped_rbm.py",
        "from p(y|v) alone",
        lambda **o: simulacra.GroupedRBM(Binary((6,)), CLASS, **{"objective": "discriminative", **o}),
    ),
    (
        "models/boltzmann/machine/learning.py",
        "chains persist for one law",
        lambda **o: simulacra.RBM(Binary((6,)), CLASS, **{"hidden": 3, "estimator": "pcd", **o}),
    ),
    (
        "models/boltzmann/machine/learning.py",
        "take {}, whose chains begin at the data",
        lambda **o: simulacra.RBM(Binary((40,)), **{"hidden": 40, "estimator": "exact", **o}),
    ),
    (
        "models/boltzmann/pairwise/unrolled.py",
        "a grid needs images of one channel",
        lambda **o: simulacra.UnrolledMRF(Binary((9,)), **{"edges": "grid", **o}),
    ),
    (
        "models/moments/abc.py",
        "but the regression on {} summaries",
        lambda **o: simulacra.ABC(Real((3,)), **{"simulations": 50, **o}),
    ),
    (
        "models/moments/abc.py",
        "cannot be moved to other moments",
        lambda **o: simulacra.ABC(Binary((3,)), **{"corrected": True, **o}),
    ),
    (
        "models/moments/simulators.py",
        ", but the space is",
        lambda **o: simulacra.ABC(Binary((3,)), **{"simulator": "normal", **o}),
    ),
    (
        "models/beliefs/estimators/choice.py",
        "draws or more: take {}",
        lambda **o: simulacra.BeliefNet(BITS.space, **{"estimator": "leave-one-out", "k": 1, **o}),
    ),
    (
        "models/beliefs/estimators/choice.py",
        "needs independent units: take {}",
        lambda **o: simulacra.BeliefNet(
            BITS.space, **{"estimator": "straight-through", "recognition": "darn", **o}
        ),
    ),
    (
        "models/beliefs/stacks/generative.py",
        "but the space is {}: take {}",
        lambda **o: simulacra.DARN(Real((4,)), **{"visible": "nade", **o}),
    ),
    (
        "models/chains/energy_net.py",
        "hidden layers is linear: use {}",
        lambda **o: simulacra.NeuralEBM(Real((3,)), **{"hidden": (), **o}),
    ),
    (
        "models/chains/energy_net.py",
        "learns the curvature of the energy",
        lambda **o: simulacra.NeuralEBM(Real((3,)), **{"activation": "relu", **o}),
    ),
    (
        "models/chains/gsn.py",
        "a standard deviation is at least 0: use {}",
        lambda **o: simulacra.GSN(BITS.space, **{"noise": -1.0, **o}),
    ),
    (
        "models/chains/discriminant_gsn.py",
        "a label is replaced with a probability above 0 and up to 1",
        lambda **o: simulacra.DiscriminantGSN(Real((3,)), CLASS, **{"replaced": 0.0, **o}),
    ),
    (
        "models/autoencoders/contractive.py",
        "a standard deviation is finite and at least 0: use {}",
        lambda **o: simulacra.ContractiveAutoencoder(Real((3,)), **{"noise": -1.0, **o}),
    ),
    (
        "models/autoencoders/contractive.py",
        "a walk takes at least one step: use {}",
        lambda **o: simulacra.ContractiveAutoencoder(Real((3,)), **{"burn_in": 0, **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "needs 0/1 or levels, but the space is {}: use {}",
        lambda **o: simulacra.DeepAutoencoder(Real((3,)), **{"error": "cross-entropy", **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "has at least one layer, each of at least one",
        lambda **o: simulacra.DeepAutoencoder(BITS.space, **{"layers": (5, 0), **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "layers to train first: use {}",
        lambda **o: simulacra.DeepAutoencoder(BITS.space, **{"layers": (5, 2), "pretrain": 3, **o}),
    ),
    (
        "models/diffusion/given.py",
        "a share of rows lies in [0, 1): take {}",
        lambda **o: simulacra.DDPM(Real((3,)), CLASS, **{"drop": 1.5, **o}),
    ),
    (
        "models/diffusion/steps/completion.py",
        "a completion draws each step at least once: take {}",
        lambda **o: simulacra.DDPM(Real((3,)), **{"resamples": 0, **o}),
    ),
    (
        "models/diffusion/inversion.py",
        "a diffusion has at least two steps: take {}",
        lambda **o: simulacra.Diffusion(BITS.space, **{"T": 1, **o}),
    ),
    (
        "models/diffusion/masked/model.py",
        "a masked diffusion has at least one step: take {}",
        lambda **o: simulacra.MaskedDiffusion(BITS.space, **{"T": 0, **o}),
    ),
    (
        "models/diffusion/flow_matching.py",
        "a draw takes at least one: take {}",
        lambda **o: simulacra.FlowMatching(Real((3,)), **{"steps": 0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "a way has at least two steps: take {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"levels": 1, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "but there is no condition: give {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"guidance": 2.0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "the teacher always saw its condition: give {}",
        lambda **o: distilled(**{"guidance": 2.0, **o}),
    ),
    (
        "models/flows/flow.py",
        "but a flow has at least one: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"layers": 0, **o}),
    ),
    (
        "models/flows/flow.py",
        "a layer has at least one unit: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"hidden": (0,), **o}),
    ),
    (
        "models/flows/flow.py",
        "has one: take {}",
        lambda **o: simulacra.Flow(Real((1,)), **{"kind": "nice", **o}),
    ),
    (
        "models/flows/flow.py",
        "only from 2 couplings on: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"kind": "nice", "layers": 1, **o}),
    ),
    (
        "nets/sequences/transformer.py",
        "but a transformer has at least one: take {}",
        lambda **o: simulacra.Transformer(BITS.space, **{"layers": 0, **o}),
    ),
    (
        "nets/sequences/transformer.py",
        "do not share evenly: take {}",
        lambda **o: simulacra.Transformer(BITS.space, **{"width": 9, "heads": 4, **o}),
    ),
    (
        "models/variational/texts/sentence_vae.py",
        "but a sentence VAE has at least one: take {}",
        lambda **o: simulacra.SentenceVAE(TEXTS, **{"hidden": 0, **o}),
    ),
    (
        "models/variational/texts/sentence_vae.py",
        "but it is a probability: take {}",
        lambda **o: simulacra.SentenceVAE(TEXTS, **{"hidden": 3, "word_dropout": -1.0, **o}),
    ),
    (
        "models/variational/texts/chemical_vae.py",
        "but a loss weighs more than 0: take {}",
        lambda **o: simulacra.ChemicalVAE(TEXTS, Real(()), **{"hidden": 3, "property_weight": 0.0, **o}),
    ),
    (
        "models/variational/parts/weighed_kl.py",
        "but a KL is never negative: take {}",
        lambda **o: simulacra.SentenceVAE(TEXTS, **{"hidden": 3, "free_bits": -1.0, **o}),
    ),
    (
        "models/beliefs/bidirectional.py",
        "differences between draws: take {}",
        lambda **o: simulacra.BiHM(BITS.space, **{"k": 1, **o}),
    ),
    (
        "models/beliefs/bidirectional.py",
        "one of 1 or more: take {}",
        lambda **o: simulacra.BiHM(BITS.space, **{"proposals": 0, **o}),
    ),
    (
        "models/beliefs/mean_field.py",
        "one sweep or more: take {}",
        lambda **o: simulacra.MeanFieldSBN(BITS.space, **{"steps": 0, **o}),
    ),
    (
        "models/variational/quantized/settings.py",
        "but a VQ-VAE needs at least",
        lambda **o: simulacra.VQVAE(BITS.space, **{"codebook": 1, **o}),
    ),
    (
        "models/variational/quantized/settings.py",
        "but it weighs a squared distance: take {}",
        lambda **o: simulacra.VQVAE(BITS.space, **{"beta": -1.0, **o}),
    ),
    (
        "models/variational/quantized/settings.py",
        "but it lies in [0, 1): take {}",
        lambda **o: simulacra.VQVAE(BITS.space, **{"decay": 1.0, **o}),
    ),
    (
        "models/variational/quantized/coders.py",
        "has a code for each place of its map",
        lambda **o: simulacra.VQVAE(Binary((1, 5, 5)), **{"net": "conv", "codes": 3, **o}),
    ),
)
