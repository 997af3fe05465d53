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

STAGES: Final = {
    "nodes.py": "YAML: nodes of PyYAML",
    "reader.py": "YAML: libyaml, nodes to values",
    "tree.py": "reading files",
    "catalog.py": "names and paths",
    "extends.py": "following extends",
    "references.py": "following extends",
    "merging.py": "merging",
    "compose.py": "composing, beside merging",
    "sound.py": "checks",
    "trainer_checks.py": "checks",
    "checks.py": "checks",
    "schema.py": "checks",
    "values.py": "birth of nodes, canonical bytes, digest",
    "emitter.py": "the text of locks",
    "lockfile.py": "the text of locks",
    "store.py": "writing files",
    "cli.py": "imports, and the command",
}
"""The stage of a module; a frame of any other belongs to the one that called it."""


def main() -> None:
    """Build a tree again and again, and print the shares."""
    root, rounds = sys.argv[1:]
    os.chdir(root)
    samples: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        while frame is not None:
            stage = STAGES.get(os.path.basename(frame.f_code.co_filename))
            if stage is not None:
                samples[stage] += 1
                return
            frame = frame.f_back
        samples["rest"] += 1

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
