"""How an audit is shown: as text, in a notebook, as JSON, as a figure. The audits are made up."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from fnn.audit.differences.finite_differences import Ladder
from fnn.audit.records import Check, Finding, LeafRow, Verdict, Worst
from fnn.audit.render.text import WIDTH, figure
from fnn.audit.result import Audit
from fnn.figures import draw_gradient_audit
from fnn.figures.heat_map import flat, pooled
from fnn.spec import FnnError
from fnn.spec.errors import shorten

STEPS = 4.0 ** -np.arange(1, 14)
NAN = float("nan")
HEADER = {
    "dtype": "float64",
    "matmul_precision": "highest",
    "versions": {"fnn": "0.1.0", "jax": "0.10.2"},
    "seed": 12345,
    "evaluations": 12345,
    "seconds": 3.2149,
}


def ladder(claimed: float = 1.0) -> Ladder:
    noise = 1e-16 / STEPS
    return Ladder(STEPS, 1 + STEPS**2 + noise / 3, noise, claimed=claimed, best=1 + 1e-13)


def row(path: str, verdict: Verdict = Verdict.PASS, note: str = "", **more: Any) -> LeafRow:
    made = LeafRow(
        path=path,
        shape=(12, 5),
        rms=0.0512,
        rms_gradient=0.0123,
        difference=1.4e-17,
        numerical=3.14e-13,
        resolution=2e-12,
        floor=1e-17,
        limit=6.4e-16,
        corners=0,
        verdict=verdict,
        note=note,
        ladder=ladder(),
        error=np.full((12, 5), 1e-18),
    )
    return replace(made, **more)


def wrong(path: str) -> LeafRow:
    error = np.full((12, 5), 1e-18)
    error[7, 2] = 4e-7
    worst = Worst((7, 2), 0.4000004, 0.4, 0.39999999999, 3.1e-10)
    return row(path, Verdict.WRONG, worst=worst, error=error, difference=4e-7, ladder=ladder(1.2))


def example() -> Audit:
    return Audit(
        HEADER,
        (
            row("layers[0].weight"),
            row("layers[0].bias", shape=(5,), note="zero: its terms cancel"),
            wrong("layers[2].weight"),
            row("layers[2].bias", Verdict.DEAD, shape=(), note="nothing flows here"),
            row("layers[4].weight", Verdict.UNRESOLVED, "other directions do not confirm it"),
            row("input", note="too small for differences"),
        ),
        (Finding("net.layers[2]", "Dense", "weight", 1e-6, "one element is off"),),
        (
            Check("the same call twice", True, ""),
            Check("jit against eager", False, "they differ by 1e-3"),
            Check("forward against reverse mode", None, "custom_vjp has no forward mode"),
        ),
    )


def test_the_table() -> None:
    """A line a leaf, all columns aligned, figures of three digits."""
    lines = str(example()).splitlines()
    assert max(map(len, lines)) <= WIDTH
    rule = next(index for index, line in enumerate(lines) if set(line) == {"─"})
    cells = [re.split(r"\s{2,}", line) for line in lines[rule + 1 : rule + 7]]
    assert cells[0] == [
        *("layers[0].weight", "12×5", "0.0512", "0.0123", "1.40e-17", "3.14e-13"),
        *("1.00e-17", "6.40e-16", "0", "PASS"),
    ]
    assert [line[-1] for line in cells] == [
        *("PASS", "PASS (zero)", "WRONG", "DEAD", "UNRESOLVED", "PASS")
    ]
    assert [line[1] for line in cells[1:4]] == ["5", "12×5", "scalar"]
    assert len({line.index("PASS") for line in lines if line.endswith("PASS")}) == 1
    titles = " ".join(lines[rule - 2].split()), " ".join(lines[rule - 1].split())
    assert titles == (
        "rms of rms of claimed − automatic − noise detection",
        "path shape param gradient automatic numerical floor limit corners verdict",
    )


def test_what_stands_around_the_table() -> None:
    lines = str(example()).splitlines()
    assert lines[0] == (
        "dtype float64, matmul precision highest, fnn 0.1.0, jax 0.10.2, seed 12345, "
        "evaluations 12,345, seconds 3.21"
    )
    below = "\n".join(lines).split("─\n")[1]
    assert below.split("\n\n", 1)[1] == (
        "WRONG  layers[2].weight: the claimed gradient is not the derivative\n"
        "    worst at [7, 2]: claimed 0.4000004, automatic 0.4, numerical 0.4 ± 3.10e-10\n"
        "DEAD  layers[2].bias: nothing flows here\n"
        "UNRESOLVED  layers[4].weight: the noise is larger than what could be seen; other "
        "directions do not confirm it\n"
        "PASS  input: too small for differences\n"
        "\n"
        "at fault: net.layers[2] (Dense), weight: one element is off (relative error 1.00e-06)\n"
        "\n"
        "check: the same call twice: holds\n"
        "check: jit against eager: FAILED (they differ by 1e-3)\n"
        "check: forward against reverse mode: not asked (custom_vjp has no forward mode)\n"
        "\n"
        "4 leaves proved (1 DEAD), 1 WRONG, 1 UNRESOLVED, 1 check FAILED"
    )


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ([row("a")], "1 leaf proved"),
        ([row("a"), row("b"), row("c")], "all 3 leaves proved"),
        ([row("a"), row("b", Verdict.KINK), row("c")], "all 3 leaves proved (1 KINK)"),
        ([wrong("a"), wrong("b")], "0 leaves proved, 2 WRONG"),
    ],
)
def test_the_conclusion(rows: list[LeafRow], last: str) -> None:
    assert str(Audit({}, tuple(rows))).splitlines()[-1] == last


def test_a_function_that_jax_can_not_trace() -> None:
    """Nothing is compared with an automatic gradient that is not there."""
    worst = Worst((), 2.0, None, 1.0, 1e-9)
    found = row("args[0]", Verdict.WRONG, difference=None, error=None, worst=worst, shape=())
    told = str(Audit({}, (found,)))
    assert "automatic is JAX's own" not in told
    assert "    claimed 2, numerical 1 ± 1.00e-09\n" in told
    assert re.search(r"\n +rms of +rms of +claimed − +claimed − ", told)
    assert "automatic" in str(Audit({"claimed": "manual"}, (row("a"),))).splitlines()[0]


def test_a_long_name_loses_its_middle() -> None:
    path = "layers[10].branches[1].layers[0].layers[4].layers[11].weight"
    told = str(Audit({}, (row(path, Verdict.NONDETERMINISTIC, "two equal calls differ"),)))
    lines = told.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert any(line.startswith("layers[10].") and "….." not in line for line in lines)
    assert f"NONDETERMINISTIC  {path}: two equal calls differ" in lines
    assert shorten("abcdefgh", 5) == "ab…gh" and shorten("abcde", 5) == "abcde"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *((None, "–"), (0.0, "0"), (NAN, "nan"), (-np.inf, "-inf"), (1.0, "1.00")),
        *((0.05123, "0.0512"), (999.4, "999"), (999.6, "1.00e+03"), (9.99e-4, "9.99e-04")),
        *((0.1, "0.100"), (-12.34, "-12.3"), (np.float64(1e-300), "1.00e-300")),
    ],
)
def test_figures(value: float | None, told: str) -> None:
    assert figure(value) == told


def test_what_is_not_finite() -> None:
    worst = Worst((0, 1), NAN, 0.5, NAN, NAN)
    found = row("a", Verdict.NONFINITE, "1 of 60 elements", worst=worst, numerical=NAN)
    told = str(Audit({}, (found,)))
    assert "NONFINITE  a: NaN or infinite; 1 of 60 elements\n" in told
    assert "    worst at [0, 1]: claimed nan, automatic 0.5\n" in told


class Words(HTMLParser):
    """The words of a page, and the tags that were not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_in_a_notebook() -> None:
    """The words of the text, escaped, verdicts on grounds that differ; no color of its own."""
    audit = example()
    sly = replace(audit.rows[0], path="<script>alert(1)</script>&amp;")
    audit = replace(audit, rows=(sly, *audit.rows[1:]))
    page = audit._repr_html_()
    read = Words(page)
    assert read.open == [] and "<script" not in page
    assert "<script>alert(1)</script>&amp;" in read.words
    assert {"PASS", "PASS (zero)", "WRONG", "UNRESOLVED"} <= set(read.words)
    told = " ".join(" ".join(read.words).split())
    for part in str(audit).split("\n\n")[2:]:
        assert " ".join(part.split()) in told
    grounds = dict(re.findall(r"background:(#\w+);color:#fff[^>]*>(\w+)", page))
    assert len(grounds) == 4 and "color:inherit" in page


