"""The command line: it calls the library, and prints.

commands/ has a file a subcommand: its options, and a run. options/ turns options into values of the
library, output/ prints results, process/ is about signals and several processes.
"""

from fnn.cli.main import main

__all__ = ["main"]
