"""Tables: what a text file or a frame says, how columns are encoded, which faults are named."""

import gzip
import json
import os

import numpy as np
import pytest

from fnn.data import (
    DataError,
    Preprocessing,
    Table,
    describe,
    from_arrays,
    from_frame,
    load,
    prepare,
    read_inputs,
    read_rows,
)
from fnn.training.train import as_prepared

PEOPLE = "\n".join(
    [
        "age,job,city,income",
        '39, clerk ,"Rome, Italy",low',
        "50,,Oslo,high",
        '?,clerk,"said ""Oslo""",low',
        "28.5,cook,Oslo,high",
        "31,cook,Oslo,low",
        "42,clerk,NA,high",
        "",
    ]
)


@pytest.fixture
def write(tmp_path):
    def write(content, name="people.csv"):
        path = tmp_path / name
        raw = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


def same(ours, theirs):
    """Two tables of equal columns."""
    assert ours.names == theirs.names
    for name, values in ours.columns.items():
        np.testing.assert_array_equal(values, theirs.columns[name])


# reading -----------------------------------------------------------------------------------------


def test_a_file_holds_numbers_and_categories(write):
    data = load(write(PEOPLE), target="income")
    assert (data.name, data.task, data.classes) == ("people", "binary", ("high", "low"))
    assert data.target.dtype == np.int32 and data.target.tolist() == [1, 0, 1, 0, 1, 0]
    columns = data.inputs.columns
    np.testing.assert_array_equal(columns["age"], [39, 50, np.nan, 28.5, 31, 42])
    assert columns["job"].tolist() == ["clerk", None, "clerk", "cook", "cook", "clerk"]
    assert columns["city"].tolist() == ["Rome, Italy", "Oslo", 'said "Oslo"', *["Oslo"] * 2, None]
    assert data.inputs.lines.tolist() == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda text: "\ufeff" + text, {}),
        (lambda text: text.replace("\n", "\r\n"), {}),
        (lambda text: text.replace("\n", "\r"), {}),
        (lambda text: text + "\n\n", {}),
        (lambda text: text.rstrip("\n"), {}),
        (lambda text: text.replace(",", ", ").replace("Rome,  ", "Rome, "), {}),
        (lambda text: text.replace(",", "\t").replace("Rome\t", "Rome,"), {"delimiter": "tab"}),
        (lambda text: text.replace(",", ";").replace("Rome;", "Rome,"), {"delimiter": ";"}),
    ],
)
def test_one_table_written_in_many_ways(write, change, options):
    expected = load(write(PEOPLE), target="income")
    for name in ("other.csv", "other.txt.gz", "other.tsv"):
        if name == "other.tsv":
            options = {"delimiter": ",", **options}
        data = load(write(change(PEOPLE), name), target="income", **options)
        same(data.inputs, expected.inputs)
        assert np.array_equal(data.target, expected.target) and data.name == "other"
    tabs = PEOPLE.replace(",", "\t").replace("Rome\t", "Rome,")
    same(load(write(tabs, "tabs.tsv"), target="income").inputs, expected.inputs)


def test_without_a_header_columns_go_by_number(write):
    path = write(PEOPLE.partition("\n")[2])
    for target in (4, -1, "4", "-1", "column_4"):
        data = load(path, target=target, header=False)
        assert data.inputs.names == ("column_1", "column_2", "column_3")
        assert data.target_name == "column_4" and data.classes == ("high", "low")
    data = load(path, target=1, header=False, drop=[-1, 2], missing=["", "NA"], categorical=[1])
    assert data.inputs.names == ("column_3",)
    assert data.classes == ("28.5", "31", "39", "42", "50", "?")


def test_what_is_missing_is_up_to_the_user(write):
    text = "a,b,y\n-1,x,0\n2,?,1\n-1,unknown,0\n4,x,1\n"
    data = load(write(text), target="y", missing=["-1", "unknown"])
    np.testing.assert_array_equal(data.inputs.columns["a"], [np.nan, 2, np.nan, 4])
    assert data.inputs.columns["b"].tolist() == ["x", "?", None, "x"]


