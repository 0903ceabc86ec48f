"""The documentation is true word for word: its Python prints what it says, its commands exist."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fnn
from fnn.cli import main
from scripts import rooms

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted(
    [
        README,
        *(ROOT / "docs").glob("*.md"),
        *map(ROOT.joinpath, ("CHANGELOG.md", "CONTRIBUTING.md")),
    ]
)
MARK = "-- end of block --"
COMMANDS = ["train", "sweep", "search", "evaluate", "predict", "runs", "summary", "gradcheck"]
COMMANDS += ["verify", "data list", "data get", "data describe"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def python_blocks(text: str) -> list[tuple[str, str]]:
    """Each block of Python with what it prints: the block that follows, or comments at prints."""
    found = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, re.DOTALL)
    return [(code, promised or beside_prints(code)) for code, promised in found]


def beside_prints(code: str) -> str:
    """What the comments say that stand behind `print(…)`, a line each."""
    return "".join(f"{said}\n" for said in re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE))


WITH_PYTHON = [page for page in PAGES if python_blocks(page.read_text())]
assert {page.stem for page in WITH_PYTHON} >= {"README", "python", "extending"}


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_blocks_print_what_they_promise(page: Path, tmp_path: Path) -> None:
    """As one script, in a process of its own, as a reader would paste it."""
    blocks = python_blocks(page.read_text())
    script = "".join(f"{code}\nprint({MARK!r})\n" for code, _ in blocks)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    printed = done.stdout.split(f"{MARK}\n")
    assert len(printed) == len(blocks) + 1
    for output, (_, promised) in zip(printed, blocks, strict=False):
        assert output == promised


def test_a_comment_behind_a_print_is_a_promise() -> None:
    page = "```python\nprint(1)  # one\nx = 2  # two\nprint((3))  # (3)\n```\n"
    assert python_blocks(page) == [(page[10:-4], "one\n(3)\n")]


@each_page
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"`((?:fnn|tests|experiments|docs|scripts)/[\w/]*(?:\.\w+)?)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\./scripts/python\s+(experiments/[\w/]+\.py)", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"\./scripts/bench ([a-z_]+)", text):
        assert (ROOT / "experiments" / "benchmarks" / f"{name}.py").exists(), name


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        to = page.parent / path if path else page
        assert to.exists(), target
        if heading:
            assert heading in headings(to.read_text()), target


def headings(text: str) -> list[str]:
    """The anchors that a page's headings have."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@cache
def help_of(command: str) -> str:
    """What `fnn COMMAND --help` prints."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        main([*command.split(), "--help"])
    return written.getvalue()


def options_in(text: str) -> set[str]:
    """The long options that a text names."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_the_manual_names_every_option() -> None:
    manual = (ROOT / "docs" / "cli.md").read_text()
    known = {"--help"}.union(*(options_in(help_of(command)) for command in COMMANDS))
    assert len(known) > 60
    assert known - options_in(manual) == set()
    removed = {"--faults", "--all", "--right"}  # named there as what they were
    assert options_in(manual) - known == removed


@each_page
def test_commands_take_the_options_that_a_page_gives_them(page: Path) -> None:
    for line in re.findall(r"^\$ (?:\./scripts/)?fnn (.*)$", page.read_text(), re.MULTILINE):
        words = line.split()
        command = " ".join(words[: 2 if words[0] == "data" else 1])
        assert command in COMMANDS, line
        assert options_in(line) <= options_in(help_of(command)), line


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == fnn.__version__


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 160


def test_the_table_of_rooms_is_the_codes() -> None:
    """Mend it by `./scripts/python scripts/rooms.py`."""
    found = rooms.TABLE.search(rooms.PAGE.read_text())
    assert found is not None and found[0] == rooms.table()


def test_the_table_of_rooms_follows_the_code(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "fnn" / "layers" / "linear").mkdir(parents=True)
    (tmp_path / "fnn" / "layers" / "__init__.py").write_text('"""The | layers."""')
    (tmp_path / "fnn" / "layers" / "linear" / "__init__.py").write_text('"""x W.\n\nMore."""')
    (tmp_path / "fnn" / "layer.py").write_text('"""The contract."""')
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    assert rooms.table().splitlines()[2:] == [
        "| 1 | `fnn/layer.py` | The contract. |",
        "| 2 | `fnn/layers/` | The \\| layers. |",
        "| 2 | `fnn/layers/linear/` | x W. |",
    ]


def test_the_glossary_is_short() -> None:
    words = (ROOT / "docs" / "architecture.md").read_text().partition("## Glossary")[2]
    assert 0 < len(re.findall(r"^\| ", words, re.MULTILINE)) - 1 <= 30  # without the header


def test_names_that_have_changed_are_there_and_no_longer_there() -> None:
    """The rows of docs/migrating.md, a name of the package before and after."""
    page = (ROOT / "docs" / "migrating.md").read_text()
    rows = re.findall(r"^\| `(fnn\.[\w.]+)` \| `(fnn\.[\w.]+)` \|$", page, re.MULTILINE)
    assert len(rows) > 20
    for old, new in rows:
        assert is_there(new), new
        assert not is_there(old), old


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a module or an attribute."""
    with contextlib.suppress(ImportError, AttributeError):
        pkgutil.resolve_name(name)
        return True
    return False


MODULES = [module.name for module in pkgutil.walk_packages(fnn.__path__, "fnn.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_in_docstrings(name: str) -> None:
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0
