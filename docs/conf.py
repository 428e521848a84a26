"""Sphinx configuration; `make docs` builds the pages, and a warning is an error."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "simulacra"

project = "Simulacra"
author = "The Simulacra authors"
copyright = "The Simulacra authors; Apache-2.0"
version = release = re.search(r'__version__ = "(.+)"', (SOURCE / "version.py").read_text("utf-8")).group(1)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Simulacra"
default_role = "code"
# a return type such as `bytes`, or a word before a colon, may also be the name of several attributes
suppress_warnings = ["ref.python"]

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

SECTIONS = ("Args:", "Returns:", "Raises:", "Example:", "Reference:")


def modules():
    """Dotted names of the library's public modules that say what they are for, in reading order."""
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if path.name != "__init__.py" and not parts[-1].startswith("_") and path.stat().st_size:
            yield ".".join(parts)


def list_modules(app, docname, source):
    """Replace `@MODULES@` by an entry for each module: the page cannot go stale."""
    if "@MODULES@" not in source[0]:
        return
    entries = [f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n" for name in modules()]
    source[0] = source[0].replace("@MODULES@", "\n".join(entries))


def blocks(lines):
    """The paragraphs of a docstring."""
    block = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def plain_docstring(app, what, name, obj, options, lines):
    """Docstrings are plain text: protect what reStructuredText would take for markup.

    Indented paragraphs are equations and become literal blocks; the rest is joined and escaped.
    """
    # napoleon takes a property's first line up to a colon for its type: give it an empty one
    out = [""] if what in ("property", "attribute") else []
    for block in blocks(lines):
        first = block[0].strip()
        if first in SECTIONS:
            out += [first, *(line if first == "Example:" else escape(line) for line in block[1:])]
        elif first.startswith(">>>"):
            out += block
        elif all(line.startswith("    ") for line in block):
            out += ["::", "", *block]
        elif first.startswith("Reference:"):
            out += [f"*{first.split(':')[0]}:* " + escape(joined(block).split(":", 1)[1].strip())]
        else:
            out += [escape(joined(block))]
        out.append("")
    lines[:] = out


def joined(block):
    """A paragraph on one line."""
    return " ".join(line.strip() for line in block)


def escape(line):
    """A line outside of backquotes without reStructuredText's special characters."""
    parts = re.split(r"(`[^`]*`)", line)
    special = lambda text: re.sub(r"([*|\\]|_\b)", r"\\\1", text)
    return "".join(p if p.startswith("`") and p.endswith("`") else special(p) for p in parts)


def setup(app):
    """Connect the two."""
    app.connect("source-read", list_modules)
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)
