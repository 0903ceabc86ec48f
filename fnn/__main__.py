"""python -m fnn, and the script `fnn`"""

import os
import sys
from typing import NoReturn

from fnn.cli.process.startup import own_process


def run() -> NoReturn:
    """The command line of this process.

    All is written then, so the process ends without taking its libraries apart: that is a quarter
    of a second that "in all" could not count.
    """
    own_process()
    from fnn.cli.main import main

    status = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