def test_json_holds_all_but_the_errors() -> None:
    audit = replace(example(), header={**HEADER, "note": NAN})
    read = json.loads(audit.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert read["ok"] is False and read["header"]["note"] == "NaN"
    assert read["header"]["versions"] == {"fnn": "0.1.0", "jax": "0.10.2"}
    first, third = read["rows"][0], read["rows"][2]
    assert (first["path"], first["shape"], first["verdict"]) == (
        "layers[0].weight",
        [12, 5],
        "PASS",
    )
    assert set(first["ladder"]) == {"steps", "slopes", "noise", "claimed", "best"}
    assert first["ladder"]["steps"] == STEPS.tolist() and "error" not in first
    assert third["worst"]["index"] == [7, 2] and third["worst"]["claimed"] == 0.4000004
    assert [check["ok"] for check in read["checks"]] == [True, False, None]
    assert read["findings"][0]["words"] == "one element is off"
    assert "\n" not in audit.to_json(indent=None)


def test_the_panels() -> None:
    """Those first that are not PASS, errors over steps, the chosen value, the noise."""
    *panels, legend, _, _ = draw_gradient_audit(example().rows).axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles[:3] == ["layers[2].weight", "layers[2].bias", "layers[4].weight"]
    assert [axes.texts[0].get_text() for axes in panels[:4]] == [
        *("WRONG", "DEAD", "UNRESOLVED", "PASS")
    ]
    noise, chosen, ring, error = panels[0].get_lines()
    made = ladder(1.2)
    np.testing.assert_allclose(error.get_xydata(), np.stack([STEPS, abs(made.slopes - 1.2)], 1))
    np.testing.assert_array_equal(noise.get_ydata(), made.noise)
    np.testing.assert_allclose(chosen.get_ydata(), 0.2)
    assert ring.get_xdata() == STEPS[np.argmin(abs(made.slopes - made.best))]
    assert (panels[0].get_xscale(), panels[0].get_yscale()) == ("log", "log")
    assert len(legend.get_legend().get_texts()) == 4


def test_the_heat_map() -> None:
    """Of the leaf furthest above its limit; below the limit all is one color."""
    *_, heat, _ = draw_gradient_audit(example().rows).axes
    (image,) = heat.images
    assert image.get_array().shape == (12, 5)
    np.testing.assert_allclose((image.norm.vmin, image.norm.vmax), (4e-15, 4e-7))  # no more
    assert heat.get_lines()[0].get_xydata().tolist() == [[2, 7]]
    assert heat.get_title(loc="left") == (
        "|claimed − automatic| over layers[2].weight: 4e-07 at [7, 2]; the detection limit is "
        "6.4e-16"
    )


def test_large_leaves_keep_their_worst_element() -> None:
    error = np.zeros((1000, 30, 9))
    error[700, 20, 3] = -2.0
    cells = flat(error)
    assert cells.shape == (1000, 270) and cells.max() == 2
    small = pooled(cells)
    assert small.shape == (125, 90) and small.max() == 2 and (small > 0).sum() == 1
    assert pooled(flat(np.ones(500))).shape == (1, 125) and flat(np.float64(-3)).tolist() == [[3]]
    assert np.isnan(pooled(np.array([[1, NAN, 2]]), 1)).all()


RIGHT = row("a", error=np.zeros((3, 4)))
PLOTS = {
    "zero": (RIGHT, "no difference anywhere"),
    "one element": (row("b", error=np.array(1e-9), shape=()), "1e-09 at []"),
    "nan": (row("$c$", Verdict.NONFINITE, error=np.array([1, NAN, np.inf])), "nan at [1]"),
    "no limit": (row("d", error=np.ones((2, 2, 2)), limit=NAN), "1 at [0, 0, 0]"),
}


@pytest.mark.parametrize(("found", "told"), PLOTS.values(), ids=PLOTS)
def test_heat_maps_at_the_edge(tmp_path, found: LeafRow, told: str) -> None:
    titles = [axes.get_title(loc="left") for axes in draw_gradient_audit([found]).axes]
    assert any(told in title for title in titles)
    Audit({}, (found,)).plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_difference_of_zero_does_not_scale_the_axis() -> None:
    """It lies just below the others, however large they are."""
    slopes = np.full(len(STEPS), 2e200)
    slopes[0] = 1e200
    found = row("a", ladder=Ladder(STEPS, slopes, np.full(len(STEPS), 1e190), 1e200, 1e200))
    drawn = draw_gradient_audit([found]).axes[0].get_lines()[-1].get_ydata()
    assert drawn.min() > 1e189


def test_ladders_at_the_edge(tmp_path) -> None:
    """Zeros, NaN and infinities, no ladder, no automatic gradient, many leaves."""
    nothing, zeros = np.full(13, NAN), np.zeros(13)
    ladders = [
        Ladder(STEPS, nothing, nothing, claimed=1.0),
        Ladder(STEPS, zeros, zeros, claimed=0.0, best=0.0),
        Ladder(STEPS, np.where(STEPS > 0.1, np.inf, 1), zeros + np.inf, claimed=1.0, best=NAN),
        None,
    ]
    rows = [row(f"leaf[{i}]", ladder=made, error=None) for i, made in enumerate(ladders)]
    Audit({}, tuple(rows)).plot(tmp_path / "a.png")
    assert len(draw_gradient_audit(rows).axes) == 3 + 1
    Audit({}, (rows[3],)).plot(tmp_path / "b.png")
    many = [row("layers[0].branches[1].layers[10].weight")] * 30
    assert len(draw_gradient_audit(many).axes) == 12 + 1 + 2
    with pytest.raises(FnnError, match="does not exist"):
        Audit({}, (rows[0],)).plot(tmp_path / "none" / "a.png")
