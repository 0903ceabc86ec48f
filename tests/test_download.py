"""Downloads from a server on loopback: whole files or none, and every failure named."""

import contextlib
import functools
import hashlib
import http.server
import os
import resource
import socket
import sys
import threading

import numpy as np
import pytest

from fnn.data import DataError, get, load
from fnn.data.sources.download import REMOTE
from fnn.data.sources.images import FILES
from tests.test_data import image_files, write

pytest.importorskip("pooch")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and counts what is asked for; `cut` breaks off in the middle of a file."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.server.cut not in self.path:
            super().do_GET()
            return
        content = b"\0" * 1000
        self.send_response(200)
        self.send_header("Content-Length", str(2 * len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of four small files whose checksums are the known ones."""
    folder = write(tmp_path / "served", image_files())
    sums = tuple(hashlib.sha256((folder / f"{file}.gz").read_bytes()).hexdigest() for file in FILES)
    monkeypatch.setitem(REMOTE, "mnist", REMOTE["mnist"]._replace(sha256=sums))
    monkeypatch.setenv("NO_PROXY", "*")
    made = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    made.asked, made.cut, made.folder = [], "nothing", folder
    made.url = f"http://127.0.0.1:{made.server_port}/"
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_what_was_fetched_is_loaded(server, tmp_path, capfd):
    place = get("mnist", tmp_path / "new" / "data", url=server.url)
    assert place == tmp_path / "new" / "data" / "mnist"
    assert sorted(os.listdir(place)) == sorted(f"{file}.gz" for file in FILES)
    ours, theirs = load("mnist", data_dir=tmp_path / "new/data"), image_files()[FILES[0]]
    assert np.array_equal(ours.inputs, theirs.reshape(-1, 784))
    assert capfd.readouterr() == ("", "")  # no terminal, no progress


def test_files_that_are_whole_are_not_fetched_again(server, tmp_path):
    place = get("mnist", tmp_path, url=server.url)
    (place / f"{FILES[1]}.gz").unlink()
    (place / f"{FILES[2]}.gz").write_bytes(b"damaged")
    server.asked.clear()
    get("mnist", tmp_path, url=server.url)
    assert server.asked == [f"/{FILES[1]}.gz", f"/{FILES[2]}.gz"]
    assert len(load("mnist", data_dir=tmp_path).target) == 20


def fail(server, tmp_path, reason):
    """The error names file, URL and reason; nothing is left that is not whole."""
    with pytest.raises(DataError, match=reason) as caught:
        get("mnist", tmp_path / "data", url=server.url)
    file = next(file for file in FILES if file in str(caught.value))
    assert f"could not fetch {server.url}{file}.gz to {tmp_path / 'data'}/" in str(caught.value)
    place = tmp_path / "data" / "mnist"
    left = os.listdir(place) if place.exists() else []
    for name in left:
        assert (place / name).read_bytes() == (server.folder / name).read_bytes()
    assert place.exists() == bool(left)
    return sorted(left)


def test_a_broken_connection(server, tmp_path):
    server.cut = FILES[0]
    assert fail(server, tmp_path, "connection broke off before the file was whole") == []
    server.cut = FILES[2]
    left = fail(server, tmp_path, "connection broke off before the file was whole")
    assert left == sorted(f"{file}.gz" for file in FILES[:2])
    server.cut = "nothing"
    server.asked.clear()
    get("mnist", tmp_path / "data", url=server.url)
    assert server.asked == [f"/{file}.gz" for file in FILES[2:]]


def test_another_checksum(server, tmp_path):
    path = server.folder / f"{FILES[1]}.gz"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:-5] + b"\0" + whole[-4:], b"<html>sign in</html>", b""):
        path.write_bytes(content)
        left = fail(server, tmp_path, "damaged or another file: its SHA-256 is not [0-9a-f]{64}$")
        assert left == [f"{FILES[0]}.gz"]


def test_no_such_file(server, tmp_path):
    (server.folder / f"{FILES[0]}.gz").unlink()
    assert fail(server, tmp_path, "the server answered 404 File not found") == []


def test_no_server(server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert fail(server, tmp_path, "no connection to the server .Connection refused") == []


def test_a_place_that_cannot_be_written(server, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"it can't be written: (Not a directory|File exists)"):
        get("mnist", tmp_path / "data", url=server.url)
    assert server.asked == []


def test_a_full_disk(server, tmp_path):
    """A limit on file sizes lets writing fail in the middle of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert fail(server, tmp_path, "it can't be written: File too large") == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert get("mnist", tmp_path / "data", url=server.url).is_dir()


def test_without_pooch(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"to fetch data, pip install 'fnn\[data\]'"):
        get("mnist", tmp_path, url=server.url)


def test_names(tmp_path):
    with pytest.raises(DataError, match="digits comes with scikit-learn: there is nothing"):
        get("digits", tmp_path)
    with pytest.raises(DataError, match=r"unknown data 'mnits'; did you mean 'mnist'\?"):
        get("mnits", tmp_path)
    with pytest.raises(DataError, match="Invalid URL 'nowhere/train-images"):
        get("mnist", tmp_path, url="nowhere")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", REMOTE)
def test_the_checksums_are_the_real_files(name):
    root = os.environ.get("FNN_DATA_DIR", "")
    if not os.path.isdir(os.path.join(root, name)):
        pytest.skip(f"no {name} in FNN_DATA_DIR")
    for file, expected in zip(FILES, REMOTE[name].sha256, strict=True):
        with contextlib.closing(open(os.path.join(root, name, f"{file}.gz"), "rb")) as opened:
            assert hashlib.file_digest(opened, "sha256").hexdigest() == expected
