"""The data of a run: read as they were read, and refused where the training rows are others now."""

import json

import numpy as np
import pytest

import simulacra
from simulacra.cli import main
from simulacra.core.artifact.save import CONFIG

HEAD = "id,grade,zip,price\n"


def rows(n, begin=0):
    make = np.random.default_rng(7)
    prices = make.normal(50, 9, n)
    codes = ["02139", "10001", "00501"]
    return "".join(f"{begin + i},{3 + i % 5},{codes[i % 3]},{p:.2f}\n" for i, p in enumerate(prices))


@pytest.fixture
def bits(tmp_path):
    """Coin flips in a file, and a run on them."""
    x = (np.random.default_rng(0).random((90, 6)) < 0.5).astype("u1")
    np.savez(tmp_path / "grown.npz", x=x)
    data = simulacra.load_data(tmp_path / "grown.npz")
    simulacra.fit(simulacra.MADE(data.space, hidden=(5,)), data, epochs=1, out=tmp_path / "run")
    return tmp_path, x


@pytest.mark.fault("f01")
@pytest.mark.fault("scores 2.1")
@pytest.mark.parametrize(
    "change, said",
    [
        (lambda x: np.concatenate([x, x[:5] ^ 1]), "72 rows then, 75 now"),
        (lambda x: x[:-20], "72 rows then, 56 now"),
        (lambda x: x[::-1].copy(), "other values, or another order"),
        (lambda x: x ^ (np.arange(x.size).reshape(x.shape) % 97 == 0), "other values, or another order"),
    ],
    ids=["appended", "removed", "turned round", "changed"],
)
def test_a_run_refuses_a_file_whose_training_rows_are_others_now(bits, capsys, change, said):
    folder, x = bits
    np.savez(folder / "grown.npz", x=change(x).astype("u1"))
    with pytest.raises(ValueError) as refused:
        simulacra.load_run(folder / "run")
    assert said in str(refused.value) and "put the data back" in str(refused.value)
    assert main(["evaluate", str(folder / "run")]) == 2 and said in capsys.readouterr().err
    # what needs no data goes on
    assert simulacra.load(folder / "run").sample(3).shape == (3, 6)


def test_the_same_file_opens_again(bits):
    folder, x = bits
    again = simulacra.load_run(folder / "run")
    assert again.data is not None and len(again.data.train) == 72
    np.savez(folder / "grown.npz", x=x)
    assert simulacra.load_run(folder / "run").data.train.digest() == again.data.train.digest()


def table_run(folder):
    """A run on a table with a running number, grades and codes."""
    (folder / "t.csv").write_text(HEAD + rows(60))
    data = simulacra.load_data(folder / "t.csv")
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    return simulacra.fit(model, data, epochs=1, out=folder / "run"), data


def test_a_run_keeps_dialect_and_kinds(tmp_path):
    _, data = table_run(tmp_path)
    spec = json.loads((tmp_path / "run" / CONFIG).read_text())["data"]["spec"]
    assert spec["separator"] == "," and spec["decimal"] == "." and spec["header"] == 1
    assert spec["types"]["id"] == "drop" and spec["types"]["price"] == "numeric"
    assert spec["types"]["zip"]["classes"] == ["00501", "02139", "10001"]
    again = simulacra.load_run(tmp_path / "run")
    assert again.data.preprocessing == data.preprocessing
    assert again.data.test.digest() == data.test.digest()


def test_a_run_of_before_dialects_is_read_by_its_recorded_kinds(tmp_path):
    """Classes of numbers stood as 0, 1, ... in x, and the configuration held what the user gave."""
    _, data = table_run(tmp_path)
    file = tmp_path / "run" / CONFIG
    config = json.loads(file.read_text())
    kept = ("name_or_path", "label", "missing", "validation", "test", "seed")
    config["data"]["spec"] = {k: v for k, v in config["data"]["spec"].items() if k in kept}
    chain = config["preprocessing"]
    chain["steps"] = [step for step in chain["steps"] if step["kind"] != "Codes"]
    for field in chain["raw"]["fields"].values():
        field.pop("values", None)
    old = data.train.x.clone()
    old[:, 0] -= 3
    config["data"]["digest"] = simulacra.data.Split(old, data.preprocessing).digest()
    file.write_text(json.dumps(config))
    again = simulacra.load_run(tmp_path / "run")
    assert again.data.preprocessing == again.model.preprocessing
    assert again.data.train.x[:, 0].unique().tolist() == [0, 1, 2, 3, 4]
    assert np.isfinite(float(again.model.log_prob(again.data.test.x).mean))
