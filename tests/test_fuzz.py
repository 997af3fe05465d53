"""Fuzz: whatever the files of a tree and the variables of a launch hold, the end is a lock or a message.

By default a fixed number of examples, the same in each run. `TRAINLOCK_FUZZ=20000 pytest tests/test_fuzz.py` takes that
many at random. What a run finds goes to `tests/corpus/`, a file each: bytes of `PATHS`, divided by `DIVIDER`.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from builders import composer, fragment, problems_of, project, safe_load, typed
from compiler.emitter import Encoder
from compiler.launch import VARIABLES, command, find, parse
from compiler.lockfile import encode
from compiler.problems import Invalid, Problem, TrainlockError, UsageError, in_order, render
from compiler.values import plain

PATHS: Final = ("configs/train/a.yaml", "configs/train/b.yaml", "configs/fusion/m.yaml", "configs/fusion/n.json")
DIVIDER: Final = b"\n#=#\n"
CORPUS: Final = sorted((Path(__file__).parent / "corpus").iterdir())

LONG: Final = os.environ.get("TRAINLOCK_FUZZ", "")
"""How many examples of each kind a long run takes, at random."""

budget = settings(
    max_examples=int(LONG or 150),
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def end(files: dict[str, bytes]) -> list[str]:
    """Compose and encode each file of a tree, and check what came; gives how each ended."""
    made = composer(files)
    ends = []
    for path in files:
        try:
            resolved = made.mix(path) if path.startswith("configs/fusion/") else made.preset(path)
            lock = encode(resolved, made.layout, Encoder(made.layout.label_of))
        except TrainlockError as error:
            ends.append(error.problems[0].code)
            for problem in in_order(error.problems):
                assert problem.origin.file in files or problem.code in ("missing-base", "missing-fusion"), problem
                assert all(line.isprintable() for line in render(problem).split("\n"))
            continue
        ends.append("lock")
        values = plain(resolved.values)
        if resolved.fusion is not None:
            values = {**values, "fusion": made.layout.lock_of(resolved.fusion.source)}
        assert typed(safe_load(lock)) == typed(values)
    return ends


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_what_was_found_once_is_found_no_more(case: Path) -> None:
    """Every tree of the corpus ends in locks and messages."""
    parts = case.read_bytes().split(DIVIDER)
    assert 0 < len(end(dict(zip(PATHS, parts, strict=False)))) <= len(PATHS)


# ---------------------------------------------------------------------------------------------- a grammar of configs

PLAIN = st.sampled_from(
    [
        *("a", "b", "x", "1", "1.0", "1e5", "2.0e-5", "yes", "~", "null", "010", "1:30", "2001-01-01", "2026-99-99"),
        *(".nan", "-.inf", "=", "<<", "''", '"a\\nb"', '"\\ud800"', "'it''s'", "|\n  t", ">-\n  t\n\n  u", "a b"),
        *("a.yaml", "b.yaml", "../train/b.yaml", "configs/fusion/m.yaml", "configs/fusion/n.json", "/etc/passwd"),
        *("m.yaml", "n.json", "..", "", "\ufeff", "\x85", "\u2028", "\t", "\x07", "@", "%", "-", "?", "*a", "*b"),
    ]
)
TAGS = st.sampled_from(
    [
        "",
        "",
        "",
        "",
        "&a ",
        "&b ",
        "!!str ",
        "!!int ",
        "!!set ",
        "!!omap ",
        "!!binary ",
        "!x ",
        "! ",
        "!!python/name:os ",
    ]
)
KEYS = st.sampled_from(
    [
        *(
            "a",
            "b",
            "x",
            "extends",
            "extends",
            "inherit",
            "fusion",
            "<<",
            "<<",
            "targets",
            "sources",
            "name",
            "dataset",
        ),
        *("ratio", "train_jsonl", "1", "~", "yes", "[a]", "{a: 1}", "? [a]\n", "'a'", '"\\x61"', "*a ", "=", "k" * 121),
    ]
)
INLINE = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds("{}{}".format, TAGS, inner),
        st.builds(lambda items: f"[{', '.join(items)}]", st.lists(inner, max_size=3)),
        st.builds(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}",
            st.lists(st.tuples(KEYS, inner), max_size=3),
        ),
    ),
    max_leaves=6,
)


def _block(pairs: list[tuple[str, str, list[tuple[str, str]]]]) -> str:
    lines = []
    for key, value, below in pairs:
        lines.append(f"{key}: {value if not below else ''}")
        lines += [f"  {inner}: {held}" for inner, held in below]
    return "\n".join(lines) + "\n"


ENTRY = st.builds(
    lambda given: "{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}",
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("name", "dataset", "train_jsonl", "ratio", "extends", "a"), PLAIN)
    ),
)
DOCUMENTS = st.builds(
    _block,
    st.lists(st.tuples(KEYS, INLINE, st.lists(st.tuples(KEYS, INLINE), max_size=2) | st.just([])), max_size=4),
)
MIXES = st.builds(
    "{}targets: [{}]\nsources: [{}]\n".format,
    st.sampled_from(["", "", "extends: n.json\n", "extends: m.yaml\n", "---\n"]),
    st.lists(ENTRY, max_size=3).map(", ".join),
    st.lists(ENTRY, max_size=2).map(", ".join),
)
TREES = st.fixed_dictionaries(
    {PATHS[0]: DOCUMENTS, PATHS[1]: DOCUMENTS}, optional={PATHS[2]: MIXES | DOCUMENTS, PATHS[3]: MIXES | INLINE}
)


@budget
@given(TREES, st.binary(max_size=3), st.integers(0, 200))
def test_a_tree_of_any_files_ends_in_locks_and_messages(files: dict[str, str], noise: bytes, place: int) -> None:
    """Over a grammar of what configs hold and should not, with noise: a lock that reads back, or a placed message."""
    written = {path: text.encode() for path, text in files.items()}
    assert len(end(written)) == len(files)
    for path, data in written.items():
        assert end({**written, path: data[:place] + noise + data[place:]})


def test_the_grammar_reaches_locks_and_messages_of_many_kinds() -> None:
    """A fuzz that only meets one message is none."""
    met: set[str] = set()

    @settings(budget, max_examples=150, derandomize=True)
    @given(TREES)
    def meet(files: dict[str, str]) -> None:
        met.update(end({path: text.encode() for path, text in files.items()}))

    meet()
    assert "lock" in met
    assert len(met) >= 12, met


@budget
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_a_fragment_or_a_message(data: bytes) -> None:
    """Of a YAML file and of a JSON file."""
    for path in ("f.yaml", "f.json"):
        try:
            assert isinstance(fragment(data, path).body.value, dict)
        except Invalid:
            assert problems_of(lambda path=path: fragment(data, path))  # type: ignore[misc]


# ---------------------------------------------------------------------------------------------- the launch

WORDS = st.one_of(
    st.text(st.characters(exclude_characters="\0"), max_size=12),
    st.sampled_from(["0", "0,1", "1", "true", "src.sft", "host", "10.0.0.1", "::1", "p", "train/p", "debug", "29500"]),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "0", "0,", "train/p", "../", "/", "-", "a."]),
        st.sampled_from(
            [";", "\n", "$(touch ran)", "`touch ran`", " ", "|", "&", "--x", "\x1b", "'", '"', "٢", "\udcff"]
        ),
        st.sampled_from(["", "0", "p", "train/p", ".."]),
    ),
)
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-=,")


@budget
@given(st.dictionaries(st.sampled_from(VARIABLES), WORDS, max_size=5))
@example({"gpus": "0\n"})
@example({"master_port": "1\n", "nnodes": "2", "master_addr": "h\n"})
def test_any_variables_make_a_harmless_command_or_a_message(given_: dict[str, Any]) -> None:
    """What passes is plain words: nothing of it means anything to a shell, and no value becomes an option."""
    words: list[str] = []
    problems: tuple[Problem, ...] = ()
    try:
        words = command(parse(given_, "/", "python"), "lock.yaml")
    except UsageError as error:
        problems = error.problems
    assert bool(words) != bool(problems)
    assert {problem.code for problem in problems} <= {"bad-variable"}
    assert all(line.isprintable() for problem in problems for line in render(problem).split("\n"))
    assert set("".join(words)) <= LETTERS
    assert shlex.join(words) == " ".join(words)
    known = ("-m", "--config", "--debug", "--nproc_per_node=", "--nnodes=", "--node_rank=", "--master_addr=")
    assert all(word.startswith((*known, "--master_port=")) for word in words if word.startswith("-"))


def test_any_config_is_a_preset_of_ours_or_a_message(tmp_path: Path) -> None:
    """No text that `config=` may hold leads anywhere but to a preset below the config root."""
    workspace = project(tmp_path, {"configs/train/p.yaml": "x: 1\n", "outside.yaml": "x: 1\n"})

    @budget
    @given(WORDS)
    @example("train/p")
    @example("../configs/train/../../outside.yaml")
    @example("x" * 5_000)
    @example("a\0b")
    def ask(config: str) -> None:
        try:
            found = find(workspace, config, str(tmp_path))
        except UsageError as error:
            found = error.problems[0].code
        assert found in ("configs/train/p.yaml", "unknown-preset", "outside-root", "unselected-preset")

    ask()
