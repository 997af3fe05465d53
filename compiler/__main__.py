"""`python -m compiler` is `trainlock`: the process around the command."""

import gc

gc.disable()  # trees of nodes hold no cycles; looking for some costs a tenth of a build, and begins with the imports

import os  # noqa: E402
import sys  # noqa: E402
from typing import NoReturn  # noqa: E402

from compiler.cli import main  # noqa: E402
from compiler.console import silence  # noqa: E402


def run() -> NoReturn:
    """Run the command that was given, and end the process without taking every value of a large tree apart again."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            silence(stream)
    os._exit(code)


if __name__ == "__main__":
    run()
