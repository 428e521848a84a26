"""Sentences that a new user of pairs met, and could not use."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from simulacra import SEGAN, Audio, load_data
from simulacra.core.errors.suggestion import Refusal

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


@pytest.mark.fault("pairs 7")
def test_one_pair_has_no_scores_and_no_collapse_and_the_report_says_why(cli, tmp_path):
    write(tmp_path / "photos", 12)
    write(tmp_path / "plans", 12)
    assert cli(*TRAIN, "--data.test", 1, "--steps", 1, "--out", "run").code == 0
    done = cli("evaluate", "run")
    assert done.code == 0, done.err
    assert "their scores need at least 2 pairs, but test has 1." in done.out
    assert "collapse" not in done.out and "was cut short" not in done.out


@pytest.mark.fault("pairs 8")
@pytest.mark.parametrize("n", [7, 9, 12, 14, 20])
@pytest.mark.parametrize("past", [1, 3, 4, 30])
def test_the_frames_before_that_are_suggested_leave_a_frame_in_each_split(tmp_path, n, past):
    write(tmp_path / "film", n)
    try:
        load_data(tmp_path / "film", condition=f"past:{past}")
    except Refusal as refused:
        (way,) = refused.suggestions
        data = load_data(tmp_path / "film", **dict(way.options))
        assert min(len(data.train), len(data.valid), len(data.test)) > 0


@pytest.mark.fault("pairs 8")
def test_too_few_frames_for_any_past_say_how_many_are_needed(tmp_path):
    write(tmp_path / "film", 6)
    with pytest.raises(ValueError, match="give at least 7 frames in a row"):
        load_data(tmp_path / "film", condition="past:1", validation=1, test=1)
    write(tmp_path / "more", 7)
    load_data(tmp_path / "more", condition="past:1", validation=2, test=2)


@pytest.mark.fault("pairs 9")
def test_an_empty_condition_is_to_be_left_out(cli, tmp_path):
    write(tmp_path / "photos", 12)
    done = cli("train", "vae", "photos", "--data.condition", "")
    assert done.code == 2 and "leave it out for x alone" in done.err


@pytest.mark.fault("pairs 10")
def test_a_path_that_leads_nowhere_is_no_name_of_data(cli, tmp_path):
    write(tmp_path / "photos", 12)
    write(tmp_path / "plans", 12)
    assert cli(*TRAIN, "--steps", 1, "--out", "run").code == 0
    done = cli("translate", "run", "nowhere", "--out", "answers")
    assert done.code == 2 and "there is no file or folder 'nowhere'" in done.err and "mnist" not in done.err
    assert "did you mean 'plans'?" in cli("translate", "run", "plan", "--out", "answers").err


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