def test_an_empty_field_is_always_missing_and_a_number_however_written(write):
    text = "a,b,y\n-999,x,0\n2,,1\n-999.0,NA,0\n,x,1\n"
    data = load(write(text), target="y", missing=["-999"])
    np.testing.assert_array_equal(data.inputs.columns["a"], [np.nan, 2, np.nan, np.nan])
    assert data.inputs.columns["b"].tolist() == ["x", None, "NA", "x"]


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        (["3,5", "4", "-,25"], "line 2: '3,5'"),
        (["17", "1,234", "1,234,567.5"], "line 3: '1,234'"),
        (["1.234,5", "2.000,0", ""], "line 2: '1.234,5'"),
        (["", "5%", "5.5 %"], "line 3: '5%'"),
    ],
)
def test_numbers_in_another_notation_are_no_categories(write, fields, first):
    rows = "".join(f"{field};{index % 2}\n" for index, field in enumerate(fields * 2))
    with pytest.raises(DataError, match=f"people.csv, column a: {first} looks like a number"):
        load(write("a;y\n" + rows), target="y", delimiter=";")
    data = load(write("a;y\n" + rows), target="y", delimiter=";", categorical=["a"])
    assert data.inputs.columns["a"].tolist()[:3] == [field or None for field in fields]
    mixed = rows + "1,2,3;0\n" * 3
    assert load(write("a;y\n" + mixed), target="y", delimiter=";").inputs.shape == (9, 1)


def test_categorical_columns_keep_their_words(write):
    text = "code,y\n007,0\n7,1\n010,0\n1_0,1\n"
    with pytest.raises(DataError, match="expected a number"):
        load(write(text + "3,0\n" * 40), target="y")
    data = load(write(text), target="y", categorical=["code"])
    assert data.inputs.columns["code"].tolist() == ["007", "7", "010", "1_0"]
    data = load(write(text), target="y")
    assert data.inputs.columns["code"].tolist() == ["007", "7", "010", "1_0"]


TASKS = [
    ("a b a b", None, ("a", "b")),
    ("True False True True", None, ("False", "True")),
    ("0 1 0 1", None, ("0", "1")),
    ("1.0 2.0 1.0 2.0", None, ("1", "2")),
    ("-1 1 -1 1", None, ("-1", "1")),
    ("5 9 5 9", None, ("5", "9")),
    ("1 2 3 1 2 3", None, ("1", "2", "3")),
    ("0 1 2 0 1 2", "regression", None),
    ("3 4 5 3 4 5", None, None),
    ("3 4 5 3 4 9", "classification", ("3", "4", "5", "9")),
    ("0 1 2 3 4", None, None),
    ("0.5 1.5 0.5 1.5", None, None),
]


@pytest.mark.parametrize(("target", "task", "classes"), TASKS)
def test_what_is_taken_for_classes(write, target, task, classes):
    values = target.split()
    text = "x,y\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values))
    data = load(write(text), target="y", task=task)
    assert data.classes == classes
    asked = task is None and classes is not None and values[0] not in ("a", "True")
    assert any("were taken for classes" in note for note in data.notes) == asked
    if classes is None:
        assert np.array_equal(data.target, np.array(values, float))


def test_a_second_file_is_an_official_test_part(write):
    first = write(PEOPLE)
    second = write("income,city,job,age\nlow,Paris,cook,\nhigh,Oslo,,7\n", "test.csv")
    data = load(first, target="income", test=second)
    assert data.test.target.tolist() == [1, 0]
    assert data.test.inputs.names == ("age", "job", "city")
    np.testing.assert_array_equal(data.test.inputs.columns["age"], [np.nan, 7])
    made = prepare(data, (0.5, 0.5, 0), stratify=False)
    assert len(made.test.x) == 2 and len(made.train.x) == 3
    for content, message in (
        ("age,job,income\n1,cook,low\n", "test.csv: missing columns: 'city'"),
        ("age,job,city,income\n1,cook,Oslo,low.\n", "line 2: unknown class 'low.'; did you mean"),
        ("age,job,city,income\nold,cook,Oslo,low\n", "column age: line 2: expected a number"),
        ("age,job,city,income\n1,cook,Oslo,\n", "test.csv, column income: line 2: no target"),
        ("age,job,city,income\n1,cook,Oslo\n", "test.csv: line 2: expected 4 fields"),
    ):
        with pytest.raises(DataError, match=message):
            load(first, target="income", test=write(content, "test.csv"))


# faults ------------------------------------------------------------------------------------------

