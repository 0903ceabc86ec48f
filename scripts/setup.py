"""Makes a virtual environment from requirements.lock, unless it is there and whole.

python setup.py VENV                        makes it; a second process waits for the first
VENV/bin/python setup.py --check VENV       exits with 0 if it is whole

Whole means that its stamp, which is written last, fits the lock file and its own Python.
"""

# The check runs at every start of scripts/python: what only making needs is imported there.
import hashlib
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCK = os.path.join(ROOT, "requirements.lock")


def stamp() -> str:
    """What a whole environment bears, if this Python is its own."""
    with open(LOCK, "rb") as lock:
        digest = hashlib.sha256(lock.read())
    digest.update(f"{sys.implementation.name} {sys.version} {os.uname().machine}".encode())
    return digest.hexdigest()


def stamp_file(venv: str) -> str:
    return os.path.join(venv, "fnn-stamp")


def python(venv: str) -> str:
    return os.path.join(venv, "bin", "python")


def check(venv: str) -> bool:
    try:
        with open(stamp_file(venv)) as file:
            return file.read() == stamp()
    except FileNotFoundError:
        return False


def say(message: str) -> None:
    print(f"fnn: {message}", file=sys.stderr, flush=True)


def run(*command: str) -> int:
    """The command's exit status; nothing it prints gets into our standard output."""
    import subprocess

    try:
        return subprocess.run(command, stdout=sys.stderr).returncode
    except OSError:
        return 127


def make(venv: str) -> None:
    name = os.path.basename(venv)
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit(
            f"fnn: {sys.executable} lacks ensurepip, which {name} is made with; on Debian and "
            f"Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )
    say(f"setting up {name} on first use, or after a change (about a minute) …")
    if os.path.exists(stamp_file(venv)):
        os.remove(stamp_file(venv))
    # Python compiles what it imports, a small part of what is installed, when it first does.
    pip = (python(venv), "-I", "-m", "pip", "--disable-pip-version-check", "-qq", "install")
    if run(sys.executable, "-I", "-m", "venv", "--clear", venv) or run(
        *pip, "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", LOCK
    ):
        sys.exit(
            f"fnn: setting up {name} failed, see above. It needs a network: with one, run the same "
            "command again; without, set FNN_PYTHON to a Python that has these packages."
        )
    with open(stamp_file(venv), "w") as file:
        file.write(stamp())


def make_once(venv: str) -> None:
    import fcntl

    with open(f"{venv}.lock", "w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is setting up {os.path.basename(venv)}; waiting for it …")
            fcntl.flock(guard, fcntl.LOCK_EX)
        # Its own Python is asked, which may differ from this one, or be gone.
        if run(python(venv), "-IS", __file__, "--check", venv):
            make(venv)


def main(*arguments: str) -> None:
    if arguments[0] == "--check":
        sys.exit(not check(arguments[1]))
    try:
        make_once(os.path.abspath(arguments[0]))
    except OSError as error:
        sys.exit(f"fnn: cannot set up {arguments[0]}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(*sys.argv[1:])
