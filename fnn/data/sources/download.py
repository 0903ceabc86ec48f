"""Download of the image sets: four files each, complete and verified, or none."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from fnn.data.errors import DataError
from fnn.data.sources.bundled import BUNDLED
from fnn.data.sources.images import FILES, IMAGES, folder
from fnn.spec import choice


class Remote(NamedTuple):
    """The URL of a set's files, and the SHA-256 of each, in the order of `FILES`."""

    url: str
    sha256: tuple[str, str, str, str]


REMOTE = {
    "fashion-mnist": Remote(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "mnist": Remote(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
}


def get(name: str, data_dir: str | os.PathLike[str] | None = None, url: str | None = None) -> Path:
    """Fetch mnist or fashion-mnist into `data_dir`/name (else `$FNN_DATA_DIR`, else the cache).

    Complete files are not fetched again. A file appears under its name once it is
    complete and its SHA-256 is right. `url` replaces the address of the folder with the four files.
    Returns the folder. Errors name the URL, the file and the reason: no connection, an HTTP status
    other than 200, a broken connection, another checksum, no permission, a full disk.
    """
    if name in BUNDLED:
        raise DataError(f"{name} comes with scikit-learn: there is nothing to fetch")
    if name not in IMAGES:
        raise DataError(f"unknown data {name!r}{choice(name, IMAGES)}")
    location = folder(data_dir).absolute() / name
    missing = [path for path in (location, *location.parents) if not path.exists()]
    base = (url or REMOTE[name].url).rstrip("/")
    try:
        for file, sha256 in zip(FILES, REMOTE[name].sha256, strict=True):
            _fetch(f"{base}/{file}.gz", location / f"{file}.gz", sha256)
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # missing, or it holds complete files
                path.rmdir()
    return location


def _fetch(url: str, path: Path, sha256: str) -> None:
    """Download one file, by way of a temporary one beside it."""
    pooch, requests = _clients()
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), headers={"Accept-Encoding": "identity"}
    )
    try:
        pooch.retrieve(
            url, f"sha256:{sha256}", fname=path.name, path=path.parent, downloader=downloader
        )
    except requests.RequestException as error:
        reason = _describe_error(error)
    except OSError as error:
        reason = f"it can't be written: {error.strerror or error}"
    except ValueError:
        reason = f"what came is damaged or another file: its SHA-256 is not {sha256}"
    else:
        return
    raise DataError(f"could not fetch {url} to {path}: {reason}")


def _clients() -> tuple[Any, Any]:
    """The packages that fetch. Errors: they are not installed."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise DataError(f"to fetch data, pip install 'fnn[data]' ({error})") from error
    return pooch, requests


def _describe_error(error: Exception) -> str:
    """A network error in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and (response := error.response) is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off before the file was whole"
    if isinstance(error, requests.ConnectionError):
        return f"no connection to the server ({_root_cause(error)})"
    return str(error)


def _root_cause(error: BaseException) -> str:
    """The operating system's message, at the bottom of a chain of exceptions."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(getattr(error, "strerror", None) or error)
