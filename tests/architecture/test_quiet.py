"""The library logs; only the command line prints."""

import ast

import sources

LIBRARY = [path for path in sources.FILES if "/cli/" not in path.as_posix()]


def printed(path) -> list[int]:
    """The lines in which a file prints."""
    return [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write"}
    ]


def test_no_print():
    assert not sources.offenders(printed, LIBRARY), "use the logger 'simulacra'"
