"""Arrays: what is taken for what, what is fitted, and that it is read back bit for bit."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from fnn.data import (
    DataError,
    Preprocessing,
    Standardizer,
    describe,
    from_arrays,
    load,
    prepare,
    read_inputs,
    read_rows,
)
from tests.test_data import TEST_X, image_files, write

# standardizing -----------------------------------------------------------------------------------


def test_standardizing_fits_the_training_rows_only():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(50, 3)) * [1, 1e-6, 1e5] + [1e3, 0, -7]).astype(np.float32)
    standardizer = Standardizer.fit(x[:40])
    wide = x.astype(np.float64)
    np.testing.assert_allclose(standardizer.mean, wide[:40].mean(0), rtol=1e-13)
    np.testing.assert_allclose(standardizer.scale, wide[:40].std(0), rtol=1e-13)
    expected = (wide - wide[:40].mean(0)) / wide[:40].std(0)
    result = standardizer(x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=2e-7, atol=1e-12)
    np.testing.assert_allclose(result[:40].std(0, dtype=np.float64), 1, rtol=1e-6)


def test_a_constant_column_becomes_zero():
    """0.1 is no binary fraction: the mean of 37 of them is not 0.1, nor is their spread 0."""
    x = np.stack([np.full(37, 0.1), np.arange(37.0), np.full(37, -3e7)], axis=1)
    for dtype in (np.float32, np.float64):
        standardizer = Standardizer.fit(x.astype(dtype))
        result = standardizer(x.astype(dtype))
        assert standardizer.scale[[0, 2]].tolist() == [1, 1]
        assert np.all(result[:, [0, 2]] == 0) and np.all(np.isfinite(result))
    single = Standardizer.fit(x[:1])
    assert np.all(single(x[:1]) == 0)


def test_standardizing_keeps_digits_beyond_float32():
    """A spread of 1 on an offset of 1e7, where float32 sums would lose it."""
    x = (1e7 + np.arange(1000) % 3).astype(np.float32)[:, None]
    result = Standardizer.fit(x)(x)
    assert abs(result.mean(dtype=np.float64)) < 1e-7
    assert result.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_standardizing_refuses():
    with pytest.raises(DataError, match=r"rows of inputs to fit to, got shape \(0, 3\)"):
        Standardizer.fit(np.zeros((0, 3), np.float32))
    x = np.ones((4, 3), np.float32)
    with pytest.raises(DataError, match=r"shape \(rows, 3\), got \(4, 1\)"):
        Standardizer.fit(x)(x[:, :1])
    x[1, 2], x[3, 1] = np.nan, np.inf
    with pytest.raises(DataError, match="1 NaN and 1 infinite, the first in row 1 of column 2"):
        Standardizer.fit(x)


# preprocessing of arrays -------------------------------------------------------------------------


def test_standardizing_knows_the_training_rows_only():
    rng = np.random.default_rng(0)
    made = prepare(from_arrays(rng.normal(5, [1, 9], (200, 2)), rng.normal(7, 3, 200)))
    train = made.dataset.inputs[made.split.train]
    for part, rows in zip(made[:3], made.split, strict=True):
        expected = (made.dataset.inputs[rows] - train.mean(0)) / train.std(0)
        np.testing.assert_allclose(part.x, expected, rtol=1e-6, atol=1e-7)
        target = made.dataset.target
        expected = (target[rows] - target[made.split.train].mean()) / target[made.split.train].std()
        np.testing.assert_allclose(part.target, expected, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(made.preprocessing.decode(part.target), target[rows], rtol=1e-6)
    target_scale = made.preprocessing.target_scale
    assert target_scale.dtype == np.float32 and target_scale.shape == (1,)
    np.testing.assert_allclose(target_scale, target[made.split.train].std(), rtol=1e-6)


def test_columns_of_a_frame_go_by_name():
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    frame = pandas.DataFrame(values, columns=["a", "b"])
    target = pandas.Series(np.arange(20) % 2)
    data = from_arrays(frame, target, test=(frame[["b", "a"]][:5], target[:5]))
    assert data.columns == ("a", "b") and data.inputs.dtype == np.float32
    assert np.array_equal(data.test.inputs, values[:5])
    made = prepare(data, (1, 0)).preprocessing
    assert np.array_equal(made.encode(frame[["b", "a"]]), made.encode(values))
    with pytest.raises(DataError, match="inputs: missing columns: 'a'"):
        made.encode(frame.rename(columns={"a": "c"}))
    assert from_arrays(frame.astype("Float64"), target).inputs.dtype == np.float64
    with pytest.raises(DataError, match=r"other things in b: fnn\.data\.from_frame"):
        from_arrays(frame.assign(b="word"), target)
    with pytest.raises(DataError, match="test part, inputs: no column 'a'"):
        from_arrays(frame, target, test=(frame[["b"]], target))


@pytest.mark.parametrize("make", ["list", "numpy", "jax"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
def test_arrays_of_all_kinds(make, dtype):
    values = np.arange(24).reshape(8, 3).astype(dtype)
    convert = {"list": np.ndarray.tolist, "numpy": np.asarray, "jax": jnp.asarray}[make]
    data = from_arrays(convert(values), convert(np.arange(8) % 2))
    assert np.array_equal(data.inputs, values) and data.task == "binary"
    pixels = dtype == "uint8" and make != "list"
    assert data.divisor == (255 if pixels else None)
    assert any("pixels" in note for note in data.notes) == pixels


TARGETS = [
    (np.arange(30) % 3, None, ("0", "1", "2")),
    (1 + np.arange(30) % 3, None, ("1", "2", "3")),
    (np.arange(30) % 3 * 1.0, None, ("0", "1", "2")),
    (np.arange(30) % 2 * 2 - 1, None, ("-1", "1")),
    (np.arange(30) % 2 == 0, None, ("0", "1")),
    (np.array(["no", "yes", "maybe"] * 10), None, ("maybe", "no", "yes")),
    ((np.arange(30) % 3)[:, None], None, ("0", "1", "2")),
    (3 + np.arange(30) % 3, "classification", ("3", "4", "5")),
    (3 + np.arange(30) % 3, None, None),
    (np.arange(30), None, None),
    (np.arange(30) % 3, "regression", None),
    (np.arange(30) / 7, None, None),
    (np.arange(60.0).reshape(30, 2), None, None),
]


@pytest.mark.parametrize(("target", "task", "classes"), TARGETS)
def test_what_is_taken_for_classes(target, task, classes):
    data = from_arrays(np.eye(30), target, task=task)
    assert data.classes == classes
    if classes is None:
        assert data.target.dtype == np.float64 and np.array_equal(data.target, target)
        assert data.outputs == (1 if target.ndim == 1 else 2)
    else:
        names = np.array(classes)[data.target]
        if target.dtype.kind != "U":
            names = names.astype(float)
        assert np.array_equal(names, target.reshape(-1))


X = np.eye(6)
BAD_ARRAYS = [
    ((X, [0, 1, 0.5, 1, 0, 2]), {"task": "classification"}, "whole numbers .*0.5 in row 2"),
    ((X, [0, 1, -1, 1, 2, -1]), {"task": "classification"}, r"0 up, got -1 in row 2 \(2 such"),
    ((X, [0, 1, 0, 1, 9, 1]), {"task": "classification"}, "between 1 and 9 .in row 4"),
    ((X, [0, 1, 0, 1, 2, 1]), {"classes": "ab"}, "labels from 0 to 1, got 2 in row 4"),
    ((X, [1] * 6), {"task": "classification"}, "at least two classes in target, got only '1'"),
    ((X, [0, 1, 2]), {}, r"as many rows .* \(6, 6\) and \(3,\)"),
    ((X, np.eye(6, dtype=int)), {"task": "classification"}, "of one-hot rows take argmax"),
    ((X, [0, 1, 0, np.nan, 0, 1]), {}, "arrays, target: expected finite .* 1 NaN .*row 3"),
    ((X, [{}] * 6), {}, r"got Python objects \(dict\)"),
    (([[1, 2], [3]], [0, 1]), {}, "inputs: expected an array, got lists of different lengths"),
    ((X.astype(object), [0] * 6), {}, "expected an array of numbers, got Python objects"),
    ((X.astype(complex), [0] * 6), {}, "expected numbers, got complex128"),
    ((X.astype(str), [0] * 6), {}, "expected numbers, got <U"),
    ((X[0], [0] * 6), {}, r"a row of inputs for each example, .* shape \(6,\)"),
    ((X[:0], []), {}, r"expected rows, got shape \(0, 6\)"),
    ((X[:1], [1]), {}, "at least two rows, got one"),
    ((np.where(X, np.nan, X), [0, 1] * 3), {}, r"got 6 NaN .* row 0 of column 0 \(1 in that"),
    ((X, [0, 1] * 3), {"task": "ranking"}, "task: expected classification or regression"),
    ((X, [0, 1] * 3), {"test": (X[:, :2], [0] * 6)}, r"test part: expected inputs of shape \(6,"),
    ((X, [0, 1] * 3), {"test": (X, [7] * 6)}, "test part, target: expected labels from 0 to 1"),
    ((X, ["a", "b"] * 3), {"test": (X, ["c"] * 6)}, "row 0: unknown class 'c'"),
]


@pytest.mark.parametrize("case", range(len(BAD_ARRAYS)))
def test_arrays_that_are_refused(case):
    arguments, options, message = BAD_ARRAYS[case]
    with pytest.raises(DataError, match=message):
        from_arrays(*arguments, **options)


def test_a_constant_target_is_refused():
    for target, what in ((np.ones(9), "the target is 1 in"), (X[:, :2], "output 1 of the target")):
        x = np.random.default_rng(0).normal(size=(len(target), 2))
        data = from_arrays(x, target * [1, 0] if target.ndim > 1 else target, task="regression")
        with pytest.raises(DataError, match=f"arrays.target: {what}"):
            prepare(data, (1, 0))


def test_logits_become_classes_and_probabilities():
    three = prepare(load("iris")).preprocessing
    logits = np.array([[0, 3, 1], [1e4, 0, -1e4]], np.float32)
    assert three.decode(logits).tolist() == ["versicolor", "setosa"]
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(three.probabilities(logits), [shares, [1, 0, 0]], rtol=1e-6)
    two = prepare(load("breast_cancer")).preprocessing
    for output in (np.array([-2.0, 1000]), np.array([[-2.0], [1000]])):
        assert two.decode(output).tolist() == ["malignant", "benign"]
        share = 1 / (1 + np.exp(2.0))
        np.testing.assert_allclose(two.probabilities(output), [[1 - share, share], [0, 1]])
    number = prepare(load("diabetes")).preprocessing
    for wrong, output, message in (
        (three, np.zeros((4, 2)), r"outputs of shape \(rows, 3\), got \(4, 2\)"),
        (two, np.zeros((4, 2)), r"outputs of shape \(rows, 1\), got \(4, 2\)"),
        (two, np.array([np.nan]), "expected finite outputs, got 1 NaN"),
    ):
        with pytest.raises(DataError, match=message):
            wrong.decode(output)
    with pytest.raises(DataError, match="no probabilities"):
        number.probabilities(np.zeros(3))


def test_numbers_too_large_to_scale():
    x, y = np.array([[1.0, 1e200], [2, -1e200], [3, 0]] * 4), np.arange(12) / 7
    for inputs, target, options, message in (
        (x, y, {}, "arrays: expected finite deviations .* 1 infinite"),
        (x, y, {"divisor": 1.0}, r"float32 inputs once they are scaled, .* of column x\[1\]"),
        (x[:, :1], x[:, 1], {"task": "regression"}, "arrays.target: expected finite deviations"),
    ):
        with pytest.raises(DataError, match=message):
            prepare(from_arrays(inputs, target, **options), (1, 0))
        describe(from_arrays(inputs, target, **options))
    with pytest.raises(DataError, match="target: expected finite float32 numbers once"):
        prepare(load("diabetes")).preprocessing.encode_target([1e300])


def test_encoding_refuses_other_arrays():
    iris, rows = prepare(load("iris")).preprocessing, np.ones((3, 4))
    for bad, message in (
        (rows[:, :3], r"inputs: expected inputs of shape \(rows, 4\), got \(3, 3\)"),
        (rows[0], r"\(rows, 4\), got \(4,\)"),
        (rows.astype(str), "inputs: expected numbers, got <U"),
        (rows * [1, np.inf, 1, 1], r"3 infinite, .* row 0 of column sepal width \(cm\)"),
    ):
        with pytest.raises(DataError, match=message):
            iris.encode(bad)
    for bad, message in ((np.array([0, 3]), "from 0 to 2, got 3 in row 1"), (rows[0], "a class")):
        with pytest.raises(DataError, match=message):
            iris.encode_target(bad)


@pytest.mark.parametrize("name", ["digits", "iris", "breast_cancer", "diabetes"])
def test_preprocessing_is_read_back_bit_for_bit(name):
    made = prepare(load(name))
    text = json.dumps(made.preprocessing.to_json(), allow_nan=False)
    again = Preprocessing.from_json(json.loads(text))
    raw = made.dataset.inputs[made.split.test]
    assert np.array_equal(again.encode(raw), made.test.x)
    target = again.encode_target(made.dataset.target[made.split.test])
    assert np.array_equal(target, made.test.target) and target.dtype == made.test.target.dtype
    for name in (
        "task",
        "classes",
        "outputs",
        "target_scale",
        "feature_names",
        "in_shape",
        "notes",
    ):
        assert getattr(again, name) == getattr(made.preprocessing, name)
    assert json.dumps(again.to_json()) == text


DAMAGE = [
    (("kind",), "preprocessing.v9", "kind: expected preprocessing.v1, got 'preprocessing.v9'"),
    (("inputs",), None, "inputs: expected dict, got 'None'"),
    (("inputs", "kind"), "wavelet", "inputs.kind: expected one of divisor, .* got 'wavelet'"),
    (("inputs", "mean"), "none", "inputs.mean: expected list or float or int, got 'none'"),
    (("inputs", "mean"), ["a"], "inputs.mean: expected an array of numbers"),
    (("inputs", "scale"), [1.0], r"inputs.scale: expected numbers above 0 of shape \(4,\)"),
    (("inputs", "scale"), [0.0] * 4, "inputs.scale: expected numbers above 0"),
    (("target", "names"), ["a"], "target.names: expected at least two classes"),
    (("target", "names"), [1, 2], "target.names: expected a list of strings"),
    (("text",), [], "text: expected dict or NoneType, got"),
]


@pytest.mark.parametrize("case", range(len(DAMAGE)))
def test_damaged_preprocessing_is_named(case):
    (*path, last), value, message = DAMAGE[case]
    for remove in (False, True):
        data = prepare(load("iris")).preprocessing.to_json()
        place = data
        for name in path:
            place = place[name]
        if remove:
            del place[last]
            message = rf"{'.'.join((*path, last))}: the field is missing"
        else:
            place[last] = value
        with pytest.raises(DataError, match=message):
            Preprocessing.from_json(data)


# files of arrays ---------------------------------------------------------------------------------


def test_npz_is_the_arrays_in_it(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 3
    for names in (("x", "y"), ("inputs", "target"), ("X", "Y"), ("x_train", "y_train")):
        np.savez(tmp_path / "made.npz", **dict(zip(names, (x, y), strict=True)))
        data = load(tmp_path / "made.npz")
        assert data.name == "made" and data.classes == ("0", "1", "2")
        assert np.array_equal(data.inputs, x) and np.array_equal(data.target, y)
    np.savez(tmp_path / "made.npz", x=x, y=y, x_test=x[:4], y_test=y[:4], z=y / 7)
    assert np.array_equal(load(tmp_path / "made.npz").test.target, y[:4])
    with pytest.raises(DataError, match=r"made.npz: no array w \(there are: x, y, x_test"):
        load(tmp_path / "made.npz", target="w")


def test_npz_that_is_refused(tmp_path):
    path = tmp_path / "bad.npz"
    good, objects = {"x": np.eye(4), "y": np.arange(4) % 2}, np.array([{}], object)
    for arrays, message in (
        ({"y": good["y"]}, r"no array x or inputs or x_train \(there are: y\)"),
        ({"x": good["x"]}, "no array y or target"),
        (good | {"x_test": np.eye(4)}, "expected both x_test and y_test, or neither"),
        (good | {"x": objects}, "no arrays of numbers .* Object arrays cannot be loaded"),
        (good | {"x": np.eye(4) * np.nan}, "bad: expected finite inputs, got 16 NaN and 0 inf"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=message):
            load(path)
    np.savez(path, **good)
    whole = path.read_bytes()
    for content in (b"", b"PK\3\4", whole[: len(whole) // 2], b"hello, world" * 9):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.npz: no arrays of numbers can be read from it"):
            load(path)
    with pytest.raises(DataError, match="options about columns are for text files"):
        load(path, drop=["a"])


def test_inputs_for_a_model_of_arrays(tmp_path):
    """From .npy, .npz, text without and with a header, in any order of columns."""
    made = prepare(load("iris"))
    rows, model = made.dataset.inputs[:5], made.preprocessing
    names, target = made.dataset.columns, ["setosa"] * 5
    np.save(tmp_path / "rows.npy", rows)
    np.savez(tmp_path / "rows.npz", x=rows, y=target)
    np.savetxt(tmp_path / "bare.csv", rows, delimiter=",")
    header = ",".join(["target", *names[::-1]])
    lines = [header] + [",".join(["setosa", *map(str, row[::-1])]) for row in rows]
    (tmp_path / "named.csv").write_text("\n".join(lines))
    for name in ("rows.npy", "rows.npz", "bare.csv", "named.csv"):
        assert np.array_equal(model.encode(read_inputs(tmp_path / name, model)), model.encode(rows))
    for name in ("rows.npz", "named.csv"):
        read = read_rows(tmp_path / name, model)
        assert read.target.tolist() == [0] * 5 and read.target.dtype == np.int32
        assert np.array_equal(read.inputs, rows)
    for name, reader, message in (
        ("rows.npy", read_rows, "rows.npy: no targets"),
        ("bare.csv", read_rows, "missing columns: 'target'"),
        ("narrow.csv", read_inputs, "expected 4 columns of inputs, got 3"),
        ("word.csv", read_inputs, "column column_2: line 2: expected a number .* got 'b'"),
        ("rows.txt.zip", read_inputs, "expected a file of inputs, .csv, .tsv"),
        ("none.npy", read_inputs, "none.npy: cannot be read: No such file"),
        ("labels.npz", read_rows, "row 4: unknown class 'rose'"),
        ("short.npz", read_rows, "5 rows of inputs and 2 of targets"),
    ):
        (tmp_path / "narrow.csv").write_text("1,2,3\n4,5,6\n")
        (tmp_path / "word.csv").write_text("1,2,3,4\n5,b,7,8\n")
        np.savez(tmp_path / "labels.npz", x=rows, y=["setosa"] * 4 + ["rose"])
        np.savez(tmp_path / "short.npz", x=rows, y=["setosa"] * 2)
        with pytest.raises(DataError, match=message):
            reader(tmp_path / name, model)


def test_inputs_for_a_model_of_images(tmp_path):
    write(tmp_path, image_files(40))
    model = prepare(load("mnist", data_dir=tmp_path), stratify=False).preprocessing
    images = read_inputs(tmp_path / f"{TEST_X}.gz", model)
    assert np.array_equal(images, load("mnist", data_dir=tmp_path).test.inputs)
    with pytest.raises(DataError, match=r"images 28 × 28 for a model of inputs \(4,\)"):
        read_inputs(tmp_path / f"{TEST_X}.gz", prepare(load("iris")).preprocessing)
