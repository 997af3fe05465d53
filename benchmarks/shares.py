"""Says in which stage a build spends its time: looks a few hundred times a second at what it is doing.

    python benchmarks/shares.py TREE ROUNDS

Prints shares of the samples by stage, as JSON. Start-up is in it once for all rounds.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
from collections import Counter
from types import FrameType
from typing import Final

IMPORTS: Final = "imports, and the command"

MODULES: Final = {
    "YAML: nodes of PyYAML": "nodes",
    "YAML: libyaml, nodes to values": "reader scalars syntax json_reader",
    "reading files": "tree",
    "names and paths": "catalog",
    "following extends": "extends references",
    "merging": "merging",
    "composing, beside merging": "compose",
    "checks": "lint checks spelling diamonds hierarchy disguise exposure schema trainer effective mending sound"
    " trainer_checks combinations mix_checks run_names across",
    "problems, and telling them": "problems console",
    "birth of nodes, canonical bytes, digest": "values",
    "the text of locks": "emitter lockfile",
    "writing files": "store orphans",
    IMPORTS: "cli arguments settings pipeline answers provenance gutter as_json",
}
"""The modules of each stage; a frame of any other belongs to the one that called it."""

STAGES: Final = {f"{name}.py": stage for stage, names in MODULES.items() for name in names.split()}
"""The stage of a module, by its file."""


def stage_of(frame: FrameType | None) -> str:
    """Give the stage that a frame belongs to; a module that is being loaded belongs to the imports."""
    while frame is not None:
        code = frame.f_code
        stage = STAGES.get(os.path.basename(code.co_filename))
        if stage is not None:
            return IMPORTS if code.co_name == "<module>" else stage
        frame = frame.f_back
    return "rest"


def main() -> None:
    """Build a tree again and again, and print the shares."""
    root, rounds = sys.argv[1:]
    os.chdir(root)
    samples: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        samples[stage_of(frame)] += 1

    gc.disable()
    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    from compiler.cli import main as command

    for _ in range(int(rounds)):
        signal.setitimer(signal.ITIMER_PROF, 0)
        shutil.rmtree("build")
        signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
        with open(os.devnull, "w", encoding="utf-8") as sys.stdout:
            command(["build"])
    signal.setitimer(signal.ITIMER_PROF, 0)
    total = sum(samples.values())
    print(json.dumps({stage: count / total for stage, count in samples.most_common()}), file=sys.__stdout__)


if __name__ == "__main__":
    main()
