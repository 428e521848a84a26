"""Commands that call a method of a model on the rows of a file, and the capabilities that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulacra.core.capabilities import general as can

if TYPE_CHECKING:
    from simulacra.core.model import Model

ABILITIES: dict[str, tuple[type[can.Capability], ...]] = {
    "sample": (can.Samples,),
    "score": (can.HasDensity, can.HasBound, can.EstimatesDensity),
    "complete": can.FILLS,
    "encode": (can.Encodes,),
    "classify": (can.Classifies,),
    "denoise": (can.Denoises,),
    "translate": (can.Translates,),
    "predict": (can.Predicts, can.Classifies),
}
METHODS = {"score": "log_prob"}  # where the method has another name than the command


def check_able(model: Model, command: str) -> None:
    """Checks that a model can do what a command asks.

    Args:
        model: the loaded model.
        command: name of the command.

    Raises:
        MissingCapability: if it cannot; the message lists the commands for it.
    """
    try:
        model._need(METHODS.get(command, command), *ABILITIES[command])
    except can.MissingCapability as error:
        able = [name for name, needs in ABILITIES.items() if any(map(model.supports, needs))]
        others = ", ".join(f"simulacra {name}" for name in able)
        raise can.MissingCapability(f"{error} Commands for it: {others or 'none'}.") from error
