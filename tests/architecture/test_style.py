"""Files one can read at a sitting: sizes, docstrings, no pickle, no path of somebody's machine."""

import ast
import re
import warnings

import sources

LONGEST_FILE = 400
LONGEST_FUNCTION = 60  # lines without the docstring
TARGET = 30
Function = ast.FunctionDef | ast.AsyncFunctionDef
SUFFIXES = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cff", ".csv", ""}
# where a person's checkout, home or scratch folder tends to be
MACHINE_PATH = re.compile(r"(?<![\w.~$}/\-])/(?:home|root|Users|work|workspace|opt|mnt|srv|scratch)/\w")


def functions(path):
    """Every function of a file."""
    return [node for node in ast.walk(sources.tree(path)) if isinstance(node, Function)]


def length(node: Function) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)


def test_files_are_short():
    def lines(path) -> int:
        found = len(sources.text(path).splitlines())
        return found if found >= LONGEST_FILE else 0

    assert not sources.offenders(lines)


def test_functions_are_short():
    def long(path) -> dict[str, int]:
        return {node.name: length(node) for node in functions(path) if length(node) > LONGEST_FUNCTION}

    assert not sources.offenders(long)


def test_most_functions_are_within_the_target():
    lengths = [length(node) for path in sources.FILES for node in functions(path)]
    over = [
        f"{sources.name(path)}::{node.name} ({length(node)})"
        for path in sources.FILES
        for node in functions(path)
        if length(node) > TARGET
    ]
    if over:
        warnings.warn(f"functions above {TARGET} lines: {', '.join(over)}", stacklevel=1)
    assert len(over) <= 0.05 * len(lengths), over


def public(body):
    """The public functions and classes of a body, and the public methods of public classes."""
    for node in body:
        if isinstance(node, (*Function.__args__, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def trivial(node) -> bool:
    """A protocol's `...` or an overload needs no docstring."""
    return isinstance(node, Function) and any("overload" in ast.unparse(d) for d in node.decorator_list)


def bare(path) -> list[str]:
    """The public names of a file that have no docstring."""
    tree = sources.tree(path)
    found = [n.name for n in public(tree.body) if ast.get_docstring(n) is None and not trivial(n)]
    itself = bool(tree.body) and ast.get_docstring(tree) is None
    return ["the file itself", *found] if itself else found


def test_public_names_have_docstrings():
    assert not sources.offenders(bare)


def pickled(path) -> set[str]:
    """Through what a file reads or writes pickle."""
    picklers = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    used = {m.split(".")[0] for m in sources.imports(path)} & picklers
    for node in ast.walk(sources.tree(path)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            unsafe = any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in node.keywords)
            if call in {"torch.load", "torch.save"} or unsafe:
                used.add(call)
    return used


def test_no_pickle():
    assert not sources.offenders(pickled)


def test_no_path_of_one_machine():
    found = []
    for path in project_files():
        for number, line in enumerate(sources.text(path).splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{sources.name(path)}:{number}")
    assert not found


def project_files():
    """The project's own text files: not what was built, installed or trained."""
    skip = {"runs", "build", "dist", "_build", "node_modules", "__pycache__"}
    for path in sorted(sources.ROOT.rglob("*")):
        inside = path.relative_to(sources.ROOT).parts
        hidden = any(p.startswith(".") and p not in {".ci", ".github"} for p in inside)
        built = skip & set(inside) or any(p.endswith(".egg-info") for p in inside)
        if path.suffix in SUFFIXES and not hidden and not built and path.is_file():
            yield path


RIDDLES = ("What", "Of", "Those", "Whether", "How", "Which")


def test_docstrings_begin_with_a_verb_or_a_noun():
    """A first word such as "What" or "Of" leaves the reader to guess the sentence."""

    def riddles(path) -> list[str]:
        kinds = (*Function.__args__, ast.ClassDef, ast.Module)
        nodes = [node for node in ast.walk(sources.tree(path)) if isinstance(node, kinds)]
        first = [
            (getattr(node, "name", "the file"), (ast.get_docstring(node) or " ").split()) for node in nodes
        ]
        return [name for name, words in first if words and words[0].rstrip(",:") in RIDDLES]

    assert not sources.offenders(riddles)
