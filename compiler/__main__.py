"""`trainlock`, and `python -m compiler`."""

import sys


def main() -> int:
    """Run the command; an interrupt while it is being loaded is one like any other."""
    try:
        from compiler.cli import main as command  # noqa: PLC0415 - loading is what takes long enough to be interrupted
    except KeyboardInterrupt:
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
