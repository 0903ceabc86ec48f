"""What the scripts of this folder share: options, a count of what is done, the table, JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fnn import xla
from fnn.files import write_bytes
from fnn.spec import FnnError


class Table(Protocol):
    """What a proof of the audit gives: printable, `ok` where the audit is as good as it must be."""

    @property
    def ok(self) -> bool: ...

    def to_json(self) -> str: ...


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Options that all of the scripts take; `doc` is the script's docstring."""
    result = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    result.add_argument("--seed", type=at_least(0), default=0, help="draws all that is random")
    result.add_argument("--json", type=Path, metavar="FILE", help="write all of the evidence")
    return result


def at_least(least: int) -> Callable[[str], int]:
    """An integer of an option, refused below `least`."""

    def convert(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {text}")
        return int(text)

    convert.__name__ = "whole number"
    return convert


def report(prove: Callable[[], Table], json: Path | None) -> int:
    """Run a proof and print its table: exit status 0 where it holds, 1 where not, 2 for bad input.

    Hundreds of programs that each run a few times are compiled without XLA's optimizer.
    """
    xla.add_xla_flags(*xla.QUICKLY)
    try:
        table = prove()
        print(table)
        if json is not None:
            write_bytes(json, f"{table.to_json()}\n".encode())
    except FnnError as error:
        print(f"{Path(sys.argv[0]).stem}: error: {error}", file=sys.stderr)
        return 2
    return 0 if table.ok else 1


def show_progress(done: int, total: int, _: object) -> None:
    """A count that is written over, where standard error is a terminal."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
