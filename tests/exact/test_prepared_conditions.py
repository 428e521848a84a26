"""Conditions are prepared by the training rows as x is; scores of x are those given prepared ones."""

import json

import numpy as np
import pytest
import torch

import simulacra
from simulacra import Levels, Real
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine, Dequantize
from simulacra.data.conditions import conditioning_of
from simulacra.evaluation.diagnostics.condition import condition_use
from simulacra.evaluation.likelihood.held_out import likelihood

pytestmark = pytest.mark.fault("wider.d1")

ROWS = 60
FAR = torch.tensor([1e4, -3e4], dtype=torch.float64)
BUILDS = {
    "vae": lambda space, c: simulacra.VAE(space, condition=c, latent=2, hidden=(6,)),
    "made": lambda space, c: simulacra.MADE(space, c, hidden=(12,)),
    "gan": lambda space, c: simulacra.GAN(space, condition=c, latent=2),
    "gaussian-rbm": lambda space, c: simulacra.GaussianRBM(space, condition=c, hidden=4),
    "eonade": lambda space, c: simulacra.EoNADE(space, condition=c, hidden=(6,)),
    "tabular": lambda space, c: simulacra.Tabular(space, condition=c, hidden=(6,)),
}


def rows(offset=FAR, scale=0.5):
    """Rows of three numbers with two numbers each as condition, on which x depends."""
    draw = torch.Generator().manual_seed(3)
    u = torch.randn(ROWS, 2, generator=draw, dtype=torch.float64)
    x = torch.randn(ROWS, 3, generator=draw)
    return x + u.float().sum(1, keepdim=True), offset + scale * u


def fitted(data, build, out, **options):
    model = build(data.space, data.condition)
    return simulacra.fit(model, data, out=out, epochs=2, batch_size=16, least_steps=1, **options)


def by_hand(c, train):
    """Conditions standardized with the mean and the deviation of the training rows."""
    return (c - train.mean(0)) / train.std(0, correction=0)


@pytest.mark.parametrize("name", BUILDS)
def test_conditions_near_ten_thousand_train_as_those_standardized_by_hand(name, tmp_path):
    x, c = rows()
    raw = simulacra.from_tensors(x, Real((3,)), c=c)
    standard = by_hand(c, raw.train.c)
    # the same rows in the same splits, with conditions that nothing changes
    hand = simulacra.from_tensors(x, Real((3,)), c=standard, condition=Preprocessing(Real((2,))))
    runs = [fitted(data, BUILDS[name], tmp_path / str(i)) for i, data in enumerate((raw, hand))]
    kept = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics] for run in runs]
    assert kept[0] == kept[1]
    first, second = (run.model for run in runs)
    for (key, weight), other in zip(first.state_dict().items(), second.state_dict().values()):
        assert torch.equal(weight, other) and bool(weight.isfinite().all()), key
    drawn = first.sample(5, c[:5], seed=1)
    assert torch.equal(drawn, second.sample(5, standard[:5], seed=1))
    assert drawn.abs().max() < 100
    if name != "gan":
        one, other = first.score_samples(x, c, k=3), second.score_samples(x, standard, k=3)
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()
        found, same = (likelihood(run.model, data, "test", k=3) for run, data in zip(runs, (raw, hand)))
        assert torch.equal(found.values, same.values) and found.conditional


def test_the_use_of_a_condition_is_measured_in_the_space_of_the_model(tmp_path):
    x, c = rows(scale=torch.tensor([0.5, 200.0], dtype=torch.float64))
    half = {"valid": 0, "test": 0.5}
    raw = simulacra.from_tensors(x, Real((3,)), c=c, **half)
    plain = Preprocessing(Real((2,)))
    hand = simulacra.from_tensors(x, Real((3,)), c=by_hand(c, raw.train.c), condition=plain, **half)
    runs = [fitted(data, BUILDS["made"], tmp_path / str(i)) for i, data in enumerate((raw, hand))]
    found, same = (condition_use(run.model, data) for run, data in zip(runs, (raw, hand)))
    assert found == same and found is not None