ROWS = "".join(f"{row},{row % 2}\n" for row in range(30))
FAULTS = {
    "empty": ("", {}, "people.csv: the file is empty"),
    "blank": ("\n\n", {}, "people.csv: the file is empty"),
    "header only": ("a,y\n", {}, "people.csv: a header and no rows below it"),
    "one row": ("a,y\n1,0\n", {}, "people: expected at least two rows, got one"),
    "no target": ("a,y\n" + ROWS, {"target": None}, "which column .*: one of 'a', 'y'"),
    "near target": ("a,yes\n" + ROWS, {"target": "yse"}, "no column 'yse' .* mean 'yes'"),
    "bare": (ROWS[8:], {}, "no column 'y' .* is the first line data, and not a header"),
    "too short": ("a,b,y\n1,2,0\n1,0\n1\n", {}, r"line 3: expected 3 .* got 2 \(2 such rows"),
    "too long": ("a,y\n1,0\n\n1,0,\n", {}, "line 4: expected 2 fields as in .* line, got 3"),
    "lines in quotes": ('a,y\n"1\n2",0\n1\n', {}, "line 4: expected 2 fields .* got 1"),
    "delimiter": ("a;b;y\n1;2;0\n", {}, "found one column only; .* ',', .* 2 ';': is that"),
    "delimiter and quotes": ('"a";"y"\n1;0\n', {}, "line 1: .* the first line has 1 ';': is that"),
    "tabs": ("a\ty\n1\t0\n", {}, "found one column only; .* has 1 tab"),
    "commas": ("a,y\n1,0\n", {"delimiter": ";"}, "found one column only; .* ';', .* 1 ','"),
    "one column": ("y\n0\n1\n", {}, "no inputs beside the target 'y'"),
    "all dropped": ("a,y\n" + ROWS, {"drop": ["a"]}, "no inputs beside the target 'y'"),
    "drop target": ("a,y\n" + ROWS, {"drop": ["y"]}, "'y' is the target and can't be left out"),
    "drop unknown": ("a,y\n" + ROWS, {"drop": ["b"]}, "no column 'b' for drop"),
    "two of one name": ("a,a,y\n1,2,0\n", {}, "column names that differ, got 'a' twice"),
    "no name": (",a,y\n0,1,0\n1,1,1\n", {}, "column 1 has no name: an index written by pandas"),
    "word": (f"a,y\n{ROWS}x,1\nx,0\n", {}, r"column a: line 32: .* got 'x' \(2 such"),
    "infinite": (f"a,y\n{ROWS}inf,1\n", {}, "column a: .* 1 infinite, the first in line 32"),
    "target lacks": (f"a,y\n{ROWS}7,\n8,?\n", {}, r"y: line 32: no target \(2 such rows in all\)"),
    "infinite target": (f"a,y\n{ROWS}7,-inf\n", {}, "y: line 32: expected a finite .* got -inf"),
    "all lack": ("a,y\n1,\n2,\n", {}, r"y: line 2: no target \(2 such"),
    "one class": ("a,y\n1,c\n2,c\n", {}, "at least two classes in y, got only 'c'"),
    "no classes": (
        "a,y\n1,0\n2,2.5\n",
        {"task": "classification"},
        "line 3: expected whole numbers or strings as classes, got 2.5",
    ),
    "too many digits": (
        f"a,y\n1,{2**53}\n2,{2**53 + 1}\n",
        {"task": "classification"},
        "y: line 2: 9007199254740992 has more digits .* name 'y' in `categorical`",
    ),
    "no numbers": ("a,y\n1,c\n2,d\n", {"task": "regression"}, "y: line 2: .* numbers .* got 'c'"),
    "no task": ("a,y\n1,0\n2,1\n", {"task": "rank"}, "task: expected classification or regression"),
    "latin": (b"a,y\n1,0\n\xe9,1\n", {}, "line 3: expected UTF-8, got the byte 0xe9"),
    "utf-16": ("a,y\n1,0\n".encode("utf-16"), {}, "expected UTF-8, got UTF-16"),
    "open quote": (
        'a,y\n1,0\n"2,1\n3,0\n',
        {},
        r'line 3: a quote \("\) is opened in this row and never',
    ),
    "after quote": ('a,y\n"1"2,0\n', {}, "line 2: ',' expected after"),
    "marker": ("a,y\n" + ROWS, {"delimiter": ",,"}, "delimiter: expected one character"),
    "beyond": (ROWS, {"target": 3, "header": False}, "no column 3 .* by number, 1 to 2, or -1"),
    "zero": (ROWS, {"target": 0, "header": False}, "no column 0 for target"),
    "by word": (ROWS, {"target": "y", "header": False}, "no column 'y' .* they go by number"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(write, fault):
    content, options, message = FAULTS[fault]
    with pytest.raises(DataError, match=message) as caught:
        load(write(content), **{"target": "y", **options})
    assert "people" in str(caught.value) or str(caught.value).startswith(("delimiter", "task"))


def test_files_that_cannot_be_read(write, tmp_path):
    packed = gzip.compress(PEOPLE.encode())
    (tmp_path / "folder.csv").mkdir()
    for name, content, message in (
        ("cut.csv", packed[:-9], "cut.csv: damaged gzip data"),
        ("folder.csv", None, "folder.csv: expected a file, got a folder"),
        ("nowhere.csv", None, "no such file: .*nowhere.csv"),
    ):
        if content is not None:
            write(content, name)
        with pytest.raises(DataError, match=message):
            load(tmp_path / name, target="income")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "at least one column"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "columns of one length, got {'a': 2, 'b': 3}"),
        ({"a": np.zeros(2, int)}, "column a: expected .* got int64"),
        ({"a": np.zeros((2, 2))}, r"column a: .* shape \(2, 2\)"),
    ],
)
def test_tables_that_are_refused(columns, message):
    with pytest.raises(DataError, match=message):
        Table(columns)


