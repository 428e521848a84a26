"""The library logs; only the command line prints."""

import ast

import pytest
import sources

LIBRARY = [path for path in sources.FILES if "/cli/" not in path.as_posix()]


@pytest.mark.parametrize("path", LIBRARY, ids=sources.name)
def test_no_print(path):
    printed = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write"}
    ]
    assert not printed, f"{sources.name(path)} prints in lines {printed}: use the logger 'simulacra'"
