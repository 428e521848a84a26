"""A classifier slid over a larger image: each entry of the map is the classifier on that crop."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from simulacra.nets.adversarial.dense import DenseMap

NETS = {
    # OverFeat's figure 5: 14 pixels give 1 x 1, 16 give 2 x 2
    "figure 5": (
        (3, 14, 14),
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(4 * 5 * 5, 6), nn.ReLU(), nn.Linear(6, 4)),
        ),
    ),
    "strides": (
        (2, 11, 13),
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, (3, 4), stride=(2, 3)),
            nn.Tanh(),
            nn.AvgPool2d((3, 2), stride=(1, 2)),
            nn.Conv2d(5, 7, 2, dilation=(2, 1)),
            nn.ELU(),
            nn.Flatten(),
            nn.Linear(7 * 1 * 1, 9),
            nn.Softplus(),
            nn.Linear(9, 3),
        ),
    ),
    "remainders": (
        (1, 8, 9),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3)),
            *(nn.Flatten(), nn.Linear(5 * 3 * 3, 7), nn.LeakyReLU()),
            *(nn.Linear(7, 7), nn.Tanh(), nn.Linear(7, 4)),
        ),
    ),
}


def crops(x, crop, stride):
    """The crops at all places, and their places."""
    _, h, w = crop
    for i in range(0, x.shape[2] - h + 1, stride[0]):
        for j in range(0, x.shape[3] - w + 1, stride[1]):
            yield i // stride[0], j // stride[1], x[:, :, i : i + h, j : j + w]


@pytest.mark.system("I14")
@pytest.mark.parametrize("larger", [(0, 0), (2, 2), (5, 3), (13, 22)])
@pytest.mark.parametrize("name", NETS)
def test_an_entry_is_the_classifier_on_the_crop(name, larger, float64):
    (C, H, W), build = NETS[name]
    net = build().eval()
    for module in net:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    dense = DenseMap(net, (C, H, W)).eval()
    x = torch.randn(3, C, H + larger[0], W + larger[1])
    found, places = dense(x), 0
    for i, j, crop in crops(x, (C, H, W), dense.stride):
        assert torch.allclose(found[:, :, i, j], net(crop), rtol=0, atol=1e-12)
        places += 1
    assert found.shape[2] * found.shape[3] == places


@pytest.mark.system("I14")
def test_maps_of_1x1_and_2x2_as_in_the_lecture(float64):
    crop, build = NETS["figure 5"]
    dense = DenseMap(build(), crop)
    sides = {n: tuple(dense(torch.zeros(1, 3, n, n)).shape[2:]) for n in (14, 15, 16, 17, 18)}
    assert sides == {14: (1, 1), 15: (1, 1), 16: (2, 2), 17: (2, 2), 18: (3, 3)}
    assert dense.stride == (2, 2)


@pytest.mark.system("I14")
def test_learning_on_maps_is_learning_on_crops(float64):
    crop, build = NETS["remainders"]
    net = build().eval()
    dense = DenseMap(net, crop)
    x = torch.randn(2, 1, 10, 13)
    gradients = []
    for loss in (
        lambda: dense(x).square().sum(),
        lambda: sum(net(part).square().sum() for _, _, part in crops(x, crop, dense.stride)),
    ):
        net.zero_grad()
        loss().backward()
        gradients.append([p.grad.clone() for p in net.parameters()])
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(*gradients))


REFUSED = {
    "padding": (
        [nn.Conv2d(1, 3, 3, padding=1), nn.Flatten(), nn.Linear(192, 2)],
        "layer 0 (Conv2d) pads what it sees, so a place within a larger image would differ from the crop "
        "there: take padding=0 and ceil_mode=False.",
    ),
    "features": (
        [nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(100, 2)],
        "layer 2 (Linear) takes 100 features, but a crop of 1x8x8 comes there as 3x6x6.",
    ),
    "kernel": (
        [nn.MaxPool2d(4), nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(3, 2)],
        "layer 1 (Conv2d) has a kernel of 3x3, but a crop of 1x8x8 comes there as 2x2.",
    ),
    "the whole image": (
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)],
        "layer 0 (AdaptiveAvgPool2d) cannot be slid over a larger image: possible are Conv2d, MaxPool2d and "
        "AvgPool2d, then Flatten and Linear, with activations, Dropout and BatchNorm2d between.",
    ),
    "no end": (
        [nn.Conv2d(1, 3, 3), nn.ReLU()],
        "the classifier ends with a map of 3x6x6 for a crop of 1x8x8, but an entry of the output is one "
        "vector: end it with Flatten and Linear.",
    ),
    "a map of one place": (
        [nn.Conv2d(1, 3, 8)],
        "the classifier ends with a map of 3x1x1 for a crop of 1x8x8, but an entry of the output is one "
        "vector: end it with Flatten and Linear.",
    ),
    "places in the vector": (
        [nn.Conv2d(1, 3, 3), nn.Flatten()],
        "the classifier ends with a map of 3x6x6 for a crop of 1x8x8, but an entry of the output is one "
        "vector: end it with Flatten and Linear.",
    ),
    "half flat": (
        [nn.Conv2d(1, 3, 3), nn.Flatten(start_dim=2), nn.Linear(108, 2)],
        "layer 1 (Flatten) leaves axes of the crop apart, with start_dim=2 and end_dim=-1: take Flatten().",
    ),
    "indices": (
        [nn.MaxPool2d(2, return_indices=True), nn.Flatten(), nn.Linear(16, 2)],
        "layer 0 (MaxPool2d) gives indices next to its values: take return_indices=False.",
    ),
}


@pytest.mark.system("I14")
@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_cannot_slide_are_refused_in_one_sentence(name):
    layers, sentence = REFUSED[name]
    with pytest.raises(ValueError) as refused:
        DenseMap(nn.Sequential(*layers), (1, 8, 8))
    assert str(refused.value) == sentence


@pytest.mark.system("I14")
@pytest.mark.parametrize("shape", [(5, 1, 7, 20), (5, 3, 20, 20)])
def test_images_that_do_not_fit_are_refused_in_one_sentence(shape):
    crop, build = NETS["remainders"]
    with pytest.raises(ValueError) as refused:
        DenseMap(build(), crop)(torch.zeros(shape))
    assert str(refused.value) == (
        f"images have shape {shape}, but the classifier looks at crops of 1x8x9: give (B, 1, H, W) with "
        "sides of at least 8 and 9."
    )
