"""Parses conditions from the command line: class names or numbers, one for all rows or one for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulacra.cli.options.nearest_name import hint

if TYPE_CHECKING:
    from simulacra.core.model import Model


def typed_condition(model: Model, text: str) -> Any:
    """Parses a condition into a tensor of class numbers.

    Args:
        model: model that takes the condition.
        text: class names or numbers, with commas between.

    Returns:
        tensor of shape (), or (n,) for n words.

    Raises:
        ValueError: if the model takes no condition, or a word is no class.
    """
    import torch

    if model.condition is None:
        raise ValueError(f"{type(model).__name__} was trained without a condition: leave out --condition.")
    names = list(getattr(model.condition, "names", ())) or list(model.label_names)
    numbers = [_number(word.strip(), names) for word in text.split(",")]
    return torch.tensor(numbers[0] if len(numbers) == 1 else numbers)


def _number(word: str, names: list[str]) -> float:
    if word in names:
        return names.index(word)
    try:
        return int(word) if word.lstrip("-").isdigit() else float(word)
    except ValueError as error:
        raise ValueError(f"condition {word!r} is no class; {hint(word, names)}") from error
