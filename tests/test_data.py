"""Data: what is read is what the files hold, splits keep their promises, faults are named."""

import gzip
import importlib
import itertools
import os
import struct
import sys

import numpy as np
import pytest

import fnn.data
from fnn.data import (
    DataError,
    DataRows,
    Dataset,
    catalog,
    describe,
    from_arrays,
    load,
    prepare,
    read_idx,
    split,
)

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_X, TRAIN_Y, TEST_X, TEST_Y)
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(values):
    """The bytes of an IDX file, written by the format's own description."""
    code = CODES[values.dtype.str[1:]]
    sizes = b"".join(struct.pack(">I", size) for size in values.shape)
    return (
        bytes([0, 0, code, values.ndim])
        + sizes
        + values.astype(values.dtype.newbyteorder(">")).tobytes()
    )


def image_files(rows=20, test_rows=6):
    rng = np.random.default_rng(0)
    pixels, more = (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (rows, test_rows))
    labels, more_labels = (np.arange(n, dtype=np.uint8) % 10 for n in (rows, test_rows))
    return {TRAIN_X: pixels, TRAIN_Y: labels, TEST_X: more, TEST_Y: more_labels}


def write(folder, arrays, compressed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(values), 1))
        else:
            (folder / name).write_bytes(idx(values))
    return folder


def table(target, fractions, **options):
    """Rows of each class in each part; checks on the way that every row is in one part."""
    rows = split(target, fractions, **options)
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(target)))
    assert all(np.array_equal(part, np.sort(part)) for part in rows)
    return np.array([[np.sum(target[part] == k) for part in rows] for k in np.unique(target)])


# bundled sets ------------------------------------------------------------------------------------

