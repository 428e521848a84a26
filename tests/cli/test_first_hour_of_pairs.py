"""Sentences that a new user of pairs met, and could not use."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from simulacra import SEGAN, Audio, load_data

TRAIN = ("train", "pix2pix", "photos", "--data.condition", "folder:plans", "--model.channels", 2)


def write(folder, n, depth=np.uint8, colors=(3,)):
    folder.mkdir()
    for i in range(n):
        pixels = np.random.default_rng(i).integers(0, np.iinfo(depth).max, (8, 8, *colors)).astype(depth)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")


@pytest.mark.fault("pairs 2")
def test_many_files_that_cannot_be_translated_are_counted_not_listed(cli, tmp_path):
    write(tmp_path / "photos", 12)
    write(tmp_path / "plans", 12)
    write(tmp_path / "deep", 9, np.uint16, ())
    assert cli(*TRAIN, "--steps", 1, "--out", "run").code == 0
    done = cli("translate", "run", "deep", "--out", "answers")
    said = done.err.splitlines()[-1]
    assert done.code == 2 and said.count("convert it to 8 bits") == 3
    assert said.endswith("and so 6 more.")


@pytest.mark.fault("pairs 3")
def test_a_missing_partner_is_to_be_mended_before_another_folder_is_taken(cli, tmp_path):
    for name in ("photos", "plans", "alike"):
        write(tmp_path / name, 12)
    (tmp_path / "plans" / "05.png").unlink()
    done = cli(*TRAIN)
    said = done.err.splitlines()[-1]
    assert done.code == 2 and "1 of 12 files of photos has no partner in plans (05)" in said
    assert said.index("rename") < said.index("folder:alike")


@pytest.mark.fault("pairs 4")
def test_a_game_on_few_pictures_is_evaluated_without_what_needs_two_rows(cli, tmp_path):
    write(tmp_path / "photos", 12)
    write(tmp_path / "plans", 12)
    assert cli(*TRAIN, "--steps", 1, "--out", "run").code == 0
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "MMD" not in done.out


@pytest.mark.fault("pairs 5")
def test_a_model_without_a_condition_says_how_it_would_translate(cli, tmp_path):
    write(tmp_path / "photos", 12)
    train = ("train", "vae", "photos", "--model.hidden", 2, "--model.latent", 1, "--steps", 1)
    assert cli(*train, "--out", "run").code == 0
    done = cli("translate", "run", "photos", "--out", "answers")
    assert done.code == 2 and "--data.condition edges" in done.err
    assert cli(*train, "--data.condition", "edges", "--out", "paired").code == 0
    assert cli("translate", "paired", "photos", "--out", "answers").code == 0


@pytest.mark.fault("pairs 6")
def test_quiet_recordings_are_cleaned_as_the_refusal_says(cli, tmp_path):
    for name, size in (("clean", 200), ("noisy", 400)):
        (tmp_path / name).mkdir()
        for i in range(24):
            wave = np.random.default_rng(i).integers(-size, size, 256).astype(np.int16)
            wavfile.write(tmp_path / name / f"{i:02d}.wav", 8000, wave)
    words = ("train", "segan", "clean", "--data.condition", "folder:noisy", "--model.channels", 2)
    refused = cli(*words, "--steps", 1, "--out", "run")
    assert refused.code == 2 and "--data.standardize false" in refused.err
    data = load_data("clean", condition="folder:noisy", standardize=False)
    assert isinstance(data.space, Audio) and isinstance(data.condition, Audio)
    SEGAN(data.space, data.condition, channels=2)