# encoding ----------------------------------------------------------------------------------------


def made_table(write, rows=60, **options):
    """Numbers with and without missing ones, categories with and without."""
    rng = np.random.default_rng(0)
    lines = ["number,holes,color,shape,same,empty,y"]
    for row in range(rows):
        hole = "" if row % 5 == 0 else f"{rng.normal(100, 7)}"
        color, shape = ("red", "blue", "green")[row % 3], ("round", "", "flat")[row % 3]
        lines.append(f"{rng.normal(-3, 2)},{hole},{color},{shape},1,,{rng.normal(5, 2)}")
    return load(write("\n".join(lines)), target="y", **options)


def test_columns_become_features(write):
    made = prepare(made_table(write))
    model, table = made.preprocessing, made.dataset.inputs.take(made.split.train)
    assert model.feature_names == (
        *("number", "holes", "holes missing", "color=blue", "color=green", "color=red"),
        *("shape=flat", "shape=round", "shape missing"),
    )
    assert model.in_shape == (9,) == made.train.x.shape[1:] and made.train.x.dtype == np.float32
    for part, rows in zip(made[:3], made.split, strict=True):
        raw = made.dataset.inputs.take(rows).columns
        number, holes = table.columns["number"], table.columns["holes"]
        filled = np.where(np.isnan(holes), np.nanmedian(holes), holes)
        here = np.where(np.isnan(raw["holes"]), np.nanmedian(holes), raw["holes"])
        expected = [
            (raw["number"] - number.mean()) / number.std(),
            (here - filled.mean()) / filled.std(),
            np.isnan(raw["holes"]),
            *(raw["color"] == color for color in ("blue", "green", "red")),
            *(raw["shape"] == shape for shape in ("flat", "round", None)),
        ]
        np.testing.assert_allclose(part.x, np.stack(expected, 1), rtol=1e-6, atol=1e-7)
    assert model.notes == (
        "column same is left out: it is 1 in all training rows",
        "column empty is left out: all of its values are missing in the training rows",
    )


def test_the_other_rows_teach_nothing(write):
    """Change validation and test rows at will: what the training rows become stays."""
    data = made_table(write)
    made = prepare(data)
    columns = {}
    for name, values in data.inputs.columns.items():
        columns[name] = values.copy()
        other = 1e9 if values.dtype == float else "other"
        columns[name][np.concatenate(made.split[1:])] = other
    target = np.where(np.isin(np.arange(60), made.split.train), data.target, 1e9)
    changed = type(data)(data.name, Table(columns), target, None)
    again = prepare(changed)
    assert np.array_equal(again.train.x, made.train.x)
    assert np.array_equal(again.train.target, made.train.target)
    note = "column color: 12 values of the test rows no training row has"
    assert note in again.preprocessing.notes
    assert np.all(again.test.x[:, 3:] == 0)


def test_row_names_are_left_out(write):
    for rows, words in ((60, 60), (3000, 1200)):
        lines = [f"{row % 7},n{row % words},{row % 2}" for row in range(rows)]
        data = load(write("a,name,y\n" + "\n".join(lines)), target="y")
        made = prepare(data)
        assert made.preprocessing.feature_names == ("a",)
        assert "column name is left out: it has" in made.preprocessing.notes[-1]
    lines = [f"n{row},{row % 2}" for row in range(60)]
    with pytest.raises(DataError, match="people: no column of inputs is of use: column name"):
        prepare(load(write("name,y\n" + "\n".join(lines)), target="y"))