@pytest.mark.parametrize("name", ["vae", "made"])
def test_the_first_loss_is_that_of_the_standardized_condition(name, float64):
    x, c = rows()
    data = simulacra.from_tensors(x.double(), Real((3,)), c=c, valid=0, test=0)
    model = BUILDS[name](data.space, data.condition)
    batch = data.train.all()
    torch.testing.assert_close(batch.c, by_hand(c, c), rtol=1e-9, atol=1e-9)
    (update,) = model.updates()
    loss = sum(update.loss(model, batch, simulacra.Rng(0, "loss", rows=range(ROWS))).loss.values())
    assert bool(loss.isfinite().all()) and loss.abs().max() < 1e3


def test_the_scale_is_that_of_the_training_rows_only():
    x, c = rows()
    data = simulacra.from_tensors(x, Real((3,)), c=c, valid=0.3, test=0.3)
    step = data.conditioning.steps[0]
    torch.testing.assert_close(torch.tensor(step.shift, dtype=torch.float64), data.train.c.mean(0))
    assert not torch.allclose(data.train.c.mean(0), c.mean(0), rtol=0, atol=1e-3)
    for split in data.splits.values():
        torch.testing.assert_close(split.all().c, by_hand(split.c, data.train.c).float())


def test_constant_and_distant_columns_are_safe():
    c = torch.stack([torch.full((8,), 7.0), 1.7e9 + torch.arange(8.0, dtype=torch.float64)], 1)
    chain = conditioning_of(Real((2,)), c)
    made = chain.of_condition(c, "cpu")
    assert made[:, 0].tolist() == [0.0] * 8
    torch.testing.assert_close(made[:, 1], by_hand(c, c)[:, 1].float())


def test_unknown_conditions_do_not_count_towards_the_scale():
    x, c = rows()
    known = torch.arange(ROWS) % 2 == 0
    c[~known] = 0
    data = simulacra.from_tensors(x, Real((3,)), c=c, c_known=known, valid=0, test=0)
    assert data.conditioning.steps[0].shift == pytest.approx(c[known].mean(0).tolist())


