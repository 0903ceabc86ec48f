"""python -m fnn, and the script `fnn`"""

import sys

from fnn.cli.process.startup import own_process


def run() -> int:
    """The command line of this process; the exit status."""
    own_process()
    from fnn.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
