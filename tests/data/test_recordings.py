"""Recordings of every kind, from pipes and with damage: each sample is the one that was written."""

import io
import logging
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from refusal import sentence_of

from simulacra.core.spaces.audio import Audio
from simulacra.data import load_data
from simulacra.data.audio.wav import recording

PCM = np.random.default_rng(0).integers(-(2**15), 2**15, 60).astype("<i2")
KEEP = {"validation": 0, "test": 0}
UNKNOWN = [0xFFFFFFFF, 0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFE]


def riff(data, bits=16, size=None, whole=None, before=b"", after=b"", order="<", code=1, rate=8000) -> bytes:
    """A mono .wav file by hand.

    Args:
        size: of the samples, as the header says; None: the right one.
        whole: of all the rest, likewise.
        before: chunks before the samples; `after` likewise.
    """
    width = -(-bits // 8)
    body = b"WAVEfmt " + struct.pack(f"{order}IHHIIHH", 16, code, 1, rate, rate * width, width, bits) + before
    body += b"data" + struct.pack(f"{order}I", len(data) if size is None else size) + data
    body += (bytes(len(data) % 2) if size is None else b"") + after
    whole = len(body) if whole is None else whole
    return (b"RIFX" if order == ">" else b"RIFF") + struct.pack(f"{order}I", whole) + body


def integers(content: bytes, bits: int) -> list[float]:
    """The samples as whole numbers."""
    return (recording(content, "a.wav").x.double().numpy() * 2 ** (bits - 1)).tolist()


@pytest.mark.fault("f20")
@pytest.mark.parametrize("size", UNKNOWN)
def test_a_recording_from_a_pipe_is_read_to_its_end(tmp_path, size):
    for whole in (size, None, min(size + 36, 0xFFFFFFFF)) if size else (0, 0xFFFFFFFF):
        assert integers(riff(PCM.tobytes(), size=size, whole=whole), 16) == PCM.tolist()
    for i in range(12):
        (tmp_path / f"{i}.wav").write_bytes(
            riff((PCM // (i + 1)).astype("<i2").tobytes(), size=size, whole=size)
        )
    data = load_data(tmp_path, **KEEP)
    assert data.space == Audio((60,), 8000) and len(data.train) == 12


@pytest.mark.fault("f20")
@pytest.mark.parametrize("size", UNKNOWN[:2])
def test_a_pipe_that_was_cut_within_a_sample_is_refused(size):
    content = riff(PCM.tobytes()[:-1], size=size, whole=size)
    sentence_of(lambda: recording(content, "a.wav"), "a.wav is truncated", "within a sample")
    triples = b"".join(int(v).to_bytes(3, "little", signed=True) for v in (5, -7, 9))
    assert integers(riff(triples + b"\0", 24, size, size), 24) == [5, -7, 9]
    sentence_of(lambda: recording(riff(triples + b"\0\0", 24, size, size), "a.wav"), "within a sample")


@pytest.mark.fault("f20")
def test_rf64_from_a_pipe_and_with_sizes():
    head = struct.pack("<IQQQI", 28, 0, 0, 0, 0)
    for size in (0, 120):
        sizes = b"ds64" + head[:12] + struct.pack("<Q", size) + head[20:]
        content = riff(PCM.tobytes(), size=0xFFFFFFFF, whole=0xFFFFFFFF)
        content = b"RF64" + content[4:12] + sizes + content[12:]
        assert integers(content, 16) == PCM.tolist()
    cut = b"RF64" + content[4:12] + b"ds64" + head[:12] + struct.pack("<Q", 500) + head[20:] + content[48:]
    sentence_of(lambda: recording(cut, "a.wav"), "promises 500 bytes of samples")


@pytest.mark.fault("f20")
def test_what_stands_beside_the_samples_changes_nothing():
    odd = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    for more in ({"before": odd}, {"after": odd}, {"before": odd * 2, "after": b"cue " + bytes(4)}):
        assert integers(riff(PCM.tobytes(), **more), 16) == PCM.tolist()
    extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4)
    extensible += bytes.fromhex("0100000000001000800000aa00389b71")
    plain = riff(PCM.tobytes())
    content = plain[:16] + struct.pack("<I", 40) + extensible + plain[36:]
    content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    assert integers(content, 16) == PCM.tolist()
    assert integers(riff(PCM.astype(">i2").tobytes(), order=">"), 16) == PCM.tolist()


@pytest.mark.fault("f20")
@pytest.mark.parametrize("code, name", [(6, "ALAW"), (7, "ULAW")])
def test_telephone_codes_have_their_16_bit_values(code, name):
    content = riff(bytes(range(256)), 8, code=code)
    wanted, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert integers(content, 16) == wanted.tolist() and len(set(wanted.tolist())) >= 255
    sentence_of(lambda: recording(riff(PCM.tobytes(), 16, code=code), "a.wav"), "16 bits in 2 bytes")


FORMATS = [
    (kind, subtype, ending)
    for kind, ending in (("WAV", "wav"), ("WAVEX", "wav"), ("RF64", "rf64"), ("W64", "w64"), ("AIFF", "aiff"),
                         ("AU", "au"), ("FLAC", "flac"), ("CAF", "caf"))
    for subtype in ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    if soundfile.check_format(kind, subtype)
]  # fmt: skip
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


def written(x, kind, subtype, rate=8000) -> bytes:
    """A recording, written by soundfile."""
    file = io.BytesIO()
    soundfile.write(file, x, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.property
@pytest.mark.fault("f20")
@given(st.data())
def test_a_recording_holds_what_was_written(data):
    kind, subtype, _ = data.draw(st.sampled_from(FORMATS))
    rate = data.draw(st.sampled_from([8000, 11025, 44100, 48000, 96000]))
    if subtype in BITS:
        largest = 2 ** (BITS[subtype] - 1)
        values = data.draw(st.lists(st.integers(-largest, largest - 1), min_size=1, max_size=40))
        # libsndfile's writer counts the byte that pads an odd number of them as one more
        values += values[:1] if kind == "AIFF" and BITS[subtype] == 8 and len(values) % 2 else []
        # as soundfile wants whole numbers: in the upper bits of 32
        given_x, wanted = np.array(values, np.int64) << (32 - BITS[subtype]), np.array(values) / largest
        content = written(given_x.astype(np.int32), kind, subtype, rate)
    else:
        width = 32 if subtype == "FLOAT" else 64
        values = data.draw(st.lists(st.floats(-1, 1, width=width), min_size=1, max_size=40))
        content, wanted = written(np.array(values), kind, subtype, rate), np.array(values)
    found = recording(content, "a file")
    assert found.rate == rate and np.array_equal(found.x.numpy(), wanted.astype(np.float32))


@pytest.mark.property
@pytest.mark.fault("f20")
@given(st.data())
def test_a_wav_file_made_by_hand_holds_what_was_written(data):
    bits = data.draw(st.sampled_from([8, 16, 24, 32]))
    low, high = (0, 255) if bits == 8 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    values = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=40))
    order = data.draw(st.sampled_from("<>"))
    endian = {"<": "little", ">": "big"}[order]
    content = b"".join(v.to_bytes(bits // 8, endian, signed=bits > 8) for v in values)
    size = data.draw(st.sampled_from([None, *UNKNOWN]))
    text = data.draw(st.binary(max_size=9))
    chunk = b"note" + struct.pack(f"{order}I", len(text)) + text + bytes(len(text) % 2)
    before, after = (data.draw(st.sampled_from([b"", chunk])) for _ in range(2))
    after = after if size is None else b""
    file = riff(content, bits, size, size, before, after, order)
    wanted = [v - 128 for v in values] if bits == 8 else values
    found = recording(file, "a.wav")
    assert np.array_equal(found.x.numpy(), (np.array(wanted) / 2 ** (bits - 1)).astype(np.float32))
    # cut anywhere, it is shorter by whole samples or refused
    cut = file[: data.draw(st.integers(0, len(file) - 1))]
    try:
        part = recording(cut, "a.wav").x.numpy()
    except ValueError as error:
        assert str(error).startswith("a.wav ") and "\n" not in str(error)
    else:
        whole = size is None and len(part) == len(found)
        assert (size is not None or whole) and np.array_equal(part, found.x.numpy()[: len(part)])


@pytest.mark.fault("f20")
@pytest.mark.parametrize("kind", ["WAV", "RF64", "W64", "AIFF", "AU", "FLAC", "OGG"])
def test_truncated_files_of_every_kind_are_refused(kind):
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 5000)
    content = written(x, kind, "VORBIS" if kind == "OGG" else "PCM_16")
    assert len(recording(content, "a file")) == 5000
    for share in (0.05, 0.3, 0.6, 0.95):
        part = content[: int(share * len(content))]
        sentence_of(lambda part=part: recording(part, "a file"), "a file is truncated")


@pytest.mark.parametrize("ending", ["wav", "WAVE", "flac", "ogg", "aiff", "aif", "au", "w64"])
def test_every_suffix_is_a_recording(tmp_path, ending):
    kind = {"wave": "WAV", "aif": "AIFF"}.get(ending.lower(), ending.upper())
    x = np.sin(np.arange(400) / 9) / 3
    for i in range(3):
        (tmp_path / f"{i}.{ending}").write_bytes(written(x, kind, None))
    assert load_data(tmp_path, **KEEP).space == Audio((400,), 8000)
    assert load_data(tmp_path / f"0.{ending}", **KEEP).train.x.shape == (1, 400)


def test_lossy_waves_that_overshoot_are_clipped_and_it_is_said(caplog):
    square = np.sign(np.sin(np.arange(9000) / 50))
    with caplog.at_level(logging.INFO, "simulacra"):
        x = recording(written(square, "OGG", "VORBIS"), "loud.ogg").x
    assert float(x.abs().max()) == 1 and "decoded samples beyond 1 are clipped" in caplog.text


def test_a_header_that_claims_much_takes_no_memory(peak_memory):
    content = bytearray(written(np.zeros(100), "FLAC", "PCM_16"))
    content[21:26] = bytes([content[21] | 0xF, 0xFF, 0xFF, 0xFF, 0xFF])
    before = peak_memory()
    sentence_of(lambda: recording(bytes(content), "a.flac"), "a.flac is truncated")
    assert peak_memory() - before < 2**26