def test_a_value_no_training_row_has(write):
    model = prepare(made_table(write)).preprocessing
    good = {"number": [1.0, 2], "holes": [np.nan, 100], "color": ["red", "blue"]}
    good["shape"] = [None, "flat"]
    table = lambda **change: Table(  # noqa: E731
        {
            name: np.array(values, float if isinstance(values[0], float) else object)
            for name, values in {**good, **change}.items()
        }
    )
    assert model.encode(table()).shape == (2, 9)
    for change, message in (
        ({"color": ["red", "grean"]}, "column color: row 1: unknown category 'grean'; did"),
        (
            {"color": ["pink", "gray"]},
            "row 0: unknown category 'pink'.*; 2 such rows in all; with unknown zeros",
        ),
        ({"color": [None, "red"]}, "color: row 0: the value is missing, and no training row"),
        ({"number": [1.0, np.nan]}, "number: row 1: the value is missing, and no training row"),
        ({"number": [1.0, np.inf]}, "inputs, column number: .* 1 infinite, the first in row 1"),
        ({"number": ["a", "b"]}, "column number: row 0: expected numbers, got 'a'"),
        ({"color": [1.0, 2]}, "column color: row 0: expected categories, got .*1.0"),
    ):
        with pytest.raises(DataError, match=message):
            model.encode(table(**change))
    unknown = model.encode(table(color=["pink", "red"], number=[np.nan, 1]), unknown="zeros")
    assert unknown[0, 3:6].tolist() == [0, 0, 0] and np.all(np.isfinite(unknown))
    empty = table(holes=[None, None], shape=[np.nan, np.nan])
    assert model.encode(empty)[:, [2, 8]].tolist() == [[1, 1], [1, 1]]
    with pytest.raises(DataError, match="inputs: missing columns: 'shape'"):
        model.encode(table().without(["shape"]))
    with pytest.raises(DataError, match="expected a table of named columns, got an array"):
        model.encode(np.zeros((3, 9)))
    with pytest.raises(DataError, match="unknown: expected error or zeros"):
        model.encode(table(), unknown="guess")


def test_preprocessing_is_read_back_bit_for_bit(write):
    made = prepare(made_table(write))
    text = json.dumps(made.preprocessing.to_json(), allow_nan=False)
    again = Preprocessing.from_json(json.loads(text))
    assert np.array_equal(again.encode(made.dataset.inputs.take(made.split.test)), made.test.x)
    for name in ("feature_names", "target_scale", "text", "notes", "target_name", "task"):
        assert getattr(again, name) == getattr(made.preprocessing, name)
    assert json.dumps(again.to_json()) == text
    for index, change, message in (
        (0, {"numbers": {"name": "a"}}, "inputs.median: the field is missing"),
        (2, {"categories": {"name": "a", "values": ["b", "b"]}}, "inputs.values: .* that differ"),
        (2, {"categories": {"name": 3, "values": ["b"]}}, "inputs.name: expected str, got '3'"),
        (0, "number", "inputs.categories: the field is missing"),
    ):
        data = json.loads(text)
        data["inputs"]["columns"][index] = change
        with pytest.raises(DataError, match=message):
            Preprocessing.from_json(data)


# files for a model that is there -----------------------------------------------------------------


def test_columns_of_another_file_go_by_name(write):
    made = prepare(load(write(PEOPLE), target="income"), (1, 0), stratify=False)
    model = made.preprocessing
    path = write("extra,city,job,age\n1,Oslo,,33\n2,,cook,?\n", "new.csv")
    encoded = model.encode(read_inputs(path, model))
    names = dict(zip(model.feature_names, encoded.T, strict=True))
    assert names["job missing"].tolist() == [1, 0] and names["city=Oslo"].tolist() == [1, 0]
    assert names["age missing"].tolist() == [0, 1]
    full = read_rows(write(PEOPLE, "again.csv"), model)
    assert np.array_equal(model.encode(full.inputs), made.train.x)
    assert np.array_equal(full.target, made.train.target)
    for content, reader, message in (
        ("city,job,aeg\nOslo,,3\n", read_inputs, "missing columns: 'age'; did you mean 'aeg'"),
        ("city,job,age\nOslo,,3\n", read_rows, "missing columns: 'income'"),
        ("city,job,age\nOslo,,old\n", read_inputs, "column age: line 2: expected a number"),
        ("city,job,age\nOslo,3\n", read_inputs, "line 2: expected 3 fields"),
        (PEOPLE.replace("high", "huge"), read_rows, "income: line 3: unknown class 'huge'; did"),
    ):
        with pytest.raises(DataError, match=message):
            reader(write(content, "new.csv"), model)
    inputs = read_inputs(write("city,job,age\nOslo,,3\nOslo,cooc,3\n", "new.csv"), model)
    with pytest.raises(DataError, match=r"job: line 3: unknown .* 'cooc'; did you mean 'cook'"):
        model.encode(inputs)


def test_a_file_without_a_header_as_in_training(write):
    body = PEOPLE.partition("\n")[2]
    data = load(write(body), target=-1, header=False)
    made = prepare(data, (1, 0), stratify=False)
    model = Preprocessing.from_json(json.loads(json.dumps(made.preprocessing.to_json())))
    for text in (body, "".join(line.rpartition(",")[0] + "\n" for line in body.splitlines())):
        inputs = read_inputs(write(text, "new.csv"), model)
        assert np.array_equal(model.encode(inputs), made.train.x)
    with pytest.raises(DataError, match=r"expected 4 columns as in training, or 3 .*; got 2"):
        read_inputs(write("1,2\n", "new.csv"), model)


# frames ------------------------------------------------------------------------------------------


