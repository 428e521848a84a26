"""Checks of the results of a model's own methods: a wrong shape is an error, not a wrong score."""

from __future__ import annotations

from torch import Tensor


def check_one_each(value: Tensor, rows: int, model: object, method: str) -> None:
    """Raises ValueError unless a method gave one number for each row.

    Args:
        value: result of the method.
        rows: number of rows, B.
        model: the model, for the message.
        method: name of the method.

    Example:
        >>> check_one_each(Tensor(7, 1), 7, object(), "log_density")
        Traceback (most recent call last):
        ValueError: object.log_density gave shape (7, 1) for 7 rows, but it must give (7,), one number for
        each row: sum over the entries of a row, keep the rows apart.
    """
    if tuple(value.shape) != (rows,):
        raise ValueError(
            f"{type(model).__name__}.{method} gave shape {tuple(value.shape)} for {rows} rows, but it must "
            f"give ({rows},), one number for each row: sum over the entries of a row, keep the rows apart."
        )


def check_drawn(model: object, x: Tensor, rows: int) -> None:
    """Raises ValueError unless `draw` gave as many samples as it was asked for.

    Args:
        model: the model, for the message.
        x: the samples.
        rows: number of samples asked for.
    """
    if not x.ndim or len(x) != rows:
        raise ValueError(
            f"{type(model).__name__}.draw gave shape {tuple(x.shape)}, but it must give {rows} samples, one "
            "for each of rng.rows: draw noise as in rng.normal(name, *shape)."
        )
