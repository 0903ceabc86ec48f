"""Arrays: what is taken for what, what is fitted, and that it is read back bit for bit."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.data import (
    DataError,
    Dataset,
    Preprocessing,
    Standardizer,
    Table,
    describe,
    from_arrays,
    load,
    prepare,
    read_inputs,
    read_rows,
)
from fnn.data.describe import summarize_target
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
    assert data.divisor is None and not data.notes


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
    ((X, 2 * np.eye(6, dtype=int)), {"task": "classification"}, "or one-hot rows, got .* in row 0"),
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


# what is not what it seems -----------------------------------------------------------------------

LONG = np.random.default_rng(3).normal(size=(60, 3))


def test_what_is_masked_is_no_number():
    """Inputs, targets, lists of masked rows, rows for a trained model, and rows of `fnn.fit`."""
    masked = np.ma.masked_array(LONG, np.arange(180).reshape(60, 3) == 7)
    target = np.arange(60) % 2
    hidden = np.ma.masked_array(target, target * np.arange(60) == 5)
    made = prepare(from_arrays(np.ma.masked_array(LONG), target))
    run = fnn.Run(fnn.Objective(fnn.mlp([], 1), "binary_cross_entropy"), "adam")
    for call, place in (
        (lambda: from_arrays(masked, target), "inputs: an entry is masked, .* row 2 of column 1"),
        (lambda: from_arrays(list(masked), target), "an entry is masked, .* row 2 of column 1"),
        (lambda: from_arrays(LONG, hidden), "target: an entry is masked, the first in row 5:"),
        (lambda: made.preprocessing.encode(masked), "inputs: an entry is masked"),
        (lambda: made.preprocessing.encode_target(hidden), "target: an entry is masked"),
        (lambda: fnn.fit(run, fnn.Batch(masked, target), epochs=1), "rows.x: an entry is masked"),
    ):
        with pytest.raises(DataError, match=place):
            call()
    assert np.array_equal(from_arrays(np.ma.masked_array(LONG), target).inputs, LONG)
    sparse = pytest.importorskip("scipy.sparse").csr_array(LONG)
    with pytest.raises(DataError, match=r"inputs: .* a sparse one: write x.toarray\(\)"):
        from_arrays(sparse, target)


def test_rounding_noise_is_constant():
    """In arrays, tables and targets, of both widths; whole numbers and small signals are not."""
    odd = np.arange(60) % 2 == 1
    noise = np.where(odd, 0.3, 0.1 + 0.2)
    assert noise.std() > 0
    noise32 = np.where(odd, np.float32(1), np.nextafter(np.float32(1), np.float32(2)))
    signals = [
        np.where(odd, 2.0**48 - 1, 2.0**48),
        np.where(odd, 1 + 1e-14, 1),
        1.7e9 + np.arange(60) / 1e6,
        np.where(odd, 1e-150, 2e-150),
    ]
    x = np.stack([noise, *signals], axis=1)
    result = Standardizer.fit(x)(x)
    assert np.abs(result[:, 0]).max() < 1e-15
    np.testing.assert_allclose(result[:, 1:].std(0, dtype=np.float64), 1, rtol=0.1)
    pair = np.stack([noise32, np.where(odd, np.float32(2**24 - 1), np.float32(2**24))], axis=1)
    assert pair.dtype == np.float32
    encoded = Standardizer.fit(pair)(pair)
    assert np.abs(encoded[:, 0]).max() < 1e-6
    assert encoded[:, 1].std(dtype=np.float64) == pytest.approx(1, rel=1e-3)
    table = Table({"noise": noise, "x": signals[0]})
    made = prepare(Dataset("t", table, odd.astype(np.int32), ("a", "b"))).preprocessing
    assert made.feature_names == ("x",)
    assert any("noise is left out: it is 0.3 in all" in note for note in made.notes)
    with pytest.raises(DataError, match=r"the target is 0.3 in all training rows"):
        prepare(from_arrays(LONG, noise))


def test_a_dtype_is_no_meaning():
    """uint8 flags and ages are numbers like others; what looks like images is divided by 255."""
    rng = np.random.default_rng(0)
    target = np.arange(60) % 2
    flags = rng.integers(0, 2, (60, 64), np.uint8)
    ages = rng.integers(0, 200, (60, 3), np.uint8)
    for x in (flags, ages, flags.reshape(60, 8, 8)):
        narrow, wide = (prepare(from_arrays(kind, target)) for kind in (x, x.astype(np.int64)))
        assert np.array_equal(narrow.train.x, wide.train.x) and not narrow.dataset.notes
    pixels = rng.integers(0, 256, (60, 64), np.uint8)
    for x in (pixels, pixels.reshape(60, 8, 8)):
        data = from_arrays(x, target)
        assert data.divisor == 255 and any("pixels" in note for note in data.notes)
        assert from_arrays(x.astype(int), target).divisor is None
    assert from_arrays(flags, target, divisor=255).divisor == 255
    numbers = rng.integers(0, 9, (60, 2)).astype(np.uint8)
    assert from_arrays(LONG, numbers).task == "regression"


WHOLE = np.arange(84) % 28
X84 = np.eye(84)


def test_integers_from_0_on_that_repeat_are_classes(tmp_path):
    for dtype in (np.uint8, np.int64):
        data = from_arrays(X84, WHOLE.astype(dtype))
        assert data.classes == tuple(map(str, range(28))) and np.array_equal(data.target, WHOLE)
        assert any("28 values" in note and "regression" in note for note in data.notes)
        assert "28 classes" in summarize_target(data)
    np.savez(tmp_path / "letters.npz", x=X84, y=WHOLE.astype(np.uint8))
    assert load(tmp_path / "letters.npz").classes == tuple(map(str, range(28)))
    for task, wanted in (("regression", "regression"), ("classes", "classes")):
        assert load(tmp_path / "letters.npz", task=task).task == wanted
    once = np.arange(84) % 83
    for numbers in (WHOLE + 1, WHOLE * 2, once, WHOLE.astype(float)):
        data = from_arrays(X84, numbers)
        assert data.task == "regression" and "numbers from" in summarize_target(data)
    with pytest.raises(DataError, match="expected two classes for the task binary, got 28: 0, 1"):
        from_arrays(X84, WHOLE, task="binary")
    assert from_arrays(X84, WHOLE % 2, task="binary").task == "binary"
    with pytest.raises(DataError, match="expected a matrix of 0 and 1"):
        from_arrays(X84, WHOLE % 2, task="multilabel")


def test_one_hot_rows_are_classes():
    numbers = np.arange(60) % 3
    for dtype in (float, np.float32, int, np.uint8, bool):
        data = from_arrays(LONG, np.eye(3)[numbers].astype(dtype))
        assert data.task == "classes" and np.array_equal(data.target, numbers)
        assert any("one-hot" in note for note in data.notes)
    rows = np.eye(3)[numbers]
    named = from_arrays(LONG, rows, classes=["a", "b", "c"], test=(LONG, rows))
    assert named.classes == ("a", "b", "c") and np.array_equal(named.test.target, numbers)
    assert from_arrays(LONG, rows[:, :2] + [0, 1] * rows[:, 2:]).outputs == 1
    assert from_arrays(LONG, rows, task="regression").outputs == 3
    assert from_arrays(LONG, rows, task="multilabel").labels == ("0", "1", "2")
    assert from_arrays(LONG, rows / 2 + 0.1).task == "regression"
    with pytest.raises(DataError, match="2 names for 3 columns"):
        from_arrays(LONG, rows, classes=["a", "b"])


YES = LONG @ np.random.default_rng(1).normal(size=(3, 4)) > 0


def test_a_matrix_of_0_and_1_is_yes_no_labels(tmp_path):
    for target in (YES, YES.astype(int), YES.astype(np.float32)):
        data = from_arrays(LONG, target)
        assert (data.task, data.outputs, data.classes) == ("binary", 4, None)
        assert data.labels == ("0", "1", "2", "3") and np.array_equal(data.target, YES)
    named = prepare(from_arrays(LONG, YES, classes=list("abcd"), test=(LONG[:9], YES[:9])))
    fitted = named.preprocessing
    assert fitted.labels == tuple("abcd") and fitted.target_scale is None
    assert named.train.target.dtype == np.float32 and len(named.test.target) == 9
    logits = np.array([[-1.0, 0.5, 0, 800]])
    assert fitted.decode(logits).tolist() == [[0, 1, 0, 1]]
    expected = [[1 / (1 + np.e), 1 / (1 + np.exp(-0.5)), 0.5, 1]]
    np.testing.assert_allclose(fitted.probabilities(logits), expected, rtol=1e-15)
    again = Preprocessing.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again.to_json() == fitted.to_json() and again.labels == fitted.labels
    assert "label  rows  share" in describe(named.dataset)
    always = np.maximum(YES.mean(0), 1 - YES.mean(0)).mean()
    assert f"accuracy {always:.4f}" in summarize_target(from_arrays(LONG, YES))
    np.savez(tmp_path / "more.npz", x=LONG, y=YES)
    rows = read_rows(tmp_path / "more.npz", fitted)
    assert np.array_equal(fitted.encode_target(rows.target), YES)
    assert from_arrays(LONG, YES, task="regression").task == "regression"
    wrong = np.where(YES, 1, 0) + 2 * (np.arange(240).reshape(60, 4) == 13)
    for task, message in (
        ("multilabel", "0 and 1, got .* in row 3"),
        ("classes", "one-hot"),
    ):
        with pytest.raises(DataError, match=message):
            from_arrays(LONG, wrong, task=task)
    with pytest.raises(DataError, match="expected labels 0 and 1, got 2 in row 0"):
        fitted.encode_target(np.full((5, 4), 2))
    with pytest.raises(DataError, match="expected 4 labels a row"):
        fitted.encode_target(YES[:, :3])


def test_what_the_target_is_taken_for_in_one_line():
    """With what is reached without the inputs."""
    names = np.array(["no", "yes", "perhaps"])[np.minimum(np.arange(60) // 24, 2)]
    told = summarize_target(from_arrays(LONG, names))
    assert told == (
        "target: 3 classes (no 40.0%, yes 40.0%, perhaps 20.0%); the largest alone: accuracy 0.4000"
    )
    told = summarize_target(from_arrays(LONG, np.arange(60) / 4, target_name="price"))
    assert told.startswith("target price: numbers from 0 to 14.75; their mean 7.375 alone: r2 0, ")
    assert told.endswith(f"RMSE {np.std(np.arange(60) / 4):.6g}")
