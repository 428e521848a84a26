"""Audio: recordings as observations, conversion from PCM, and writing of .wav files."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.numerics.precision import to_float64
from simulacra.core.spaces.plain import Real
from simulacra.core.storage.files import write_atomically

PCM = 2**15  # magnitude of 16-bit PCM that corresponds to 1: the level -32768 is -1


@dataclass(frozen=True)
class Audio(Real):
    """A recording: real entries from -1 to 1, `rate` of them a second; Lebesgue measure.

    A density of waves is a density on the reals. Samples of a model beyond [-1, 1] are clipped, as a
    loudspeaker does.

    Args:
        shape: (T,), the number of samples.
        rate: number of samples a second.

    Example:
        >>> Audio((4000,), rate=8000).seconds
        0.5
    """

    rate: int = 16000

    @property
    def seconds(self) -> float:
        """Duration of one observation in seconds."""
        return self.dims / self.rate

    def _check_support(self, x: Tensor, name: str) -> None:
        if x.numel() and bool((x.abs() > 1).any()):
            raise ValueError(
                f"{name} holds values from {x.min().item():g} to {x.max().item():g}, but {self} needs "
                "numbers from -1 to 1: divide by the largest value that the recording can hold (arrays of "
                "int16 are taken as they are)."
            )


def real_wave(samples: Tensor) -> Tensor:
    """Converts PCM samples to single precision in [-1, 1]; floating-point samples keep their values.

    Bytes are unsigned around 128; wider integers are divided by the largest magnitude of their type.

    Args:
        samples: any shape, uint8, int16, int32, int64 or floating point.

    Example:
        >>> real_wave(torch.tensor([-32768, 0, 16384], dtype=torch.int16)).tolist()
        [-1.0, 0.0, 0.5]
        >>> real_wave(torch.tensor([0, 128, 192], dtype=torch.uint8)).tolist()
        [-1.0, 0.0, 0.5]
    """
    if samples.is_floating_point():
        return samples.float()
    if samples.dtype == torch.uint8:
        return (samples.float() - 128) / 128
    return (to_float64(samples) / 2 ** (torch.iinfo(samples.dtype).bits - 1)).float()


def write_wav(x: Any, rate: int, path: str | Path) -> None:
    """Writes one wave as a mono .wav file of 16-bit PCM, atomically; values beyond [-1, 1] are clipped.

    Args:
        x: samples from -1 to 1, shape (T,).
        rate: number of samples a second.
        path: file to write.

    Raises:
        ValueError: if x is not a single wave of finite numbers, or the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "tone.wav"
        >>> write_wav(torch.linspace(0, 1000, 400).sin() / 2, 8000, path)
        >>> path.stat().st_size
        844
    """
    samples = to_float64(as_tensor(x).detach().cpu())
    if samples.dim() != 1 or not bool(samples.isfinite().all()):
        raise ValueError(
            f"{path} takes one wave of finite numbers, but x has shape {tuple(samples.shape)}"
            f"{'' if bool(samples.isfinite().all()) else ' and holds NaN or infinite values'}: give one row."
        )
    content = (samples * PCM).round().clamp(-PCM, PCM - 1).numpy().astype("<i2").tobytes()

    def write(aside: Path) -> None:
        with open(aside, "wb") as file, wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(content)

    write_atomically(Path(path), write)
