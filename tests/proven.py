"""A small repository with a legacy side: what the tests of `prove`, of `diff` and of their doit tasks stand on.

`train/dense` names a mix, `train/small` holds what a rule calls dead, `train/fresh` has no legacy side. The legacy tree
is flat, so that its records need no loader.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

import repositories
from builders import opened
from cli_runs import write
from compiler import legacy, pipeline
from doit_runs import DODO

PYPROJECT = """\
[tool.trainlock]
presets = ["train/**/*.yaml"]
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]
fusion-key = "custom.fusion_config"
"""

TUNER, TRAINING = "configs/components/tuner.yaml", "configs/components/training.yaml"
MIX, MIX_BASE = "configs/fusion/variants/mix.yaml", "configs/fusion/base/dense.yaml"
DENSE, SMALL, FRESH = "configs/train/dense.yaml", "configs/train/small.yaml", "configs/train/fresh.yaml"
OLD_DENSE, OLD_SMALL, OLD_MIX = "configs/old/dense.yaml", "configs/old/small.yaml", "configs/mixes/dense.yaml"
MAPPING = "legacy/mapping.yaml"

COMMON = (
    "model:\n  torch_dtype: bfloat16\ntemplate:\n  max_pixels: 1572864999\ntuner:\n  lora_rank: {rank}\n"
    '  lora_bias: "none"\ntraining:\n  learning_rate: 2.0e-4\n  save_strategy: "no"\n  report_to: [tensorboard]\n'
)
OPS = (
    "  augmentation:\n    enabled: false\n    ops:\n      - {name: flip, prob: 0.5}\n      - {name: crop, prob: 0.1}\n"
)

FILES = {
    "pyproject.toml": PYPROJECT,
    "dodo.py": DODO,
    "configs/base.yaml": "# runtime defaults\nmodel:\n  torch_dtype: bfloat16\ntemplate:\n  max_pixels: 1572864999\n",
    TUNER: 'tuner:\n  lora_rank: 32\n  lora_bias: "none"\n',
    TRAINING: 'training:\n  learning_rate: 2.0e-4\n  save_strategy: "no"\n  report_to: [tensorboard]\n',
    MIX_BASE: (
        "targets:\n  - {name: bbu, dataset: bbu, ratio: 1.0}\n"
        "sources:\n  - {name: lvis, dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}\n"
    ),
    MIX: "extends: ../base/dense.yaml\ntargets:\n  - {name: bbu, train_jsonl: bbu_1024.jsonl}\n",
    DENSE: (
        "extends: [../base.yaml, ../components/tuner.yaml, ../components/training.yaml]\n"
        "custom:\n  note: 稠密\n  fusion_config: configs/fusion/variants/mix.yaml\n"
    ),
    SMALL: (
        "extends: [../base.yaml, ../components/tuner.yaml, ../components/training.yaml]\n"
        f"tuner:\n  lora_rank: 8\ncustom:\n{OPS}"
    ),
    FRESH: "extends: small.yaml\ntuner:\n  lora_rank: 4\n",
    f"legacy/{OLD_DENSE}": COMMON.format(rank=32) + f"custom:\n  note: 稠密\n  fusion_config: {OLD_MIX}\n",
    f"legacy/{OLD_SMALL}": COMMON.format(rank=8) + f"custom:\n{OPS}",
    f"legacy/{OLD_MIX}": (
        "targets:\n  - {name: bbu, dataset: bbu, ratio: 1.0, train_jsonl: bbu_1024.jsonl}\n"
        "sources:\n  - {name: lvis, dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}\n"
    ),
    MAPPING: f"presets:\n  {OLD_DENSE}: {DENSE}\n  {OLD_SMALL}: {SMALL}\nwaivers: []\n",
}

HEADLINE = "EQUIVALENT against legacy: 2 equivalent, 1 new; 26 leaves; mutants: 127 caught, 21 excused"
"""Of the repository as it is made: 17 leaves of `train/dense` with its mix, 9 of `train/small`."""


def make(root: Path) -> Path:
    """Write the repository, with its records; gives the folder."""
    write(root, FILES)
    record(root)
    return root


def record(root: Path) -> None:
    """Record what the flat legacy tree holds, as it is now."""
    side = root / "legacy"
    shutil.rmtree(side / "records", ignore_errors=True)
    tree = legacy.tree_digest(str(side))
    for path in sorted((side / "configs").rglob("*.yaml")):
        source = path.relative_to(side)
        made = {
            "schema_version": legacy.SCHEMA_VERSION,
            "kind": "mix" if "mixes" in source.parts else "preset",
            "source": source.as_posix(),
            "tree": tree,
            "values": yaml.safe_load(path.read_text(encoding="utf-8")),
        }
        text = json.dumps(made, ensure_ascii=False, indent=1)
        write(side, {f"records/{source.with_suffix('.json').as_posix()}": f"{text}\n"})


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace one text in a file that holds it once."""
    text = (root / path).read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def waiver(**fields: str) -> str:
    """Give the text of a mapping with one waiver: of the rank of `train/small`, but for what is said."""
    usual = {
        "preset": SMALL,
        "path": "tuner.lora_rank",
        "legacy": "8",
        "compiled": "16",
        "reason": "a larger rank",
        "owner": "lena",
        "expires": "2999-01-31",
    }
    lines = [f"{name}: {value}" for name, value in {**usual, **fields}.items()]
    return FILES[MAPPING].replace("waivers: []\n", "waivers:\n  - " + "\n    ".join(lines) + "\n")


def commit(root: Path, name: str) -> None:
    """Commit everything, under a tag of that name; the first time the folder becomes a git repository."""
    repositories.commit(root)
    repositories.git(root, "tag", name)


def build(root: Path) -> None:
    """Write every lock that compiles."""
    pipeline.build(opened(root))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with fresh locks; never changed, only copied."""
    root = make(tmp_path_factory.mktemp("made"))
    build(root)
    return root


@pytest.fixture
def repository(made_once: Path, tmp_path: Path) -> Path:
    """A copy of the repository with fresh locks, its own to change."""
    root = tmp_path / "repository"
    shutil.copytree(made_once, root)
    return root
