"""Feature extractors: trained on the training rows alone, the same again, kept, named."""

import logging

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.rows import points
from simulacra.evaluation.samples.extractor import digest_of, extractor_for, recipe_digest
from simulacra.evaluation.samples.feature_net import FeatureNet, Plan, plan_for

pytestmark = pytest.mark.system("G15")


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("extractors")


@pytest.fixture(scope="module")
def classifier(digits, folder):
    return extractor_for(digits, folder=folder)


def unlabelled(n=600, d=37, seed=1):
    """Rows near a plane of five dimensions."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 5, generator=generator) @ torch.randn(5, d, generator=generator)
    return from_tensors(x + 0.1 * torch.randn(n, d, generator=generator), simulacra.Real((d,)), name="plane")


def test_a_classifier_knows_held_out_digits(digits, classifier):
    rows = points(digits.preprocessing, digits.test.x)
    features = classifier.features(rows)
    assert features.shape == (180, 64) and features.dtype == torch.float64 and bool((features >= 0).all())
    p = classifier.probabilities(features)
    assert torch.allclose(p.sum(1), torch.ones(180).double())
    right = float((p.argmax(1) == digits.test.labels).double().mean())
    said = float(classifier.label.split()[-2].rstrip("%")) / 100
    assert right > 0.9 and abs(right - said) < 0.07
    assert classifier.label.startswith(f"classifier of digits {classifier.digest[:4]}, 64 features, ")


def test_it_is_trained_once_and_the_same_anywhere(digits, classifier, folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, "simulacra")
    before = torch.get_rng_state()
    again = extractor_for(digits, folder=folder)
    assert not caplog.records and again.label == classifier.label and again.digest == classifier.digest
    anew = extractor_for(digits, folder=tmp_path)
    assert "training a classifier on the training rows of digits" in caplog.text
    assert anew.digest == classifier.digest and anew.label == classifier.label
    assert torch.equal(torch.get_rng_state(), before)
    assert extractor_for(digits, classifier.path).digest == classifier.digest


def test_other_rows_labels_seeds_and_preparations_are_other_extractors(digits):
    plan = plan_for(digits)
    binary = simulacra.load_data("digits", binarize="threshold")
    other = simulacra.load_data("digits", seed=1)
    digests = {recipe_digest(data, plan, 0) for data in (digits, binary, other)}
    assert len({*digests, recipe_digest(digits, plan, 1), recipe_digest(digits, plan_for(binary), 0)}) == 4
    relabelled = simulacra.load_data("digits")
    relabelled.train.labels = relabelled.train.labels.flip(0)
    assert recipe_digest(relabelled, plan, 0) not in digests


def test_without_labels_an_autoencoder_finds_the_plane(tmp_path):
    found = extractor_for(unlabelled(), folder=tmp_path)
    assert found.label.startswith("autoencoder of plane") and found.probabilities(torch.zeros(1, 18)) is None
    assert float(found.label.split("features, ")[1].split("%")[0]) > 90
    assert found.features(torch.randn(3, 37)).shape == (3, 18)


def test_few_entries_are_their_own_features_standardized(tmp_path):
    data = from_tensors(
        torch.tensor([3.0, -1.0]) + torch.randn(500, 2) * torch.tensor([5.0, 0.1]), simulacra.Real((2,))
    )
    found = extractor_for(data, folder=tmp_path)
    features = found.features(data.train.x)
    assert features.mean(0).abs().max() < 0.1 and (features.std(0) - 1).abs().max() < 0.1
    assert not list(tmp_path.iterdir()) and "2 entries themselves" in found.label


@pytest.mark.parametrize("shape", [(1, 17, 19), (3, 16, 16), (37,), (2, 5)])
@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_networks_for_every_shape(shape, kind):
    net = FeatureNet(Plan(kind, shape, 3 if kind == "classifier" else 0, 11))
    x = Rng(0, rows=range(4)).normal("x", *shape)
    net.fit_scale(x)
    labels = torch.tensor([0, 1, 2, 0]) if kind == "classifier" else None
    assert net(x).shape == (4, 11) and net.losses(x, labels).shape == (4,)
    net.losses(x, labels).sum().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())


def test_a_damaged_file_is_trained_again_or_refused(digits, classifier, tmp_path, caplog):
    path = tmp_path / classifier.path.name
    path.write_bytes(classifier.path.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged"):
        extractor_for(digits, path)
    assert extractor_for(digits, folder=tmp_path).digest == classifier.digest
    assert "trained again" in caplog.text and path.stat().st_size > 500
    model = tmp_path / "model.safetensors"
    simulacra.PPCA(simulacra.Real((3,)), latent=1).save(model)
    with pytest.raises(ValueError, match="holds no feature extractor"):
        extractor_for(digits, model)


def test_any_module_or_torchscript_file(digits, tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    found = extractor_for(digits, net)
    rows = points(digits.preprocessing, digits.test.x)
    assert torch.allclose(found.features(rows), net(rows).double(), atol=1e-6) and net.training
    assert found.label == f"Sequential {digest_of(net)[:4]}" and found.probabilities(rows) is None
    with torch.no_grad():
        net[1].bias += 1
    assert digest_of(net) != found.digest
    torch.jit.save(torch.jit.trace(net, rows[:1]), tmp_path / "net.pt")
    script = extractor_for(digits, tmp_path / "net.pt")
    assert torch.allclose(script.features(rows), net(rows).double(), atol=1e-6)
    assert script.label == f"net.pt {script.digest[:4]}"


def test_bad_extractors_get_a_sentence(digits, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        extractor_for(digits, tmp_path / "nowhere.pt")
    (tmp_path / "text.pt").write_text("no network")
    with pytest.raises(ValueError, match="no TorchScript file"):
        extractor_for(digits, tmp_path / "text.pt")
    rows = points(digits.preprocessing, digits.test.x)
    with pytest.raises(ValueError, match=r"does not take rows of shape \(180, 1, 8, 8\)"):
        extractor_for(digits, nn.Linear(9, 2)).features(rows)
    with pytest.raises(ValueError, match="are not finite"):
        extractor_for(digits, nn.Threshold(9.0, float("nan"))).features(rows)
    with pytest.raises(ValueError, match="one row of features for each row"):
        extractor_for(digits, nn.Flatten(0)).features(rows)
