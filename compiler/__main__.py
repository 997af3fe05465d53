"""`trainlock`, and `python -m compiler`: the process around the command."""

import gc

gc.disable()  # trees of nodes hold no cycles; looking for some costs a tenth of a build, and begins with the imports

import os  # noqa: E402
import sys  # noqa: E402
from typing import NoReturn  # noqa: E402


def main() -> int:
    """Run the command; an interrupt while it is being loaded is one like any other."""
    try:
        from compiler.cli import main as command  # noqa: PLC0415 - loading is what takes long enough to be interrupted
    except KeyboardInterrupt:
        return 130
    return command()


def run() -> NoReturn:
    """Run the command that was given, and end the process without taking every value of a large tree apart again."""
    try:
        code = main()
    except SystemExit as asked:  # of argparse, which has printed its help
        code = asked.code if isinstance(asked.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except AttributeError:
            continue  # there is none
        except (OSError, ValueError):
            from compiler.console import silence  # noqa: PLC0415 - only where nobody listens any more

            silence(stream)
            code = code or int(stream is sys.stdout)
    os._exit(code)


if __name__ == "__main__":
    run()
