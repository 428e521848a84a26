"""Arithmetic expressions of x: the grammar of the data set `expressions`.

    e -> x | 1 | 2 | 3 | ( e ) | e + e | e * e | e / e | sin ( e ) | exp ( e )

Reference: Kusner, Paige and Hernandez-Lobato, Grammar Variational Autoencoder, 2017.
"""

from __future__ import annotations

import ast

from simulacra.core.texts.validity import Check

LONGEST = 2_000  # letters of an expression


def expressions() -> Check:
    """Returns the check of the grammar."""
    return Check(is_expression, "the grammar of x, 1, 2, 3, +, *, /, sin, exp and brackets")


def is_expression(text: str) -> bool:
    """Returns True if the grammar accepts a text.

    Args:
        text: the text.

    Example:
        >>> is_expression("sin ( x * 2 ) / 3"), is_expression("x + "), is_expression("y")
        (True, False, False)
    """
    if len(text) > LONGEST:
        return False
    try:
        return _accepted(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _accepted(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        fits = isinstance(node.op, ast.Add | ast.Mult | ast.Div)
        return fits and _accepted(node.left) and _accepted(node.right)
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Name) and node.func.id in ("sin", "exp")
        return named and len(node.args) == 1 and not node.keywords and _accepted(node.args[0])
    if isinstance(node, ast.Name):
        return node.id == "x"
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value in (1, 2, 3)
