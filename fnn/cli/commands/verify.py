"""fnn verify: whether what a run has left is whole and unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional

from fnn.cli.options.option import word


@dataclass(frozen=True)
class VerifyCommand:
    """Check every file of a run, a sweep or a search; which one is damaged or was changed."""

    folder: Annotated[Positional[str], word("RUN")]
    """The folder of a run."""

    def run(self) -> int:
        """Print what is wrong: exit status 2 if anything is."""
        from fnn.runs import verify

        count, problems = verify(self.folder)
        for problem in problems:
            print(problem)
        if problems:
            return 2
        print(f"{self.folder} is whole: {count} checks passed")
        return 0
