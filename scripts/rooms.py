"""Writes the table of rooms into docs/architecture.md, from the first lines of their docstrings.

    ./scripts/python scripts/rooms.py

The order is that of imports, which tests/test_structure.py holds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.test_structure import ROWS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- end of rooms -->)", re.DOTALL)


def table() -> str:
    """The rooms as a table in Markdown, from what imports nothing to what nothing imports."""
    lines = ["| row | room | holds |", "|---|---|---|"]
    rows = [[room for room in row if room != "__init__"] for row in ROWS]
    there = [found for row in rows if (found := [path for room in row for path in parts(room)])]
    for number, row in enumerate(there, start=1):
        lines += [f"| {number} | `{name(path)}` | {first_line(path)} |" for path in row]
    return "\n".join(lines) + "\n"


def parts(room: str) -> Iterator[Path]:
    """The file of a room, or its folder and the folders in it."""
    folder = ROOT / "fnn" / room
    if folder.is_dir():
        for init in sorted(folder.rglob("__init__.py")):
            yield init.parent
    elif folder.with_suffix(".py").exists():
        yield folder.with_suffix(".py")


def name(path: Path) -> str:
    """As `fnn/audit/` or `fnn/layer.py`."""
    return str(path.relative_to(ROOT)) + "/" * path.is_dir()


def first_line(path: Path) -> str:
    """The first line of the docstring of a file or a package, a bar escaped."""
    source = (path / "__init__.py" if path.is_dir() else path).read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text()))