def test_a_frame_is_a_table(write):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "age": [1.5, np.nan, 3, 4],
            "count": pandas.array([1, None, 3, 4], dtype="Int64"),
            "job": ["a", None, "b", "a"],
            "size": pandas.Categorical(["s", "m", None, "m"]),
            "code": pandas.Categorical([1, 2, 1, 2]),
            "flag": [True, False, True, True],
            "mixed": np.array([1, 2.5, None, 4], object),
            7: [1, 2, 3, 4],
            "y": ["no", "yes", "no", "yes"],
        }
    )
    data = from_frame(frame, "y", drop=["7"], test=frame[:2])
    columns = data.inputs.columns
    for name in ("age", "count", "mixed"):
        expected = {"age": [1.5, np.nan, 3, 4], "count": [1, np.nan, 3, 4]}
        np.testing.assert_array_equal(columns[name], expected.get(name, [1, 2.5, np.nan, 4]))
    assert columns["job"].tolist() == ["a", None, "b", "a"]
    assert columns["size"].tolist() == ["s", "m", None, "m"]
    assert columns["code"].tolist() == ["1", "2", "1", "2"]
    assert columns["flag"].tolist() == ["True", "False", "True", "True"]
    assert data.classes == ("no", "yes") and data.test.target.tolist() == [0, 1]
    model = prepare(data, (1, 0), stratify=False).preprocessing
    table = Table({name: values[:3] for name, values in columns.items()})
    assert np.array_equal(model.encode(frame[:3]), model.encode(table))


def test_frames_that_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "y": [0, 1]})
    for change, target, message in (
        ({}, "z", r"no column 'z' \(known: a, y\)"),
        ({"b": pandas.to_datetime(["2020-01-01"] * 2)}, "y", "column b: .* got Timestamp"),
        ({"b": [[1], [2]]}, "y", "column b: expected numbers or strings, got list"),
        ({"b": [1, "x"]}, "y", "column b: .* got both strings and numbers"),
        ({"b": [1j, 2]}, "y", "column b: expected real numbers, got complex"),
        ({"y": [1, np.nan]}, "y", "column y: row 1: no target"),
        ({"a": [1, np.inf]}, "y", "column a: .* 1 infinite, the first in row 1"),
    ):
        with pytest.raises(DataError, match=message):
            from_frame(frame.assign(**change), target)
    with pytest.raises(DataError, match="names that differ, got \\['a'\\] twice"):
        from_frame(pandas.concat([frame, frame[["a"]]], axis=1), "y")
    with pytest.raises(DataError, match="frame: expected rows, got a frame without any"):
        from_frame(frame[:0], "y")
    with pytest.raises(DataError, match="expected a pandas frame, got dict"):
        from_frame({"a": [1]}, "a")


# real files --------------------------------------------------------------------------------------


def test_large_numbers_that_differ_little_are_described_in_full(write):
    rows = "".join(f"{1_700_000_000 + row},{1_700_000_000 + row / 2}\n" for row in range(9))
    told = describe(load(write("when,y\n" + rows), target="y")).splitlines()
    assert told[3].split() == ["when", "numbers", "1700000000", "1700000004", "1700000008", "0"]
    assert told[-1].split()[:3] == ["1700000000", "1700000002", "1700000004"]


def test_describe_a_table(write):
    text = describe(load(write(PEOPLE), target="income"))
    assert text.startswith("people: 6 rows, 3 inputs, binary\n")
    assert "age     numbers       28.5  38.1   50        1\n" in text
    assert "job     2 categories                         1\n" in text


REAL = [
    ("adult/adult-train.csv.gz", {"target": -1, "header": False}, (32561, 14), 108, 2),
    ("letter-recognition/letter-recognition.csv.gz", {"target": "Letter"}, (20000, 16), 16, 26),
    ("california-housing/housing.csv.gz", {"target": "median_house_value"}, (20640, 9), 14, None),
    ("bank-marketing/bank-full.csv.gz", {"target": "y", "delimiter": ";"}, (45211, 16), 51, 2),
]


@pytest.mark.parametrize(("file", "options", "shape", "features", "classes"), REAL)
def test_real_files(file, options, shape, features, classes):
    path = os.path.join(os.environ.get("FNN_DATA_DIR", ""), file)
    if not os.path.exists(path):
        pytest.skip(f"no {file} in FNN_DATA_DIR")
    made = prepare(load(path, **options))
    assert made.dataset.inputs.shape == shape
    assert made.preprocessing.in_shape == (features,)
    assert made.dataset.classes is None or len(made.dataset.classes) == classes
    assert np.all(np.isfinite(made.train.x)) and abs(made.train.x[:, 0].mean()) < 1e-5


# what people write -------------------------------------------------------------------------------

PANDAS_MISSING = [
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
]