def test_what_each_kind_of_condition_gets():
    draw = torch.Generator().manual_seed(0)
    dark = torch.randint(3, 9, (ROWS, 4, 5), generator=draw, dtype=torch.uint8)
    given = {
        "classes": ["cat", "dog"] * (ROWS // 2),
        "numbers": torch.arange(ROWS) % 3,
        "pixels": dark.numpy(),
        "table": {"age": (1e4 + torch.randn(ROWS, generator=draw)).tolist(), "sex": ["f", "m"] * (ROWS // 2)},
    }
    x, _ = rows()
    found = {name: simulacra.from_tensors(x, Real((3,)), c=c).conditioning for name, c in given.items()}
    assert found["classes"].plain and found["classes"].space.names == ("cat", "dog")
    assert found["numbers"].plain and found["numbers"].space == simulacra.Categorical((), 3)
    # levels keep their values; a network sees them by the range that they use
    assert found["pixels"].plain and isinstance(found["pixels"].space, Levels)
    assert 3 < found["pixels"].space.centre < 9
    table = found["table"].steps[-1]
    assert table.kinds == ("shift", "keep") and 9990 < table.shift[0] < 10010


def test_a_preprocessing_of_ones_own_is_kept_and_one_with_noise_is_refused():
    x, c = rows()
    own = Preprocessing(Real((2,)), (Affine((1e4,), (100.0,)),))
    data = simulacra.from_tensors(x, Real((3,)), c=c, condition=own)
    assert data.conditioning == own and data.train.conditioning == own
    pixels = torch.zeros(ROWS, 2, dtype=torch.uint8)
    noisy = Preprocessing(Levels((2,), 256), (Dequantize(256),))
    with pytest.raises(ValueError, match=r"with noise: it must lead to Real.* without noise"):
        simulacra.from_tensors(x, Real((3,)), c=pixels, condition=noisy)


def test_it_is_saved_with_the_model_and_absent_where_nothing_changes(tmp_path):
    x, c = rows()
    data = simulacra.from_tensors(x, Real((3,)), c=c)
    run = fitted(data, BUILDS["made"], tmp_path / "run")
    run.model.save(tmp_path / "one.safetensors")
    run.model.save(tmp_path / "folder")
    for path in ("run", "one.safetensors", "folder"):
        again = simulacra.load(tmp_path / path)
        assert again.conditioning == data.conditioning
        np.testing.assert_array_equal(again.score_samples(x, c), run.model.score_samples(x, c))
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["conditioning"]["steps"][0]["kind"] == "Affine"
    # a configuration from before, or of a model whose condition is a class, has no such entry
    plain = simulacra.MADE(Real((3,)), simulacra.Categorical((), 2), hidden=(5,))
    plain.save(tmp_path / "plain")
    assert "conditioning" not in json.loads((tmp_path / "plain" / "config.json").read_text())
    assert simulacra.load(tmp_path / "plain").conditioning == Preprocessing(plain.condition)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"raw": Real((3,)).spec(), "steps": []}, r"leads to Real\(shape=\(3,\)\)"),
        ({"raw": Levels((2,)).spec(), "steps": [Dequantize(256).spec()]}, "draws noise"),
        ({"raw": Real((2,)).spec(), "steps": [{"kind": "Affine", "shift": [float("nan")]}]}, "finite"),
        ({"steps": []}, "'raw' is unknown or missing"),
    ],
)
def test_a_damaged_entry_is_one_sentence(change, said, tmp_path):
    x, c = rows()
    data = simulacra.from_tensors(x, Real((3,)), c=c)
    model = simulacra.MADE(data.space, data.condition, hidden=(5,))
    model.save(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "conditioning": change}))
    with pytest.raises(ValueError, match=f"its preprocessing of the condition does not fit MADE .*{said}"):
        simulacra.load(tmp_path / "model")


def interrupted_at(step):
    """A callback that ends the training at a step, with a checkpoint."""

    def stop(loop, epoch_ended):
        if loop.position.total_steps == step:
            raise KeyboardInterrupt

    return stop


def test_an_interrupted_training_goes_on_with_the_same_bits(tmp_path):
    x, c = rows()
    data = simulacra.from_tensors(x, Real((3,)), c=c)
    more = {"checkpoint_seconds": 0.0}
    whole = fitted(data, BUILDS["vae"], tmp_path / "a", **more).model
    with pytest.raises(KeyboardInterrupt):
        fitted(data, BUILDS["vae"], tmp_path / "b", callbacks=(interrupted_at(3),), **more)
    resumed = simulacra.resume(tmp_path / "b", data=data).model
    assert resumed.conditioning == whole.conditioning
    for weight, other in zip(whole.state_dict().values(), resumed.state_dict().values()):
        assert torch.equal(weight, other)


def test_data_with_scales_of_their_own_are_scored_with_those_of_the_model(tmp_path):
    x, c = rows()
    data = simulacra.from_tensors(x, Real((3,)), c=c)
    run = fitted(data, BUILDS["made"], tmp_path / "run")
    # the same rows in another split: other scales
    other = simulacra.from_tensors(x, Real((3,)), c=c, seed=5, test=0.5)
    assert other.conditioning != data.conditioning
    found = likelihood(run.model, other, "test")
    expected = run.model.log_prob(other.test.x, other.test.c)
    assert torch.equal(found.values, expected.values)
    assert other.under(run.model.preprocessing, run.model.conditioning).test.conditioning == data.conditioning
