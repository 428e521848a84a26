"""Arrays, recordings and deep images as people keep them, and data that went away after training."""

import struct

import numpy as np
import pytest
import torch
from refusal import assert_refused, sentence_of

import simulacra
from simulacra.cli.output import in_options
from simulacra.data import load_data
from simulacra.data.audio.wav import recording

X = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.fault("f24")
def test_what_is_masked_in_an_array_is_missing():
    masked = np.ma.masked_less(X, -1.0)
    assert_refused(masked, "missing='mask'")
    data = load_data(masked, missing="mask", validation=0, test=0)
    assert np.array_equal(data.train.known.numpy(), ~masked.mask)
    assert torch.equal(data.train.x[data.train.known], torch.tensor(masked.compressed()))


@pytest.mark.fault("f24")
def test_a_masked_array_that_masks_nothing_is_its_numbers():
    levels = np.random.default_rng(1).integers(0, 256, (40, 3)).astype("u1")
    data = load_data(np.ma.masked_array(levels), validation=0, test=0)
    assert isinstance(data.space, simulacra.Levels) and np.array_equal(data.train.x.numpy(), levels)


def pcm(samples, kind, code=1):
    content = samples.astype(kind).tobytes()
    size = np.dtype(kind).itemsize
    head = struct.pack("<IHHIIHH", 16, code, 1, 8000, 8000 * size, size, 8 * size)
    body = b"WAVEfmt " + head + b"data" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(("step", "rounded"), [(2**16, False), (2**8, False), (1, True)])
def test_samples_that_single_precision_rounds_are_said(tmp_path, step, rounded):
    samples = (np.arange(1, 41) * 53_687_091 // step * step) - 2**30
    read = recording(pcm(samples, "<i4"), "a.wav")
    assert read.rounded == rounded
    assert torch.equal(read.x, torch.tensor(samples / 2**31, dtype=torch.float32))
    for i in range(12):
        (tmp_path / f"{i}.wav").write_bytes(pcm(samples - i * step, "<i4"))
    said = load_data(tmp_path).notes.get("rounded")
    assert said == ("to single precision, 24 bits a sample, in 12 recordings" if rounded else None)


def ten_bits(path):
    """A TIFF file whose values are packed into 10 bits."""
    rows = (np.arange(48).reshape(6, 8) * 21)[:, :, None] >> np.arange(9, -1, -1) & 1
    content = b"".join(np.packbits(row.astype("u1").ravel()).tobytes() for row in rows)
    facts = {256: 8, 257: 6, 258: 10, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: len(content)}
    tags = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, v) for tag, v in facts.items()
    )
    at = struct.pack("<I", 8 + len(content))
    path.write_bytes(b"II*\0" + at + content + struct.pack("<H", len(facts)) + tags + bytes(4))


@pytest.mark.fault("e2")
def test_packed_depths_that_cannot_be_read_are_not_called_damaged(tmp_path):
    pytest.importorskip("tifffile")
    ten_bits(tmp_path / "a.tif")
    message = assert_refused(tmp_path, "packed into 10 bits", "16 bits a value", "levels=1024")
    assert "damaged" not in message


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "".join(",".join(map(str, row)) + "\n" for row in X.round(3)))
    return path


def changed(text, how):
    lines = text.splitlines()
    return {
        "semicolons": text.replace(",", ";"),
        "another name": text.replace("a,b,c", "A,b,c"),
        "a gap": "\n".join([*lines[:5], ",1,1", *lines[6:]]),
        "no header": "\n".join(lines[1:]),
    }[how]


@pytest.mark.fault("f01")
@pytest.mark.parametrize("how", ["semicolons", "another name", "a gap", "no header", "moved"])
def test_data_that_cannot_be_read_as_they_were_trained_on_name_the_run(tmp_path, table, how):
    data = load_data(table, standardize=True)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run")
    if how == "moved":
        table.rename(tmp_path / "u.csv")
    else:
        table.write_text(changed(table.read_text(), how))
    path = str(run.path)
    message = sentence_of(lambda: simulacra.load_run(path).data, path, "put them back", "train again")
    assert "load it with" not in message and in_options(message) == message


def test_rows_of_numpy_have_names_as_rows_of_torch_have():
    kinds = load_data({"a": X[:, 0], "b": ["x", "y"] * 20}).space
    model = simulacra.VAE(kinds, latent=1)
    rows = np.array([[0.5, 1.0], [1.5, 0.0]])
    assert model.to_dataframe(rows).equals(model.to_dataframe(torch.tensor(rows)))


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("declare the column with types={'a b': 'drop'}.", """with --data.types '{"a b": "drop"}'."""),
        ("order the rows by it with time='date' if", "with --data.time date if"),
        (
            "load it with missing_values='-999' and missing='mask'",
            "add --data.missing_values -999 and --data.missing mask",
        ),
        ("or validation=0 or test=0.", "or --data.validation 0 or --data.test 0."),
    ],
)
def test_options_within_a_sentence_are_typed_as_the_command_line_takes_them(said, typed):
    assert in_options(said).endswith(typed)


@pytest.mark.parametrize("shape", [(20, 5, 6), (20, 5, 6, 1), (20, 5, 6, 3)])
def test_images_score_in_the_shape_that_load_data_takes(shape):
    x = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    data = load_data(x, validation=0, test=0)
    model = simulacra.VAE(data.space, latent=1, hidden=(4,), net="mlp")
    model.preprocessing = data.preprocessing
    assert np.array_equal(model.score_samples(x, k=3), model.score_samples(data.train.x, k=3))