def test_missing_is_what_pandas_takes_for_it(write):
    """In a fifth of the fields, among words too; as a target it is no class."""
    for word in (*PANDAS_MISSING, "-", "?"):
        fields = [word if row % 5 == 1 else f"{row / 2}" for row in range(30)]
        rows = "".join(f"{field},{'ab'[row % 2]}\n" for row, field in enumerate(fields))
        values = load(write("a,y\n" + rows), target="y").inputs.columns["a"]
        expected = [np.nan if row % 5 == 1 else row / 2 for row in range(30)]
        np.testing.assert_array_equal(values, expected, err_msg=word)
        with pytest.raises(DataError, match=r"column a: line 3: no target \(6 such rows in all"):
            load(write("a,y\n" + rows), target="a")
        words = load(write(f"a,y\nx,0\n{word},1\nz,0\n"), target="y").inputs.columns["a"].tolist()
        assert words == ["x", "-" if word == "-" else None, "z"], word


NOTATIONS = [
    "−{}",
    "${}",
    "{},500",
    "{}\u202f500",
    "€{},5",
    "-${}",
    "({})",
    "{}%",
    "{}'500",
    "{}_000",
    "{}\xa0€",
    "0x{}",
]
NOTATIONS += ["{} 500", "{} kg", "<{}", "{}-", "~{}"]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_notation_of_numbers_is_told_with_its_row(write, notation):
    """All fields, or two of three; as an input and as the target."""
    for every in (1, 3):
        fields = [str(row) if row % every else notation.format(row) for row in range(1, 40)]
        rows = "".join(f"{field};{'ab'[row % 2]}\n" for row, field in enumerate(fields))
        path = write("a;y\n" + rows)
        first = notation.format(every)
        for target, task in (("y", None), ("a", None), ("a", "classification")):
            with pytest.raises(DataError, match=r"column a: ") as told:
                load(path, target=target, delimiter=";", task=task)
            assert f"line {every + 1}: " in str(told.value) and repr(first) in str(told.value)
        kept = load(path, target="y", delimiter=";", categorical=["a"]).inputs.columns["a"]
        assert kept.tolist() == fields


def test_what_only_resembles_numbers_stays_a_category(write):
    for words in ("11th 12th", "4wd 2wd", "<=50K >50K", "V27 V28", "<30 >30", "1_0 1_1", "A+ A-"):
        fields = words.split() * 20
        rows = "".join(f"{row},{field}\n" for row, field in enumerate(fields))
        assert load(write("x,y\n" + rows), target="y").classes == tuple(sorted(words.split()))


def test_words_for_missing_values_make_no_categories(write):
    """A third of the fields, one word, and numbers of many values."""
    for word in ("unknown", "n.a.", "#DIV/0!"):
        fields = [word if row % 3 == 1 else f"{row / 2}" for row in range(30)]
        rows = "".join(f"{field},{row % 2}\n" for row, field in enumerate(fields))
        with pytest.raises(DataError, match=rf"line 3: .* {word!r} \(10 such .* add it to"):
            load(write("a,y\n" + rows), target="y")
        data = load(write("a,y\n" + rows), target="y", missing=[word])
        assert np.isnan(data.inputs.columns["a"]).sum() == 10


def test_a_row_of_units_is_named(write):
    rows = "1,2,0\n2,3,1\n3,5,0\n"
    for units in ("kg,cm,class\n", "kg,,\n", "[kg],[cm],1\n"):
        with pytest.raises(
            DataError, match=r"column weight: line 2: .*kg.* units or a second head"
        ):
            load(write("weight,height,y\n" + units + rows), target="y")


BELOW = "".join(f"{row},2,{row % 2}\n" for row in range(30))


def test_a_comment_is_no_header(write):
    for top in ("# made by hand\n", "# a, b\n# c\n", "A title, perhaps\n", "# a b, c, d, e\n"):
        with pytest.raises(
            DataError, match=r"line 1: expected 3 fields .* a comment or a title"
        ) as told:
            load(write(top + "a,b,y\n" + BELOW), target="y")
        assert "delimiter" not in str(told.value)
    assert load(write("#a,b,y\n" + BELOW), target="y").inputs.names == ("#a", "b")


def data_row(row):
    return f"{row / 3:.2f},{row},{-row},{'gh'[row % 2]}\n"