BUNDLED = [
    ("digits", (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
    ("iris", (150, 4), [50, 50, 50]),
    ("wine", (178, 13), [59, 71, 48]),
    ("breast_cancer", (569, 30), [212, 357]),
    ("diabetes", (442, 10), None),
]


@pytest.mark.parametrize(("name", "shape", "counts"), BUNDLED)
def test_bundled_sets_are_whole(name, shape, counts):
    pytest.importorskip("sklearn")
    data = load(name)
    assert (data.name, data.inputs.shape, data.test) == (name, shape, None)
    assert len(data.columns) == shape[1] and len(data.target) == shape[0]
    if counts is None:
        assert (data.task, data.classes, data.outputs) == ("regression", None, 1)
        assert data.target.dtype == np.float64 and data.target[:2].tolist() == [151, 75]
        return
    outputs = 1 if len(counts) == 2 else len(counts)
    assert (len(data.classes), data.outputs) == (len(counts), outputs)
    assert data.task == ("binary" if len(counts) == 2 else "classes")
    assert data.target.dtype == np.int32 and np.bincount(data.target).tolist() == counts
    assert data.divisor == (16 if name == "digits" else None)


@pytest.mark.parametrize("name", [name for name, *_ in BUNDLED])
def test_bundled_sets_are_scikit_learns(name, monkeypatch):
    """Read from its file, or through it where the file has moved; its names of columns, classes."""
    datasets = pytest.importorskip("sklearn.datasets")
    options = {"scaled": False} if name == "diabetes" else {}
    theirs = getattr(datasets, f"load_{name}")(**options)
    ours = [load(name)]
    known = fnn.data.sources.bundled.BUNDLED[name]
    monkeypatch.setitem(fnn.data.sources.bundled.BUNDLED, name, known._replace(file="moved.csv"))
    ours.append(load(name))
    for data in ours:
        np.testing.assert_array_equal(data.inputs, theirs.data)
        np.testing.assert_array_equal(data.target, theirs.target)
        assert list(data.columns) == list(theirs.feature_names)
        if data.classes:
            assert list(data.classes) == [str(label) for label in theirs.target_names]


def test_importing_data_leaves_scikit_learn_alone(monkeypatch):
    """A second import from scratch, where `import sklearn` would raise."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(fnn, "data", fnn.data)  # and put it back afterwards
    for name in [name for name in sys.modules if f"{name}.".startswith("fnn.data.")]:
        monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module("fnn.data").Dataset is not Dataset


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=r"digits comes with .*pip install 'fnn\[data\]'"):
        load("digits")


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match=r"'minst'; did you mean 'mnist'\? \(known: breast_cancer"):
        load("minst")


# image files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("below", ["", "mnist"])
def test_images_are_read_as_written(tmp_path, compressed, below):
    arrays = image_files()
    write(tmp_path / below, arrays, compressed)
    data = load("mnist", data_dir=tmp_path)
    assert data.classes == tuple("0123456789") and data.divisor == 255 and data.outputs == 10
    for rows, pixels, labels in (
        ((data.inputs, data.target), TRAIN_X, TRAIN_Y),
        (data.test, TEST_X, TEST_Y),
    ):
        assert rows[0].dtype == np.uint8 and rows[1].dtype == np.int32
        assert np.array_equal(rows[0], arrays[pixels].reshape(-1, 784))
        assert np.array_equal(rows[1], arrays[labels])


def test_pixels_become_shares_of_255(tmp_path):
    """In float32, as x / 255 of float32 numbers."""
    write(tmp_path, image_files(40))
    made = prepare(load("mnist", data_dir=tmp_path), stratify=False)
    raw = made.dataset.inputs[made.split.train]
    assert made.train.x.dtype == np.float32 and made.preprocessing.in_shape == (784,)
    assert np.array_equal(made.train.x, raw.astype(np.float32) / np.float32(255))
    assert made.train.x.max() == 1


def test_where_files_are_looked_for(tmp_path, monkeypatch):
    """The argument, else FNN_DATA_DIR, else the cache; told apart by their number of rows."""
    for rows, folder in ((11, "argument"), (12, "environment"), (13, "cache/fnn/data")):
        write(tmp_path / folder / "fashion-mnist", image_files(rows))
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path / "environment"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    argument = load("fashion-mnist", data_dir=tmp_path / "argument")
    assert len(argument.target) == 11 and argument.classes[9] == "Ankle boot"
    assert len(load("fashion-mnist").target) == 12
    monkeypatch.setenv("FNN_DATA_DIR", "")
    assert len(load("fashion-mnist").target) == 13
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(tmp_path / "home/.cache/fnn/data", image_files(14))
    assert len(load("fashion-mnist").target) == 14


def test_missing_files_say_where_and_what_to_do(tmp_path):
    write(tmp_path, {TRAIN_X: image_files()[TRAIN_X]})
    with pytest.raises(DataError) as caught:
        load("mnist", data_dir=tmp_path)
    message = str(caught.value)
    assert all(f"  {name}.gz\n" in message for name in FILES)
    assert f"  {tmp_path / 'mnist'}: no such folder\n" in message
    assert f"  {tmp_path}: no {TRAIN_Y}.gz, {TEST_X}.gz, {TEST_Y}.gz\n" in message
    assert "--data-dir DIR" in message and "FNN_DATA_DIR=DIR" in message
    assert "fnn data get mnist\n" in message


def test_one_set_is_not_taken_for_the_other(tmp_path):
    folder = write(tmp_path / "mnist", image_files())
    assert load("mnist", data_dir=folder).name == "mnist"
    with pytest.raises(DataError, match="fashion-mnist was not found"):
        load("fashion-mnist", data_dir=folder)


@pytest.mark.parametrize("kind", CODES)
def test_idx_of_every_type(tmp_path, kind):
    values = (np.arange(24).reshape(2, 3, 4) * 5).astype(kind)
    path = tmp_path / "values"
    path.write_bytes(idx(values))
    read = read_idx(path, (2, None, 4), kind)
    assert read.dtype == values.dtype and np.array_equal(read, values)


GOOD = idx(np.zeros((3, 28, 28), np.uint8))
FAULTS = {
    "empty": (b"", "not an IDX file: .* got an empty file"),
    "page": (b"<!DOCTYPE html><p>not found", "not an IDX file: .* got 3c 21 44 4f .*DOCTYPE"),
    "magic": (b"\0\1" + GOOD[2:], "not an IDX file: .* got 00 01 08 03"),
    "type": (b"\0\0\7\3" + GOOD[4:], "not an IDX file: .* got 00 00 07 03"),
    "header": (GOOD[:11], "truncated: expected 3 sizes in a header of 16 bytes, got 11"),
    "values": (GOOD[:-1], r"truncated: its sizes \(3, 28, 28\) ask for 2352 bytes .* got 2351"),
    "trailing": (GOOD + b"\0", "too long: .* ask for 2352 bytes of values, got 2353"),
    "rank": (idx(np.zeros(3, np.uint8)), r"of shape \(any, 28, 28\), got uint8 of \(3,\)"),
    "sizes": (idx(np.zeros((3, 28, 27), np.uint8)), r"28, 28\), got uint8 of \(3, 28, 27\)"),
    "kind": (idx(np.zeros((3, 28, 28), np.int32)), r"expected uint8 of .* got int32 of"),
    "huge": (b"\0\0\10\3" + b"\xff" * 4 + GOOD[8:], r"truncated: .* ask for 3367254359280 bytes"),
}


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_idx_is_named(tmp_path, fault, compressed):
    content, message = FAULTS[fault]
    path = tmp_path / ("images.gz" if compressed else "images")
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, (None, 28, 28))
    assert str(caught.value).startswith(f"{path}: ")


def test_damaged_gzip_is_named(tmp_path):
    path, packed = tmp_path / "images.gz", gzip.compress(GOOD)
    wrong_sum = packed[:-8] + b"\0\0\0\0" + packed[-4:]
    scrambled = packed[:12] + b"\xff" * 8 + packed[20:]
    for content in (packed[:-9], packed[:5], wrong_sum, scrambled, packed + b"junk"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"images\.gz: damaged gzip data: "):
            read_idx(path, (None, 28, 28))
    path.write_bytes(b"PK\3\4 a zip file")
    with pytest.raises(DataError, match=r"images\.gz: not gzip: .* 1f 8b, got 50 4b 03 04"):
        read_idx(path, (None, 28, 28))
    path.write_bytes(GOOD)  # a browser may unpack it and keep the name
    assert read_idx(path, (None, 28, 28)).shape == (3, 28, 28)


def test_unreadable_file_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: cannot be read: No such file"):
        read_idx(tmp_path / "nowhere", (None,))


def test_images_and_labels_must_match(tmp_path):
    arrays = image_files()
    write(tmp_path, arrays | {TRAIN_Y: arrays[TRAIN_Y][:-1]})
    message = rf"{TRAIN_Y}\.gz: expected a label for each of the 20 images of {TRAIN_X}\.gz, got 19"
    with pytest.raises(DataError, match=message):
        load("mnist", data_dir=tmp_path)


def test_labels_must_be_digits(tmp_path):
    arrays = image_files()
    arrays[TEST_Y][4] = 10
    write(tmp_path, arrays)
    message = r"mnist, test part: expected class numbers from 0 to 9, got 10 in row 4 \(1 out"
    with pytest.raises(DataError, match=message):
        load("mnist", data_dir=tmp_path)


@pytest.mark.skipif("FNN_DATA_DIR" not in os.environ, reason="FNN_DATA_DIR is not set: no mnist")
def test_real_mnist():
    data = load("mnist")
    assert data.inputs.shape == (60_000, 784) and data.test.inputs.shape == (10_000, 784)
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(data.target).tolist() == train
    assert np.bincount(data.test.target).tolist() == test
    assert data.inputs.max() == 255 and data.inputs.min() == 0
    assert data.inputs.mean(dtype=np.float64) / 255 == pytest.approx(0.1307, abs=5e-5)


# datasets ----------------------------------------------------------------------------------------

ZEROS = np.zeros((3, 2))
INFINITE = np.array([[0, 1], [np.inf, 2], [-np.inf, np.nan]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": np.zeros(3, np.int64)}, "made: expected int32 targets, got int64"),
        ({"classes": None}, "expected float64 targets, got int32"),
        ({"target": np.zeros(2, np.int32)}, r"as many rows .* got shapes \(3, 2\) and \(2,\)"),
        ({"inputs": np.zeros(3)}, r"as many rows .* got shapes \(3,\) and \(3,\)"),
        ({"inputs": ZEROS[:0], "target": np.zeros(0, np.int32)}, r"rows and inputs, .* \(0, 2\)"),
        ({"inputs": ZEROS[:1], "target": np.zeros(1, np.int32)}, "at least two rows, got one"),
        ({"target": np.array([0, 1, 2], np.int32)}, "from 0 to 1, got 2 in row 2"),
        ({"target": np.array([0, -1, 1], np.int32)}, "from 0 to 1, got -1 in row 1"),
        ({"target": np.zeros((3, 2), np.int32)}, r"as many rows .* and \(3, 2\)"),
        ({"target": np.ones(3, np.int32)}, "two classes in target, got only 'yes'"),
        ({"classes": ("a", "a")}, "names that differ"),
        ({"columns": ("a",)}, r"1 names for inputs of shape \(3, 2\)"),
        (
            {"inputs": INFINITE, "columns": ("a", "b")},
            r"got 1 NaN and 2 infinite, the first in row 1 of column a \(2 in that column\)",
        ),
        (
            {"test": DataRows(np.zeros((1, 4)), np.zeros(1, np.int32))},
            r"test part: expected inputs of shape \(2,\) .* got \(4,\)",
        ),
        (
            {"test": DataRows(INFINITE[1:2], np.zeros(1, np.int32))},
            "made, test part: .* 1 infinite",
        ),
    ],
)
def test_dataset_refuses(change, message):
    fields = {"inputs": ZEROS, "target": np.array([0, 1, 1], np.int32), "classes": ("no", "yes")}
    with pytest.raises(DataError, match=message):
        Dataset("made", **{**fields, **change})


# splits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize(
    ("rows", "fractions", "sizes"),
    [
        (1797, (0.6, 0.2, 0.2), (1078, 360, 359)),
        (150, (0.7, 0.15, 0.15), (105, 23, 22)),
        (149, (0.8, 0.1, 0.1), (119, 15, 15)),
        (100, (0.29, 0.57, 0.14), (29, 57, 14)),
        (60, (5 / 6, 1 / 6), (50, 10, 0)),
        (60, (1, 0, 0), (60, 0, 0)),
        (61, (0.75, 0, 0.25), (46, 0, 15)),
    ],
)
def test_sizes_are_the_largest_remainders(rows, fractions, sizes, stratify):
    target = np.arange(rows) % 3
    assert table(target, fractions, stratify=stratify).sum(axis=0).tolist() == list(sizes)


def test_each_class_is_within_one_row_of_proportional():
    """Over many random class counts, rare classes and all usual fractions."""
    rng = np.random.default_rng(1)
    cases = [(0.6, 0.2, 0.2), (0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33), (0.9, 0.1)]
    for trial, fractions in itertools.product(range(60), cases):
        counts = 3 + rng.integers(0, rng.choice([4, 40, 400]), rng.integers(1, 30))
        counts[0] += 10
        target = rng.permutation(np.repeat(rng.permutation(100)[: len(counts)], counts))
        dealt = table(target, fractions, seed=trial)
        sizes, (_, counts) = dealt.sum(axis=0), np.unique(target, return_counts=True)
        assert np.abs(sizes - len(target) * np.array([*fractions, 0])[:3]).max() < 1
        assert np.abs(dealt - np.outer(counts, sizes) / len(target)).max() <= 1


def test_a_balanced_target_is_split_exactly():
    assert table(np.arange(150) // 50, (0.6, 0.2, 0.2)).tolist() == [[30, 10, 10]] * 3


def test_without_stratifying_classes_fall_as_they_do():
    target = np.arange(150) // 50
    dealt = {str(table(target, (0.6, 0.2, 0.2), seed=s, stratify=False)) for s in range(5)}
    assert len(dealt) > 1


def test_the_seed_decides():
    target = np.arange(200) % 4
    first, again, other = (split(target, seed=seed) for seed in (7, 7, 8))
    assert all(map(np.array_equal, first, again))
    assert not any(map(np.array_equal, first, other))


def test_every_row_is_as_likely_to_train():
    """Sorted targets must not leak into the choice: each row trains in about 60 % of the seeds."""
    target = np.arange(40) // 20
    times = sum(np.isin(np.arange(40), split(target, seed=s).train).astype(int) for s in range(400))
    assert np.all(np.abs(times / 400 - 0.6) < 0.12)  # five standard deviations


def test_regression_targets_are_split_without_classes():
    target = np.random.default_rng(0).normal(size=103).astype(np.float32)
    assert [len(part) for part in split(target)] == [62, 21, 20]


def test_prepared_rows_stay_together():
    x = np.arange(60.0).reshape(30, 2)
    made = prepare(from_arrays(x, np.arange(30) % 2, divisor=1), seed=3)
    for part, rows in zip(made[:3], split(np.arange(30) % 2, seed=3), strict=True):
        assert np.array_equal(part.x, x[rows]) and np.array_equal(part.target, rows % 2)
        assert part.x.dtype == np.float32 and part.target.dtype == np.int32
    assert [len(rows) for rows in made.split] == [18, 6, 6]


def test_an_official_test_part_stays_as_it_is():
    x, target = np.zeros((80, 2)), np.arange(80) % 2
    data = from_arrays(x, target, test=(x[:7] + 1, target[:7]), divisor=1)
    for fractions in ((0.6, 0.2, 0.2), (0.75, 0.25), (60, 20, 20)):
        made = prepare(data, fractions)
        assert (len(made.train.x), len(made.validation.x)) == (60, 20)
        assert np.all(made.test.x == 1) and np.array_equal(made.test.target, target[:7])
        assert len(made.split.test) == 0


def test_a_part_of_no_rows_is_none():
    made = prepare(from_arrays(np.eye(20), np.arange(20) % 2), (0.75, 0.25))
    assert made.test is None and len(made.validation.x) == 5
    made = prepare(from_arrays(np.eye(20), np.arange(20) % 2), (1, 0, 0))
    assert made.validation is None and len(made.train.x) == 20


def test_percent_are_fractions():
    for percent in ((60, 20, 20), (70, 15, 15), (80, 10, 10), (75, 25)):
        ours, theirs = (split(np.arange(99) % 3, f) for f in (percent, np.array(percent) / 100))
        assert all(map(np.array_equal, ours, theirs))


def test_one_class_in_the_training_rows():
    data = from_arrays(np.eye(20), np.arange(20) // 19, name="made")
    found = set()
    for seed in range(30):
        try:
            found.add(len(prepare(data, seed=seed, stratify=False).train.target))
        except DataError as error:
            found.add(str(error))
    assert found == {12, "made.target: all 12 training rows are of one class, '0'"}


BAD_FRACTIONS = [
    (),
    (1,),
    (0.6, 0.2),
    (0.6, 0.2, 0.3),
    (60, 20, 30),
    (1.2, -0.2),
    (0, 0.5, 0.5),
    (float("nan"), 0.5, 0.5),
    (0.4, 0.2, 0.2, 0.2),
]


@pytest.mark.parametrize("fractions", BAD_FRACTIONS)
def test_bad_fractions(fractions):
    with pytest.raises(DataError, match="fractions: expected a fraction for train") as caught:
        split(np.arange(100) % 2, fractions)
    assert str(caught.value).endswith(f"got {fractions}")


@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_bad_seeds(seed):
    with pytest.raises(DataError, match="seed: expected a whole number from 0 up, got"):
        split(np.arange(100) % 2, seed=seed)


def test_too_few_rows():
    with pytest.raises(DataError, match=r"3 rows are too few .* 2 would train, 1 validate, 0 test"):
        split(np.zeros(3, np.float32))
    with pytest.raises(DataError, match="0 rows are too few"):
        split(np.zeros(0, np.int32))


def test_too_rare_a_class():
    target = np.array([5] * 20 + [9] * 2)
    with pytest.raises(DataError, match=r"class 9 has 2 of 22 rows, .* in 3 parts; .*--no-strat"):
        split(target)
    with pytest.raises(DataError, match="class 'b' has 1 of 20 rows"):
        prepare(from_arrays(np.eye(20), np.arange(20) // 19, classes=("a", "b")))
    assert table(target, (0.5, 0.5)).tolist() == [[10, 10, 0], [1, 1, 0]]
    assert table(target, (0.6, 0.2, 0.2), stratify=False).sum() == 22
    with pytest.raises(
        DataError, match=r"target: expected one class number a row, got .*\(20, 2\)"
    ):
        split(np.zeros((20, 2), np.int32))


# what there is -----------------------------------------------------------------------------------


def test_describe():
    wide = from_arrays(np.random.default_rng(0).normal(size=(9, 784)), np.arange(9) / 7)
    assert "x[39]" in describe(wide) and "… and 744 more columns" in describe(wide)
    assert "x[40]" not in describe(wide)
    text = describe(load("iris"))
    assert text.startswith("iris: 150 rows, 4 inputs, classes\n")
    assert "sepal length (cm)  numbers  4.3  5.84333  7.9        0\n" in text
    assert "virginica     50  33.3%" in text
    assert "min 0, mean 4.884, max 16; divided by 16" in describe(load("digits"))
    assert " 25  152.133  346  77.0057" in describe(load("diabetes"))


def test_catalog(tmp_path):
    write(tmp_path / "mnist", image_files())
    entries = {entry.name: entry for entry in catalog(tmp_path)}
    assert tuple(entries) == fnn.data.NAMES
    assert entries["mnist"].present and entries["mnist"].where == str(tmp_path / "mnist")
    assert not entries["fashion-mnist"].present
    assert entries["fashion-mnist"].where == "missing: fnn data get fashion-mnist"
    for name in ("digits", "diabetes"):
        data = load(name)
        assert entries[name].rows == f"{len(data.target):,}"
        assert entries[name].inputs == data.inputs.shape[1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.csv", "no such file: nowhere.csv"),
        ("tests/nowhere", "no such file: tests/nowhere"),
        ("tests", r"tests is a folder without x.npy: expected a file or a name \(breast_cancer, "),
        ("README.md", "README.md is none of the files that can be read: .csv, .tsv, .txt"),
    ],
)
def test_sources_that_are_refused(source, message):
    with pytest.raises(DataError, match=message):
        load(source)
    with pytest.raises(DataError, match="options about a file's columns don't go with a known set"):
        load("iris", target="class")
