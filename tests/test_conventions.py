"""What holds for every file of fnn/: no circles, small folders, real types, the field's words."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import ROOT, SOURCES, imports

FILES = 20
"""that a folder may hold"""
ANY = 300
"""times that `Any` may stand in fnn/"""

# Files that import each other.


def import_graph(root: Path) -> dict[str, set[str]]:
    """Each file of root/fnn, dotted, with the files that it imports anywhere in its text."""
    files = {module(path, root): path for path in sorted((root / "fnn").rglob("*.py"))}
    trees = {name: ast.parse(path.read_text()) for name, path in files.items()}
    bound = {name: bindings(tree) for name, tree in trees.items()}
    graph = {}
    for name, tree in trees.items():
        parts = path_parts(files[name], root)
        targets = {file_of(target, bound) for _, target in imports(tree, parts[:-1])}
        graph[name] = targets - {None, name}
    return graph


def path_parts(path: Path, root: Path) -> tuple[str, ...]:
    return path.relative_to(root).with_suffix("").parts


def module(path: Path, root: Path) -> str:
    """The name a file is imported by; a package is its `__init__`."""
    return ".".join(path_parts(path, root)).removesuffix(".__init__")


def bindings(tree: ast.Module) -> set[str]:
    """The names that a file binds at its top, under `if` and `try` too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def file_of(target: list[str], bound: dict[str, set[str]]) -> str | None:
    """The file that an import is about: what a package's `__init__` re-exports comes from it."""
    *package, last = target
    if ".".join(package) in bound and last in bound[".".join(package)]:
        return ".".join(package)
    for length in range(len(target), 0, -1):
        if (name := ".".join(target[:length])) in bound:
            return name
    return None


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of files of which each reaches every other one."""
    reached = {name: reachable(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return [list(group) for group in sorted(groups)]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph[name]
    return reached


def test_no_files_import_each_other() -> None:
    """Not under TYPE_CHECKING, not inside a function, not inside one room."""
    graph = import_graph(ROOT)
    assert len(graph) == len(SOURCES)
    assert circles(graph) == []


CIRCLES = [
    ({"a": "from fnn.room.b import B", "b": "from fnn.room.a import A"}, ["a", "b"]),
    ({"a": "from fnn.room import b", "b": "from . import a"}, ["a", "b"]),
    ({"a": "import fnn.room.b", "b": "def f():\n    from .a import A"}, ["a", "b"]),
    ({"a": "import fnn.room.b", "b": "if TYPE_CHECKING:\n    from .a import A"}, ["a", "b"]),
    ({"a": "from .b import B", "b": "from .c import C", "c": "from .a import A"}, ["a", "b", "c"]),
    ({"a": "from .b import B", "b": "importlib.import_module('fnn.room.a')"}, ["a", "b"]),
    ({"__init__": "from fnn.room.a import A", "a": "from fnn.room import A"}, ["", "a"]),
    ({"__init__": "from fnn.room.a import a", "a": "from fnn.room import a"}, ["", "a"]),
    ({"__init__": "from fnn.room.a import A", "a": "import fnn.room"}, ["", "a"]),
    ({"__init__": "from fnn.room.a import A", "a": "from fnn.room import b", "b": ""}, None),
    ({"__init__": "from .a import A\nfrom .b import B", "b": "from .a import A", "a": ""}, None),
    ({"a": "from fnn.room.b import B", "b": "# from fnn.room.a import A"}, None),
]


@pytest.mark.parametrize(("files", "expected"), CIRCLES)
def test_a_planted_circle_is_seen(tmp_path: Path, files, expected: list[str] | None) -> None:
    plant(tmp_path, {f"room/{name}": text for name, text in files.items()})
    names = [f"fnn.room.{name}".rstrip(".") for name in expected or ()]
    assert circles(import_graph(tmp_path)) == ([names] if names else [])


def plant(root: Path, files: dict[str, str]) -> None:
    """Write files into root/fnn."""
    for name, text in files.items():
        path = root / "fnn" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# Names and sizes.


def repeated_classes(root: Path) -> dict[str, list[str]]:
    """Class names that several places define, and the files."""
    places = defaultdict(list)
    for path in sorted((root / "fnn").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module(path, root))
    return {name: files for name, files in places.items() if len(files) > 1}


def test_no_class_name_stands_twice() -> None:
    assert repeated_classes(ROOT) == {}


def test_a_planted_class_name_is_seen(tmp_path: Path) -> None:
    plant(tmp_path, {"a": "class Row: ...\nclass Column: ...", "room/b": "class Row: ..."})
    assert repeated_classes(tmp_path) == {"Row": ["fnn.a", "fnn.room.b"]}


def crowded(folder: Path) -> list[str]:
    """Folders of more than 20 files, and folders in disguise: one prefix of three files."""
    complaints = []
    for place in sorted({path.parent for path in folder.rglob("*.py")}):
        stems = [path.stem.strip("_") for path in place.glob("*.py")]
        name = place.relative_to(folder.parent)
        if len(stems) > FILES:
            complaints.append(f"{name}: {len(stems)} files")
        prefixes = Counter(stem.partition("_")[0] for stem in stems)
        complaints += [
            f"{name}: {count} files begin with {prefix}"
            for prefix, count in sorted(prefixes.items())
            if count > 2
        ]
    return complaints


@pytest.mark.parametrize("name", ["fnn", "experiments"])
def test_folders_are_small(name: str) -> None:
    assert crowded(ROOT / name) == []


def test_a_crowded_folder_is_seen(tmp_path: Path) -> None:
    plant(tmp_path, {f"room/{letter}": "" for letter in "abcdefghijklmnopqrst"})
    plant(tmp_path, {f"other/{name}": "" for name in ("sweep", "sweep_map", "sweeps", "sweep_a_b")})
    plant(tmp_path, {f"third/{name}": "" for name in ("rnn_cell", "gru_cell", "lstm_cell")})
    assert crowded(tmp_path / "fnn") == ["fnn/other: 3 files begin with sweep"]
    plant(tmp_path, {"room/u": ""})
    assert "fnn/room: 21 files" in crowded(tmp_path / "fnn")


def count_any(source: str) -> int:
    """How often `Any` stands where a type is wanted; its import is not counted."""
    return sum(
        (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
        for node in ast.walk(ast.parse(source))
    )


def test_types_say_something() -> None:
    counts = Counter()
    for path in SOURCES:
        counts[path.relative_to(ROOT).parts[1]] += count_any(path.read_text())
    assert counts.total() <= ANY, counts.most_common()


def test_a_planted_any_is_counted() -> None:
    source = "from typing import Any\ndef f(a: Any, b: list[typing.Any]) -> 'x': # Any\n    ..."
    assert count_any(source) == 2


# Words.

PRIVATE = """
Asked Between Course Fit How Look Machines Race Saved Standing Trained Wrong
acquitted answers arranged as_typed asked began contradicted count_epoch diagnosed disputes
dress evenly found given go_on going_on heard how_to_go_on judge judge_epoch keep_dtypes kept_in
leads let_go lies_on look made mine nothing_yet opened ours pace patient place planted repeatable
said shares sound spreading stretch suspects suspects_of sweeps_panels theirs told try_out untold
"""
"""Names that nobody outside would look for; the field has its own for all of them."""
BRITISH = re.compile(
    r"\w*(?:(?:optimi|initiali|normali|regulari|standardi|quanti|generali|minimi|maximi|summari"
    r"|organi|recogni|vectori|seriali|penali|locali|speciali|materiali|categori|randomi|utili)"
    r"s(?:e[drs]?|ing|ations?)(?![a-z])"
    r"|(?:behavi|fav|neighb|col)our|centre|labell|modell|cancell|catalogue|analys(?:ed|ing)"
    r"|artefact|licence|grey)\w*",
    re.IGNORECASE,
)


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """The names that a file gives, itself included: functions, classes, arguments, variables."""
    yield 0, path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def private_names(root: Path) -> dict[str, Counter[str]]:
    """By room, how often each private name is given."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted((root / "fnn").rglob("*.py")):
        names = (name.strip("_") for _, name in identifiers(path))
        if here := [name for name in names if name in PRIVATE.split()]:
            counts[path.relative_to(root).parts[1]].update(here)
    return dict(counts)