def test_data_in_the_first_line_is_told(write):
    """With the option that says so; columns called by years, by numbers or wavelengths pass."""
    rows = "".join(map(data_row, range(2, 40)))
    for target in ("g", "0.67"):
        with pytest.raises(DataError, match=r"would be called '0.67', '2', .*--no-header"):
            load(write(rows), target=target)
    with pytest.raises(DataError, match=r"which column is the target.*--no-header"):
        load(write(rows))
    assert len(load(write(rows), target=-1, header=False).target) == 38
    words = "".join(f"{'pe'[row % 2]},{'xyz'[row % 3]},{'st'[row % 2]}\n" for row in range(30))
    with pytest.raises(DataError, match=r"would be called 'p', 'x', 's'.*--no-header"):
        load(write(words), target="p")
    for names in ("1 2 3 y", "1990 2000 2010 y", "0 1 2 3", "400.1 2 -3 kind"):
        header = names.replace(" ", ",") + "\n"
        assert len(load(write(header + rows), target=names.split()[-1]).target) == 38
    header = "400.1,401.3,402.2,405.9,410,y\n"
    spectra = "".join(f"{row},{row / 2},3,4,5,{'ab'[row % 2]}\n" for row in range(30))
    assert load(write(header + spectra), target="y").inputs.shape == (30, 5)


def test_classes_that_begin_with_zero_are_called_as_they_are_written(write):
    fields = ["1", "01", "001"] * 10
    rows = "".join(f"{row},{field}\n" for row, field in enumerate(fields))
    data = load(write("x,y\n" + rows), target="y", test=write("x,y\n5,01\n", "test.csv"))
    assert data.classes == ("001", "01", "1") and data.test.target.tolist() == [1]
    assert [data.classes[number] for number in data.target] == fields
    assert any("as they are written" in note for note in data.notes)
    made = prepare(data).preprocessing
    more = read_rows(write("y,x\n001,4\n1,4\n", "more.csv"), made)
    assert more.target.tolist() == [0, 2]
    assert load(write("x,y\n" + rows), target="y", task="regression").target[1] == 1


# frames of all kinds -----------------------------------------------------------------------------


class Stream:
    """A frame of another package: what it shows is the names of its columns, and Arrow's stream."""

    def __init__(self, table):
        self.table, self.columns = table, table.column_names

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_frames_that_speak_arrow_are_tables():
    """The values of the same frame of pandas, without pandas."""
    arrow = pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "age": [1.5, np.nan, 3, 4],
            "count": pandas.array([1, None, 3, 4], dtype="Int64"),
            "job": ["a", None, "b", "a"],
            "size": pandas.Categorical(["s", "m", None, "m"]),
            "code": pandas.Categorical([1, 2, 1, 2]),
            "flag": [True, False, True, True],
            "y": ["no", "yes", "no", "yes"],
        }
    )
    expected = from_frame(frame, "y")
    table = arrow.Table.from_pandas(frame)
    for other in (table, Stream(table), Stream(table.to_batches()[0])):
        data = from_frame(other, "y", test=other)
        same(data.inputs, expected.inputs)
        assert data.classes == ("no", "yes") and data.test.target.tolist() == [0, 1, 0, 1]
        model = prepare(data, (1, 0), stratify=False).preprocessing
        assert np.array_equal(model.encode(other), model.encode(frame))
    numbers = arrow.table({"a": [1.0, 2, 3], "b": [4, 5, 6]})
    assert from_arrays(Stream(numbers), [0, 1, 0]).inputs.tolist() == [[1, 4], [2, 5], [3, 6]]
    for column, message in (
        (
            arrow.array([0] * 4, arrow.timestamp("s")),
            r"column d: .* got timestamp\[s\]; take",
        ),
        (arrow.array([[1]] * 4), "column d: expected numbers or strings, got list"),
    ):
        with pytest.raises(DataError, match=message):
            from_frame(table.append_column("d", column), "y")


def test_a_frame_and_its_targets_name_are_data():
    pandas = pytest.importorskip("pandas")
    size = np.linspace(-2, 2, 80)
    frame = pandas.DataFrame({"x": size, "kind": ["a", "b"] * 40})
    frame["y"] = np.where(size > 0, "up", "down")
    made = as_prepared((frame, "y"))
    assert made.dataset.classes == ("down", "up") and made.preprocessing.in_shape == (3,)
    assert made.dataset.target.tolist() == (size > 0).tolist()
    dates = frame.assign(when=pandas.Timestamp("2020-01-01"))
    with pytest.raises(DataError, match=r"column when: .*Timestamp.*; take numbers of them"):
        as_prepared((dates, "y"))
    with pytest.raises(DataError, match=r"no column 'z' \(known: x, kind, y\)"):
        as_prepared((frame, "z"))
    for words, message in (
        (["$100", "$200"] * 40, "row 0: '\\$100' looks like a number"),
        ([f"{row / 2}" for row in range(80)], "row 0: .* numbers as strings \\('0.0'\\): convert"),
    ):
        with pytest.raises(DataError, match=message):
            as_prepared((frame.assign(kind=words), "y"))
        declared = frame.assign(kind=pandas.Categorical(words))
        assert as_prepared((declared, "y")).dataset.inputs.columns["kind"].tolist() == words
