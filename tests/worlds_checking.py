"""Worlds that compile, and in which a check finds something all the same."""

from __future__ import annotations

from typing import Any, Final

from compiler.pipeline import Check, Workspace, check
from compiler.settings import Silence
from compiler.values import Origin
from world import P, World

_GIVEN: Final[dict[str, Any]] = {
    "trainer": "ms-swift 3.10.3",
    "fusion_key": ("custom", "fusion_config"),
    "components": ("components/**/*.yaml",),
}


def _with_data(workspace: Workspace) -> Check:
    """Check, and look for the files of records; that nothing was built is left out."""
    found = check(workspace, data=True)
    return found._replace(problems=tuple(one for one in found.problems if one.code != "lock-missing"))


CHECKING: Final = [
    World(
        "word-as-boolean",
        {P: "urgent: yes\n"},
        (
            "configs/train/p.yaml:1:9: warning: `yes` reads as a boolean [word-as-boolean]\n"
            "    1 | urgent: yes\n"
            "      |         ^\n"
            "  why: YAML 1.1 makes the boolean `true` of it, YAML 1.2 a text\n"
            '  hint: write `true`, or `"yes"` if it is text'
        ),
    ),
    World(
        "number-as-text",
        {P: "rate: 2e-5\n"},
        (
            "configs/train/p.yaml:1:7: warning: `2e-5` reads as a text [number-as-text]\n"
            "    1 | rate: 2e-5\n"
            "      |       ^\n"
            "  why: YAML 1.2 makes a number of it, YAML 1.1 and with it the trainer a text\n"
            '  hint: write `2.0e-5`, or `"2e-5"` if it is text'
        ),
    ),
    World(
        "octal-value",
        {P: "room: 012\n"},
        (
            "configs/train/p.yaml:1:7: warning: `012` reads as an octal number [octal-value]\n"
            "    1 | room: 012\n"
            "      |       ^\n"
            "  why: YAML 1.1 makes `10` of it, YAML 1.2 the number `12`\n"
            "  hint: write `10` or `12`, whichever is meant; quote it if it is text"
        ),
    ),
    World(
        "sexagesimal-value",
        {P: "at: 12:30:00\n"},
        (
            "configs/train/p.yaml:1:5: warning: `12:30:00` reads as a number in base 60 "
            "[sexagesimal-value]\n"
            "    1 | at: 12:30:00\n"
            "      |     ^\n"
            "  why: YAML 1.1 makes `45000` of it, YAML 1.2 a text\n"
            '  hint: quote it if it is text: `"12:30:00"`; else write `45000`'
        ),
    ),
    World(
        "number-spelling",
        {P: "pixels: 1_000\n"},
        (
            "configs/train/p.yaml:1:9: warning: `1_000` reads as a number [number-spelling]\n"
            "    1 | pixels: 1_000\n"
            "      |         ^\n"
            "  why: YAML 1.1 makes `1000` of it, YAML 1.2 a text\n"
            '  hint: write `1000`, or `"1_000"` if it is text'
        ),
    ),
    World(
        "merge-conflict",
        {P: "x: &x {seed: 1, bf16: true}\ny: &y {seed: 2}\nc:\n  <<: [*x, *y]\n"},
        (
            "configs/train/p.yaml:4:7: warning: two of the merged mappings hold `seed` "
            "[merge-conflict]\n"
            "    4 |   <<: [*x, *y]\n"
            "      |       ^\n"
            "  why: the first in the list wins, and PyYAML 6.0.4 takes the last\n"
            "  note: configs/train/p.yaml:1:8 holds the one that wins\n"
            "  note: configs/train/p.yaml:2:8 holds the other\n"
            "  hint: write `seed` below the merge key"
        ),
    ),
    World(
        "restated-value",
        {
            P: "extends: ../base.yaml\ntraining:\n  seed: 17\n",
            "configs/base.yaml": "training:\n  seed: 17\n  bf16: true\n",
        },
        (
            "configs/train/p.yaml:3:3: warning: `training.seed` is `17` already [restated-value]\n"
            "    3 |   seed: 17\n"
            "      |   ^\n"
            "  why: a value that is inherited and said again stays behind when the base changes\n"
            "  note: configs/base.yaml:2:3 sets it\n"
            "  hint: take `seed` out, and `training` with it"
        ),
    ),
    World(
        "null-override",
        {
            P: "extends: ../components/training.yaml\ntraining:\n",
            "configs/components/training.yaml": "training:\n  seed: 17\n",
        },
        (
            "configs/train/p.yaml:2:1: warning: `training` is null, and takes the place of 1 "
            "value [null-override]\n"
            "    2 | training:\n"
            "      | ^\n"
            "  why: null replaces a whole mapping; it is not the same as saying nothing\n"
            "  note: configs/components/training.yaml:1:1 sets the mapping\n"
            "  hint: take the line out to keep the mapping, or set the keys below it that shall "
            "differ"
        ),
    ),
    World(
        "dead-base",
        {
            P: "extends:\n  - ../one.yaml\n  - ../two.yaml\n",
            "configs/one.yaml": "training:\n  seed: 1\n",
            "configs/two.yaml": "training:\n  seed: 2\n  bf16: true\n",
        },
        (
            "configs/train/p.yaml:2:5: warning: nothing is left of base `configs/one.yaml` "
            "[dead-base]\n"
            "    2 |   - ../one.yaml\n"
            "      |     ^\n"
            "  why: every value that it sets is overridden\n"
            "  note: configs/two.yaml:2:3 sets `training.seed`\n"
            "  hint: take it out of the list, or put it behind what overrides it"
        ),
    ),
    World(
        "dead-base",
        {P: "extends:\n  - ../one.yaml\n", "configs/one.yaml": "# nothing yet\n"},
        (
            "configs/train/p.yaml:2:5: warning: nothing is left of base `configs/one.yaml` "
            "[dead-base]\n"
            "    2 |   - ../one.yaml\n"
            "      |     ^\n"
            "  why: it sets no value\n"
            "  hint: take it out of the list"
        ),
    ),
    World(
        "base-order",
        {
            P: "extends:\n  - ../one.yaml\n  - ../two.yaml\n",
            "configs/one.yaml": "training:\n  seed: 1\n  bf16: true\n",
            "configs/two.yaml": "training:\n  seed: 2\n",
        },
        (
            "configs/train/p.yaml:3:5: warning: base `configs/two.yaml` overrides one value of "
            "`configs/one.yaml`, which stands before it [base-order]\n"
            "    3 |   - ../two.yaml\n"
            "      |     ^\n"
            "  why: both set the same keys, and only the order of the list says which one wins\n"
            "  note: configs/two.yaml:2:3 sets `training.seed` to `2`, over `1`\n"
            "  hint: let `configs/two.yaml` extend `configs/one.yaml` if it refines it; else set "
            "the values in this file"
        ),
    ),
    World(
        "unused-fragment",
        {P: "training:\n  seed: 1\n", "configs/components/old.yaml": "tuner:\n  lora_rank: 8\n"},
        (
            "configs/components/old.yaml: warning: nothing uses `configs/components/old.yaml` "
            "[unused-fragment]\n"
            "  why: no preset and no mix that gets a lock reaches it\n"
            "  hint: extend it, let the globs of `[tool.trainlock]` select it, or delete it if "
            "nothing else reads it"
        ),
    ),
    World(
        "shared-output",
        {
            P: "training:\n  output_dir: out\n  run_name: one\n",
            "configs/train/q.yaml": "training:\n  output_dir: ./out\n  run_name: one\n  seed: 2\n",
        },
        (
            "configs/train/q.yaml:3:3: warning: `configs/train/q.yaml` writes to `out/one`, and "
            "so does `configs/train/p.yaml` [shared-output]\n"
            "    3 |   run_name: one\n"
            "      |   ^\n"
            "  why: their curves lie together, and their checkpoints as well where no version is "
            "added to the folder\n"
            "  note: configs/train/p.yaml:3:3 is the other\n"
            "  hint: give one of the two a `training.run_name` or a `training.output_dir` of its "
            "own"
        ),
        given=_GIVEN,
    ),
    World(
        "shared-output",
        {P: "training:\n  output_dir: out\n", "configs/train/q.yaml": "extends: p.yaml\ntraining:\n  seed: 2\n"},
        (
            "configs/train/q.yaml: warning: `configs/train/q.yaml` writes to `out`, and so does "
            "`configs/train/p.yaml` [shared-output]\n"
            "  why: their curves lie together, and their checkpoints as well where no version is "
            "added to the folder\n"
            "  note: configs/train/p.yaml:2:3 is the other\n"
            "  hint: give one of the two a `training.run_name` or a `training.output_dir` of its "
            "own"
        ),
        given=_GIVEN,
    ),
    World(
        "missing-data",
        {
            P: "custom:\n  fusion_config: configs/fusion/m.yaml\n",
            "configs/fusion/m.yaml": "targets:\n  - dataset: bbu\n    train_jsonl: data/trian.jsonl\n",
            "data/train.jsonl": "{}\n",
        },
        (
            "configs/fusion/m.yaml:3:5: error: there is no file `data/trian.jsonl` "
            "[missing-data]\n"
            "    3 |     train_jsonl: data/trian.jsonl\n"
            "      |     ^\n"
            "  why: the trainer reads its records there, from the repository root\n"
            "  hint: did you mean `data/train.jsonl`?"
        ),
        verb=_with_data,
        given=_GIVEN,
    ),
    World(
        "false-name",
        {P: "training:\n  num_train_epochs: 3\n  run_name: epoch_30\n"},
        (
            "configs/train/p.yaml:3:3: warning: `training.run_name` says `epoch_30`, and "
            "`training.num_train_epochs` is 3 [false-name]\n"
            "    3 |   run_name: epoch_30\n"
            "      |   ^\n"
            "  note: configs/train/p.yaml:2:3 sets the value\n"
            "  hint: write `epoch_3`, or set `training.num_train_epochs` to `30`"
        ),
        given=_GIVEN,
    ),
    World(
        "false-name",
        {
            P: "extends: ../base.yaml\ntraining:\n  learning_rate: 2.0e-5\n",
            "configs/base.yaml": "training:\n  learning_rate: 1.0e-5\n  output_dir: out/lr_1e-5\n",
        },
        (
            "configs/train/p.yaml:3:3: warning: `training.output_dir` says `lr_1e-5`, and "
            "`training.learning_rate` is 2e-5 [false-name]\n"
            "    3 |   learning_rate: 2.0e-5\n"
            "      |   ^\n"
            "  note: configs/base.yaml:3:3 holds the name\n"
            "  hint: give this preset a `training.output_dir` of its own"
        ),
        given=_GIVEN,
    ),
    World(
        "secret-value",
        {P: "training:\n  hub_token: hf_abcdefghijklmnopqrstuvwxyz012345\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.hub_token` looks like a Hugging Face "
            "token [secret-value]\n"
            "  why: a lock is committed, and whoever reads it has it\n"
            "  hint: let the environment give it to the trainer, and revoke it if it was ever "
            "committed; where it is none, silence this with a reason"
        ),
        given=_GIVEN,
    ),
    World(
        "secret-value",
        {P: "logging:\n  api_key: correct-horse-battery\n"},
        (
            "configs/train/p.yaml:2:3: error: `logging.api_key` looks like a secret "
            "[secret-value]\n"
            "  why: a lock is committed, and whoever reads it has it\n"
            "  hint: let the environment give it to the trainer, and revoke it if it was ever "
            "committed; where it is none, silence this with a reason"
        ),
    ),
    World(
        "chord-config",
        {
            P: (
                "rlhf:\n  rlhf_type: grpo\ndeepspeed:\n  enabled: true\n  config: zero2\ncustom:\n  grpo:\n "
                "   chord:\n      enabled: true\n"
            )
        },
        (
            "configs/train/p.yaml:9:7: error: `custom.grpo.chord` is enabled, and DeepSpeed "
            "partitions by ZeRO stage 2 [chord-config]\n"
            "    9 |       enabled: true\n"
            "      |       ^\n"
            "  why: the trainer stops with an error\n"
            "  note: configs/train/p.yaml:5:3 sets the stage\n"
            "  hint: take stage 3, such as `config: zero3`, or write `enabled: false`"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {
            P: "custom:\n  fusion_config: configs/fusion/m.yaml\n",
            "configs/fusion/m.yaml": "targets:\n  - dataset: bbu\n    train_jsonl: b.jsonl\n    temlate: summary\n",
        },
        (
            "configs/fusion/m.yaml:4:5: error: `targets[bbu]` has no `temlate` "
            "[unknown-argument]\n"
            "    4 |     temlate: summary\n"
            "      |     ^\n"
            "  why: the project keeps what it does not know there, and passes over it\n"
            "  hint: did you mean `template`?"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {
            P: "custom:\n  fusion_config: configs/fusion/m.yaml\n",
            "configs/fusion/m.yaml": "targets:\n  - dataset: bbu\n    train_jsonl: b.jsonl\nsuorces: []\n",
        },
        (
            "configs/fusion/m.yaml:4:1: error: a fusion config has no `suorces` "
            "[unknown-argument]\n"
            "    4 | suorces: []\n"
            "      | ^\n"
            "  why: the project keeps what it does not know there, and passes over it\n"
            "  hint: did you mean `sources`?"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-choice",
        {
            P: "custom:\n  fusion_config: configs/fusion/m.yaml\n",
            "configs/fusion/m.yaml": "targets:\n  - dataset: bbu\n    train_jsonl: b.jsonl\n    mode: sumary\n",
        },
        (
            "configs/fusion/m.yaml:4:5: error: `targets[bbu].mode` is `sumary`, which is none of "
            "its choices [wrong-choice]\n"
            "    4 |     mode: sumary\n"
            "      |     ^\n"
            "  hint: did you mean `summary`?"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-type",
        {P: 'custom:\n  augmentation:\n    enabled: "false"\n'},
        (
            "configs/train/p.yaml:3:5: error: `custom.augmentation.enabled` is the text "
            '`"false"`, and takes a boolean [wrong-type]\n'
            '    3 |     enabled: "false"\n'
            "      |     ^\n"
            "  why: any text counts as true, `false` as well\n"
            "  hint: write `false`, without quotes"
        ),
        given=_GIVEN,
    ),
    World(
        "unused-silence",
        {P: "training:\n  seed: 1\n"},
        (
            "pyproject.toml:2:1: warning: nothing that `shared-output` tells is silenced by "
            "`configs/train/*.yaml` [unused-silence]\n"
            "  why: this check tells nothing of a file that the path matches\n"
            "  hint: take the path out, or mend it: it counts from the repository root"
        ),
        given={
            "silence": (
                Silence("shared-output", ("configs/train/*.yaml",), "they take turns", Origin("pyproject.toml", 2, 1)),
            )
        },
    ),
]
