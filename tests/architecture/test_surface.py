"""Public names, signatures and options change on purpose only: they stand in one checked file."""

import ast
import sys

import pytest
import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import surface


def test_the_surface_is_what_the_sources_say():
    changed = surface.difference(surface.PAGE.read_text(encoding="utf-8"), surface.page())
    assert not changed, (
        "the public surface has changed; if that is meant, run `python tools/surface.py --write`, and give a "
        f"name that went an entry in core/renamed.py and a line in the changelog:\n{changed}"
    )


def test_every_public_name_is_there():
    import simulacra

    page = surface.page().splitlines()
    for name in simulacra.__all__:
        if name != "__version__":
            assert any(line.startswith((f"class {name}(", f"{name}(")) for line in page), name


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("def f(a: 'int|None'=None, *, b=(1,2)) -> str: ...", "(a: 'int|None'=None, *, b=(1, 2)) -> str"),
        ("def f(*rows: str, **more) -> None: ...", "(*rows: str, **more) -> None"),
    ],
)
def test_signatures_are_shown_as_they_are_written(code, shown):
    node = ast.parse(code).body[0]
    assert surface.signature(node) == shown


def test_long_signatures_have_a_line_for_each_parameter():
    code = f"def f(a, /, b{'b' * 90}: int = 1, *, c: str, **more) -> float: ..."
    lines = surface.signature(ast.parse(code).body[0]).split("\n")
    assert [line.strip() for line in lines] == [
        *("(", "a", "/", f"b{'b' * 90}: int = 1", "*", "c: str", "**more", ") -> float"),
    ]


def test_a_change_is_told_line_by_line():
    assert surface.difference("a\nb\nc\n", "a\nB\nc\n").splitlines()[-2:] == ["-b", "+B"]
