"""Says whether a training preset and the fusion config that it names compile, without training anything.

    python scripts/validate_sft_config.py --config configs/train/sft/dense_1024.yaml

Exit codes: 0 it compiles, 1 it does not, 2 there is no such preset. The problems are those of `trainlock`.
"""

from __future__ import annotations

import argparse
import os
import sys

from compiler import settings
from compiler.catalog import Layout
from compiler.console import prepare, tell, write
from compiler.pipeline import Workspace
from compiler.problems import TrainlockError, no_line


def main() -> int:
    """Validate one preset; gives the exit code."""
    prepare()
    parser = argparse.ArgumentParser(description="Say whether a training preset compiles.")
    parser.add_argument("--config", required=True, metavar="PATH", help="a preset's name, its file, or its lock")
    config = parser.parse_args().config
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    workspace: Workspace | None = None
    try:
        workspace = Workspace(Layout(root, settings.load(root)))
        source = workspace.layout.find(config, os.getcwd(), workspace.sources)
        compiled = workspace.compile(source)
    except TrainlockError as error:
        tell(error.problems, workspace.source_line if workspace else no_line)
        return error.exit_code
    tell(compiled.warnings, workspace.source_line)
    fusion = f", with {compiled.resolved.fusion.source}" if compiled.resolved.fusion else ""
    return 0 if write(sys.stdout, f"ok: {source}{fusion}\n") else 1


if __name__ == "__main__":
    sys.exit(main())
