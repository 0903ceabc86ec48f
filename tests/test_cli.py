"""The command line, as a person types it."""

from __future__ import annotations

import gzip
import re
import struct
from functools import partial

import numpy as np
import pytest

import fnn
from fnn.cli.main import parse
from fnn.cli.options.single_run import prepare_data
from fnn.metrics import format_metric
from fnn.runs import RunFolder
from fnn.training import LastEpochs, Run, Selection
from tests.processes import call

QUICK = ("--hidden", "4", "--epochs", "2", "--no-figures")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`fnn ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(call, capsys)


def test_train_prints_what_it_did_and_both_gradients_the_same(run) -> None:
    tables = []
    for gradient in ("automatic", "manual"):
        status, out, err = run("train", "iris", *QUICK, "--gradient", gradient)
        assert (status, err) == (0, "")
        tables.append(out.split("trained")[0])
    assert tables[0] == tables[1]
    assert "iris: 90 rows to train on, 30 to validate, 30 to test" in out
    assert "\ntarget: 3 classes (setosa 33.3%, versicolor 33.3%, virginica 33.3%);" in out
    assert "network 4-4-3, relu, 35 parameters" in out
    assert re.search(r"^test accuracy [01]\.\d{4} \(30 rows\)$", out, re.MULTILINE)
    assert out.endswith(
        "runs/iris-2 holds checkpoints, config.json, metrics.jsonl, model, result.json\n"
        "again: fnn train --config runs/iris-2\n"
    )


@pytest.mark.parametrize("schedule", ["linear", "cosine", "warmup_cosine", "one_cycle"])
def test_schedules_end_with_the_run(schedule: str) -> None:
    from fnn.cli.options.training import make_schedule

    made = make_schedule(schedule, 0.1, steps=200)
    values = [float(made.value(step)) for step in range(201)]
    assert max(values) == pytest.approx(0.1)
    assert values[-1] < 1e-4


def test_options_reach_the_run() -> None:
    words = (
        *("train", "wine", "--hidden", "5", "3", "--activation", "tanh", "--dropout", "None"),
        *("--optimizer", "sgd", "--learning-rate", "0.5", "--schedule", "cosine"),
        *("--batch-size", "10", "--epochs", "1", "--split", "0.5", "0.25", "0.25"),
        *("--batch-norm", "--metrics", "f1", "auc", "--average", "epochs", "--clip-norm", "2"),
        *("--patience", "3", "--keep", "f1", "--monitor", "--precision", "bfloat16"),
    )
    options = parse(list(words))
    prepared = prepare_data(options)
    net = options.network.build(prepared.preprocessing.outputs)
    assert net == fnn.mlp([5, 3], 3, activation="tanh", dropout=None, batch_norm=True)
    rule = fnn.optimizers.SGD(fnn.schedules.CosineDecay(0.5, 9), clip_norm=2.0)
    assert options.training.run(net, prepared, options.validation) == Run(
        fnn.Objective(net, "cross_entropy", policy=fnn.Policy("bfloat16")),
        rule,
        10,
        metrics=("f1", "auc"),
        selection=Selection("f1", 3),
        averaging=LastEpochs(5),
        monitor=True,
    )


def test_summary(run) -> None:
    status, out, _ = run("summary", "784", "10", "--hidden", "128", "64", "--dropout", "None")
    assert status == 0
    assert "109,386" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "usage", "said"),
    [
        (
            [],
            "fnn [-h] {train,sweep,search,evaluate,predict,runs,verify,data,summary,gradcheck}",
            ["train", "predict"],
        ),
        (["sweep"], "fnn sweep [-h] [SWEEP OPTIONS] DATA", ["--over NAME=VALUES", "--seeds N"]),
        (["train"], "fnn train [-h] [TRAIN OPTIONS] DATA", ["--hidden [N …]", "default: 128 64"]),
        (["evaluate"], "fnn evaluate [-h] [EVALUATE OPTIONS] RUN [DATA]", ["--metrics NAME …"]),
        (["predict"], "fnn predict [-h] [PREDICT OPTIONS] RUN FILE", ["-o OUT, --out OUT"]),
        (["runs"], "fnn runs [-h] [FOLDER] [--sort COLUMN]", ["--sort COLUMN"]),
        (["data"], "fnn data [-h] {list,get,describe}", ["list"]),
        (["data", "describe"], "fnn data describe [-h] [DESCRIBE OPTIONS] DATA", ["file options"]),
        (["summary"], "fnn summary [-h] [SUMMARY OPTIONS] INPUTS OUTPUTS", ["--dropout RATE"]),
    ],
)
def test_the_manual(run, monkeypatch, words, usage: str, said) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(*words, "--help")
    assert status == 0
    assert out.startswith(f"usage: {usage}")
    for text in said:
        assert text in out
    assert "STR" not in out
    assert "{None}" not in out
    assert max(map(len, out.splitlines()[1:])) <= 88


def test_mnist_from_files(run, tmp_path) -> None:
    draw = np.random.default_rng(0)
    for part, rows in (("train", 60), ("t10k", 20)):
        pixels = draw.integers(0, 256, (rows, 28, 28), dtype=np.uint8)
        labels = (np.arange(rows) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            with gzip.open(tmp_path / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    folder = str(tmp_path)
    status, out, err = run("train", "mnist", "--data-dir", folder, *QUICK, "--out", "run")
    assert (status, err) == (0, "")
    assert "mnist: 45 rows to train on, 15 to validate, 20 to test" in out
    accuracy = re.search(r"test accuracy (\S+) ", out)[1]
    for words in ([], ["mnist", "--data-dir", folder]):
        assert accuracy in run("evaluate", "run", *words)[1]
    status, out, _ = run("predict", "run", str(tmp_path / "t10k-images-idx3-ubyte.gz"))
    assert (status, len(out.splitlines())) == (0, 21)
    assert ", ".join(out.splitlines()[0].split(",")[:3]).endswith("p(0), p(1)")
    status, out, _ = run("data", "list", "--data-dir", folder)
    assert status == 0
    assert len(out.splitlines()) == 8


def table(name: str, target: str, values, rows: int = 60) -> str:
    """A CSV file of a number, a category and a target."""
    draw = np.random.default_rng(1)
    lines = [f"a,color,{target}"]
    for row in range(rows):
        lines.append(f"{draw.normal():.4f},{('red', 'blue')[row % 2]},{values(row)}")
    with open(name, "w") as file:
        file.write("\n".join(lines) + "\n")
    return name


TARGETS = {
    "classes": (lambda row: "abc"[row % 3], ["y", "p(a)", "p(b)", "p(c)"]),
    "binary": (lambda row: "ny"[row % 2], ["y", "p(n)", "p(y)"]),
    "numbers": (lambda row: 1e5 * (row + 0.5), ["y"]),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_train_evaluate_and_predict_a_table(run, capsys, kind: str) -> None:
    values, columns = TARGETS[kind]
    file = table("data.csv", "y", values)
    status, out, err = run("train", file, "--target", "y", *QUICK)
    assert (status, err) == (0, "")
    metric = "r2" if kind == "numbers" else "accuracy"
    test = re.search(rf"test {metric} (\S+?),? ", out)[1]
    status, out, err = run("evaluate", "runs/data-1")
    assert (status, err) == (0, "")
    assert out.startswith("12 rows\n")
    assert re.search(rf"^{metric} +{re.escape(test)}$", out, re.MULTILINE)
    assert run("evaluate", "runs/data-1", file)[1].startswith("60 rows\n")

    whole = run("predict", "runs/data-1", file)
    lines = whole.out.splitlines()
    assert (whole.status, lines[0].split(","), len(lines)) == (0, columns, 61)
    if kind != "numbers":
        cells = lines[1].split(",")
        chances = np.array(cells[1:], float)
        assert chances.sum() == pytest.approx(1, abs=1e-5)
        assert cells[0] == columns[1 + chances.argmax()][2:-1]
    with open(file) as source, open("blind.csv", "w") as blind:
        blind.writelines(line.rpartition(",")[0] + "\n" for line in source)
    status, out, _ = run("predict", "runs/data-1", "blind.csv", "-o", "answers.csv")
    assert (status, out) == (0, "60 predictions in answers.csv\n")
    with open("answers.csv") as answers:
        assert answers.read() == whole.out

    table("data.csv", "y", values, rows=61)
    status, _, err = run("evaluate", "runs/data-1")
    assert status == 2
    assert "data.csv: has been changed since runs/data-1 was trained on it" in err
    capsys.readouterr()
    assert parse(["train", "--config", "runs/data-1"]).data.endswith("data.csv")
    assert "data.csv has changed since runs/data-1 was" in capsys.readouterr().out
    status, _, err = run("evaluate", "runs/data-1/model")
    assert status == 2
    assert "runs/data-1/model: holds a model without the config.json of a run: give" in err


def test_float64_is_known_to_those_who_use_the_model(run, tmp_path) -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    np.savez("data.npz", x=x, y=np.arange(30) % 2)
    np.save("x.npy", x)
    words = ("--no-figures", "--precision", "float64", "--device", "cpu", "--batch-size", "full")
    status, out, _ = run("train", "data.npz", *QUICK, *words, "--out", "run")
    assert status == 0
    assert "all rows at once" in out
    assert "float64" in (tmp_path / "run" / "model" / "model.json").read_text()
    accuracy = re.search(r"test accuracy (\S+) ", out)[1]
    assert accuracy in run("evaluate", "run")[1]
    from_npy, from_npz = (run("predict", "run", name) for name in ("x.npy", "data.npz"))
    assert (from_npy.status, len(from_npy.out.splitlines())) == (0, 31)
    assert from_npz == from_npy


def test_a_run_is_repeated_from_any_folder(run, tmp_path, monkeypatch) -> None:
    table("data.csv", "y", TARGETS["binary"][0])
    assert run("train", "data.csv", "--target", "y", *QUICK)[0] == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("train", "--config", "../runs/data-1")[0] == 0
    first, same = (
        [{**row, "seconds": 0} for row in RunFolder.open(folder).history()]
        for folder in ("../runs/data-1", "runs/data-1")
    )
    assert first == same


def test_runs_of_no_folder_and_an_unknown_column(run) -> None:
    assert run("runs") == (0, "no runs yet in runs\n", "")
    status, _, err = run("runs", "elsewhere")
    assert (status, "elsewhere: there is no such folder" in err) == (2, True)
    status, _, err = run("runs", "--sort", "tset")
    assert status == 2
    assert "no column 'tset'; did you mean 'test'?" in err


def test_describe(run) -> None:
    table("data.csv", "y", TARGETS["classes"][0])
    status, out, _ = run("data", "describe", "data.csv", "--target", "y")
    assert status == 0
    assert "color" in out


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98333, "0.9833"),
        (0.0, "0.0000"),
        (3.14e-6, "3.1e-06"),
        (-0.5, "-0.5000"),
        (12.3456, "12.35"),
        (123.456, "123.5"),
        (47324.4, "47,324"),
        (4832724992.0, "4.833e+09"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_how_numbers_are_written(value: float, text: str) -> None:
    assert format_metric(value) == text


def test_a_folder_on_disk_with_two_targets(run, tmp_path) -> None:
    """Rows that are read as they are needed, through every command; a figure for each target."""
    draw = np.random.default_rng(0)
    (tmp_path / "waves").mkdir()
    x = draw.normal(size=(90, 3)).astype(np.float32)
    np.save(tmp_path / "waves" / "x.npy", x)
    np.save(tmp_path / "waves" / "y.npy", np.stack([x[:, 0] + x[:, 1], 9 * x[:, 2]], axis=1))
    status, out, err = run("train", "waves", *QUICK[:4], "--monitor", "--average", "epochs")
    assert (status, err) == (0, "")
    assert "waves: 54 rows to train on, 18 to validate, 18 to test" in out
    files = {path.name for path in (tmp_path / "runs" / "waves-1").glob("*.png")}
    assert files == {"curves.png", "monitors.png", "predicted-1.png", "predicted-2.png"}
    told = RunFolder.open("runs/waves-1").result["test"]["mae"]
    status, out, _ = run("evaluate", "runs/waves-1")
    assert status == 0 and format_metric(told) in out
    assert run("evaluate", "runs/waves-1", "waves")[1].startswith("90 rows\n")
    predicted = run("predict", "runs/waves-1", "waves/x.npy")
    status, out, _ = predicted
    assert status == 0 and out.startswith("target[0],target[1]\n") and out.count("\n") == 91
    assert run("predict", "runs/waves-1", "waves") == predicted
    x[0, 0] += 1
    np.save(tmp_path / "waves" / "x.npy", x)
    status, _, err = run("evaluate", "runs/waves-1")
    assert status == 2 and "waves: has been changed since runs/waves-1" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "get", "mnist", "--url", "http://127.0.0.1:1/no", "--data-dir", "here"], "no/"),
        (["data", "get", "mnits"], "unknown data 'mnits'; did you mean 'mnist'?"),
        (["train", "iris", "--device", "gpu"], "--device: "),
        (["train", "waves"], "waves is a folder without x.npy"),
    ],
)
def test_what_is_not_there(run, tmp_path, arguments, message) -> None:
    (tmp_path / "waves").mkdir()
    status, _, err = run(*arguments)
    assert status == 2
    assert err.startswith("fnn: error: ") and message in err
    assert not (tmp_path / "here").exists()


def test_more_memory_than_there_is(run) -> None:
    status, _, err = run("train", "iris", *QUICK, "--hidden", "400000", "400000")
    assert status == 2
    assert "fnn: error: out of memory" in err


def test_images_in_rows(run, tmp_path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 5), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(60) % 3)
    status, out, err = run("train", "images.npz", *QUICK)
    assert (status, err) == (0, "")
    assert "network 4×5-4-3" in out


def test_a_second_file_metrics_and_numbers_far_from_zero(run) -> None:
    """Evaluation by the run's metrics; new categories on request; Unix times to the second."""
    rows = [f"{row},{'red' if row % 3 else 'blue'},{1_700_000_000 + row}\n" for row in range(40)]
    for name, part in {"data.csv": rows[:30], "test.csv": rows[30:]}.items():
        with open(name, "w") as file:
            file.writelines(["x,color,y\n", *part])
    words = ("--target", "y", "--test", "test.csv", "--metrics", "mae", "--out", "run")
    assert run("train", "data.csv", *words, *QUICK).status == 0
    found = run("evaluate", "run")
    assert [line.split()[0] for line in found.out.splitlines()] == ["10", "mae"]
    answers = run("predict", "run", "test.csv").out.splitlines()[1:]
    assert len({round(float(answer)) for answer in answers}) > 1
    with open("new.csv", "w") as file:
        file.writelines(["x,color,y\n", "1,green,1700000001\n"])
    assert run("evaluate", "run", "new.csv").status == 2
    assert run("evaluate", "run", "new.csv", "--unknown", "zeros").out.startswith("1 rows\n")
    with open("test.csv", "a") as file:
        file.write(rows[0])
    status, _, err = run("evaluate", "run")
    assert status == 2 and "test.csv: has been changed since run was trained" in err


def test_figures_without_matplotlib(run, monkeypatch) -> None:
    monkeypatch.setattr("fnn.runs.figures.find_spec", lambda name: None)
    status, _, err = run("train", "iris")
    assert (status, err) == (
        2,
        "fnn: error: --figures: needs matplotlib: pip install 'fnn[plots]', or say --no-figures\n",
    )


def test_a_target_of_yes_no_labels_from_training_to_prediction(run) -> None:
    """In batches of more rows than there are, which is all of them."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    np.savez("labels.npz", x=x, y=x[:, :2] > 0)
    words = ("--hidden", "--epochs", "2", "--no-figures", "--batch-size", "999")
    status, out, err = run("train", "labels.npz", *words, "--task", "multilabel")
    assert (status, err) == (0, "") and "\ntarget: 2 yes/no labels (" in out
    assert re.search(r"^test accuracy [01]\.\d{4} \(12 rows\)$", out, re.MULTILINE)
    status, out, _ = run("predict", "runs/labels-1", "labels.npz")
    assert status == 0 and out.startswith("0,1,p(0),p(1)\n") and out.count("\n") == 61
    for line in out.splitlines()[1:]:
        *answers, first, second = map(float, line.split(","))
        assert answers == [first > 0.5, second > 0.5]
    assert run("evaluate", "runs/labels-1", "labels.npz")[1].startswith("60 rows\n")
    status, _, err = run("train", "labels.npz", *words, "--task", "binary")
    assert status == 2 and "or one-hot rows" in err
