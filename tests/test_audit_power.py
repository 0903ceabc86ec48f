"""The scripts that prove the audit: what they run, what they print and keep, how they end."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.audit_power import cover_pairs, plant_faults, random_networks

SCRIPTS = [
    (plant_faults, "--seed 3", "run_trials", ((), {"seed": 3, "only": None, "sites": 2})),
    (plant_faults, "--only dense", "run_trials", ((), {"seed": 0, "only": "dense", "sites": 2})),
    (cover_pairs, "--dtype float32", "cover_pairs", ((), {"seed": 0, "dtype": "float32"})),
    (random_networks, "7", "audit_random_networks", ((7, "float64"), {"seed": 0})),
]


@pytest.mark.parametrize(("script", "words", "name", "given"), SCRIPTS)
@pytest.mark.parametrize("ok", [True, False])
def test_proofs(capsys, monkeypatch, tmp_path: Path, script, words, name, given, ok) -> None:
    """Their table is printed, kept, and decides how the script ends."""
    calls = []
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))

    class Table(SimpleNamespace):
        def __str__(self) -> str:
            return "a table"

    def run(*args: Any, progress: Any, **options: Any) -> Table:
        progress(1, 2, None)
        calls.append((args, options))
        return Table(ok=ok, to_json=lambda: "{}")

    monkeypatch.setattr(script, name, run)
    status = script.main([*words.split(), "--json", str(tmp_path / "table.json")])
    out, err = capsys.readouterr()
    assert (status, out, err) == (0 if ok else 1, "a table\n", "")
    assert calls == [given]
    assert (tmp_path / "table.json").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        (random_networks, "0", "expected 1 or more, got 0"),
        (plant_faults, "--sites 0", "expected 1 or more, got 0"),
        (cover_pairs, "--seed -1", "expected 0 or more, got -1"),
        (cover_pairs, "--dtype float16", "float64"),
        (random_networks, "many", "invalid whole number value: 'many'"),
    ],
)
def test_bad_options_are_refused(capsys, script, words: str, message: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        script.main(words.split())
    assert message in capsys.readouterr().err


def test_an_unknown_fault(capsys, monkeypatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
    assert plant_faults.main(["--only", "dropuot"]) == 2
    assert "no fault is called 'dropuot'; did you mean 'dropout'" in capsys.readouterr().err
