"""Codes of digits: neighbours agree on labels, and the map shows them where they are."""

import numpy as np
import pytest
import torch

import simulacra
from simulacra.exploration.latent.embedding import Embedding, embed, knn_accuracy
from simulacra.exploration.latent.manifold import latent_grid, manifold, principal_plane
from simulacra.exploration.latent.map import latent_map
from simulacra.exploration.rendering.figure import render


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits")


@pytest.fixture(scope="module")
def pca(digits, tmp_path_factory):
    return simulacra.fit(
        simulacra.PCA(digits.space, latent=2), digits, out=tmp_path_factory.mktemp("pca")
    ).model


@pytest.mark.system("E20")
def test_two_dimensional_codes_of_digits_beat_chance_four_times(digits, pca):
    found = embed(pca, digits.test)
    chance = float(found.labels.bincount().max()) / len(found.labels)
    accuracy = knn_accuracy(found.codes, found.labels, k=5)
    assert accuracy > 4 * 0.1 and accuracy > 3 * chance
    shuffled = found.labels[torch.randperm(len(found.labels), generator=torch.Generator().manual_seed(0))]
    assert knn_accuracy(found.codes, shuffled, k=5) < 0.2


@pytest.mark.system("E20")
@pytest.mark.parametrize("k", [1, 4, 7])
def test_accuracy_is_that_of_leave_one_out(k):
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    generator = torch.Generator().manual_seed(k)
    codes = torch.randn(60, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (60,), generator=generator)
    classifier = KNeighborsClassifier(k)
    predicted = cross_val_predict(classifier, codes.numpy(), labels.numpy(), cv=LeaveOneOut())
    assert knn_accuracy(codes, labels, k) == float(np.mean(predicted == labels.numpy()))


@pytest.mark.system("E20")
def test_the_joint_map_puts_codes_at_their_ranks_on_the_lattice(digits, pca):
    found = embed(pca, digits.test, limit=40)
    plane = principal_plane(found.codes)
    lattice = manifold(pca, 4, plane=plane)
    figure = render(latent_map(found, digits.label_names, plane, digits.space, lattice))
    encoder, decoder, both = figure.axes
    shown = lambda axes: np.concatenate([c.get_offsets() for c in axes.collections])
    by_label = torch.cat([found.codes[found.labels == k] for k in found.labels.unique()])
    assert np.allclose(shown(encoder), by_label)
    ranks = torch.special.ndtr((by_label - plane.centre) / plane.scale)
    assert np.allclose(shown(both), ranks)
    # the lattice's own codes lie in the middles of its cells
    middles = torch.special.ndtr(plane.coordinates(plane.codes(latent_grid(4))))
    assert torch.allclose(middles[:4, 0], torch.tensor([0.125, 0.375, 0.625, 0.875], dtype=torch.float64))
    assert len(decoder.images) == 1 and len(both.images) == 1
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [str(k) for k in range(10)]


def test_larger_codes_are_shown_along_principal_directions():
    codes = torch.randn(200, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    codes[:, 3] *= 5
    flat = Embedding(codes, None).flat
    assert flat.shape == (200, 2)
    correlation = np.corrcoef(flat[:, 0].numpy(), codes[:, 3].numpy())[0, 1]
    assert abs(correlation) > 0.99


def test_bad_input():
    with pytest.raises(ValueError, match="give one for each"):
        knn_accuracy(torch.zeros(3, 1), None)
    with pytest.raises(ValueError, match="1 to 2 neighbours"):
        knn_accuracy(torch.zeros(3, 1), torch.zeros(3), k=3)
