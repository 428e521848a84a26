"""`simulacra data inspect` on inputs that were once read wrongly, and on real data, word for word but times.

    SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/cli/test_cli_inspect_cases.py --all

writes the expected texts again; the difference is read in the review.
"""

import os
import re
from pathlib import Path

import pytest
from inspect_cases import CASES

HERE = Path(__file__).parent
UPDATE = bool(os.environ.get("SIMULACRA_UPDATE_GOLDEN"))
REAL = (
    *("binarized-mnist", "cifar10", "fashion-mnist", "fsdd", "jsb-chorales", "mnist", "nottingham"),
    *("musedata", "olivetti", "piano-midi", "mocap", "frey"),
    *("shakespeare", "multi30k", "expressions", "zinc"),
    *("binarized_mnist/binarized_mnist_packed.npz", "coil20/coil20_32x32.npz", "facades/facades_64.npz"),
    *("faces/olivettifaces.mat", "faces/smiles_64x64.npz", "freyfaces/frey_rawface.mat"),
    *("mocap/mit_mocap.mat", "omniglot/omniglot28_small.npz", "polyphonic_music/JSB_Chorales.mat"),
    *("polyphonic_music/jsb_chorales.json.gz", "noise/", "noise/clean_16k", "noise/pink_noise.wav"),
    *("facades/pairs", "super_resolution/T91", "super_resolution/Set5", "super_resolution/Set14"),
    *("uci/winequality-red.csv", "uci/ionosphere.csv", "uci/parkinsons.csv", "uci/housing.data"),
    *("zinc/zinc250k_train_24k.csv.gz", "zinc/zinc250k_test_5k.csv.gz", "multi30k/val.en.gz"),
    *("shakespeare/input.txt", "expressions/equation2_15_dataset.txt.gz", "mocap/cmu_walk_bvh.zip"),
    *("omniglot/images_background_small1.zip", "binarized_mnist/", "README.md"),
)


def masked(done, folder=""):
    """The text without times and folders, and the error if there is one."""
    text = re.sub(r"about [\d.]+ (s|min|h)\b", "about TIME", done.out)
    text = re.sub(r" {2,}about TIME +", "  about TIME  ", text)
    error = next((line for line in done.err.splitlines() if line.startswith("simulacra: error")), "")
    return (text + (error + "\n" if error else "")).replace(folder, "DATA")


def compare(done, file, folder="no folder"):
    """The text is that of the file, or is written to it."""
    said = masked(done, folder)
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_inputs_that_were_read_wrongly_are_described_rightly(cli, tmp_path, make):
    done = cli("data", "inspect", make())
    assert done.code == 0, done.err
    compare(done, HERE / "inspect_cases" / f"{make.__name__}.txt")


@pytest.mark.thorough
@pytest.mark.parametrize("name", REAL)
def test_real_data_are_described(cli, real_data, name):
    root = real_data("README.md").parent
    done = cli("data", "inspect", str(root / name) if "/" in name or "." in name else name)
    assert done.code in (0, 2), done.err
    compare(done, HERE / "inspect_real" / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}.txt", str(root))