def test_names_are_the_fields() -> None:
    assert private_names(ROOT) == {}


def test_a_planted_private_name_is_seen(tmp_path: Path) -> None:
    source = """
class Course: ...
def _told(answers, *, told=1):  # said
    for _found in answers:
        told.go_on(found=1)
    import numpy as mine
    the_place, retold = 1, "made"
"""
    plant(tmp_path, {"room/stretch": source, "found_it": "x = 1", "free": "said.made"})
    assert private_names(tmp_path) == {
        "room": Counter(["stretch", "Course", "told", "answers", "told", "found", "mine"])
    }


def british(text: str) -> list[str]:
    return [match[0] for match in BRITISH.finditer(text)]


def test_spelling_is_american() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    folders = ("fnn", "experiments", "scripts")
    pages += [path for name in folders for path in (ROOT / name).rglob("*.py")]
    old = {"docs/migrating.md", "CHANGELOG.md"}  # they name what has been renamed
    words = {str(page.relative_to(ROOT)): british(page.read_text()) for page in pages}
    assert old <= words.keys()
    assert {page: here for page, here in words.items() if here and page not in old} == {}


def test_a_planted_british_word_is_seen() -> None:
    assert british("The optimiser of Normalised colours, analysed_by, in its centre") == [
        "optimiser", "Normalised", "colours", "analysed_by", "centre"
    ]  # fmt: skip
    assert british("promise, analysis, otherwise, exercise, precise, optimize, raised") == []
