"""extends: which fragments a file is made of, and in what order they apply."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builders import (
    Files,
    codes_of,
    composer,
    content,
    problems_of,
    project,
    resolve,
    resolved_values,
    worded,
)
from compiler.extends import MAX_DEPTH, Chain, Extends
from compiler.tree import Memory


def chain(files: Files, path: str, *keys: str) -> Chain:
    """Follow the references of one file in memory."""
    tree = Memory({name: content(text) for name, text in files.items()})
    return Extends(tree, "configs", keys or ("extends", "inherit")).chain(path)


def order(files: Files, path: str, *keys: str) -> list[str]:
    """Give the merge order, each application of a file on its own, without `configs/` and `.yaml`."""
    links = chain(files, path, *keys).merge_order()
    return [link.path.removeprefix("configs/").removesuffix(".yaml") for link in links]


def refusal(files: Files, path: str, **given: object) -> str:
    """Give the whole text with which a preset is refused."""
    return worded(problems_of(lambda: resolve(files, path, **given)), files)


def test_bases_apply_in_the_order_in_which_they_are_named_and_the_file_last() -> None:
    """A text names one base, a list several; each is folded on its own first."""
    files = {
        "configs/a.yaml": "x: 1",
        "configs/sub/b.yaml": "extends: ../a.yaml\nx: 2",
        "configs/c.yaml": "extends: [sub/b.yaml, d.yaml]",
        "configs/d.yaml": "x: 4",
    }
    assert order(files, "configs/a.yaml") == ["a"]
    assert order(files, "configs/sub/b.yaml") == ["a", "sub/b"]
    assert order(files, "configs/c.yaml") == ["a", "sub/b", "d", "c"]
    assert chain(files, "configs/c.yaml").links == 4


def test_the_extends_key_never_reaches_the_values() -> None:
    """No name of the extends key is a value; an empty list names no base."""
    for key in ("extends", "inherit"):
        files = {"configs/train/a.yaml": "x: 1", "configs/train/b.yaml": f"{key}: a.yaml\ny: 2"}
        assert resolved_values(files, "configs/train/b.yaml") == {"x": 1, "y": 2}
    assert resolved_values({"configs/train/a.yaml": "extends: []\nx: 1"}, "configs/train/a.yaml") == {"x": 1}


def test_a_tree_that_spells_it_otherwise_compiles() -> None:
    """With `_BASE_` as the key, `extends` is a value like any other."""
    files = {"configs/train/a.yaml": "x: 1", "configs/train/b.yaml": "_BASE_: ./a.yaml\nextends: me"}
    given = {"extends_keys": ("_BASE_",)}
    assert resolved_values(files, "configs/train/b.yaml", **given) == {"x": 1, "extends": "me"}


def test_extends_below_the_top_is_a_value() -> None:
    """Only the top level of a file names bases."""
    files = {"configs/train/a.yaml": "m: {extends: nothing.yaml}"}
    assert resolved_values(files, "configs/train/a.yaml") == {"m": {"extends": "nothing.yaml"}}


def ladder(rungs: int) -> dict[str, str | bytes]:
    """Give files each of which extends the next: `f0` ... of that many."""
    files: dict[str, str | bytes] = {
        f"configs/train/f{n}.yaml": f"extends: f{n + 1}.yaml\nk{n}: {n}\nx: {n}" for n in range(rungs - 1)
    }
    files[f"configs/train/f{rungs - 1}.yaml"] = f"k{rungs - 1}: 1\nx: {rungs - 1}"
    return files


def test_a_chain_nine_deep_compiles() -> None:
    """Nine files in a row, as real trees have them."""
    values = resolved_values(ladder(9), "configs/train/f0.yaml")
    assert values["x"] == 0
    assert list(values) == ["k8", "x", *(f"k{n}" for n in range(7, -1, -1))]


def test_a_chain_is_limited_and_the_limit_is_where_it_says() -> None:
    """A hundred files in a row are read; of 150 the one is refused that has a hundred below it."""
    assert resolved_values(ladder(MAX_DEPTH), "configs/train/f0.yaml")["x"] == 0
    assert codes_of(lambda: resolve(ladder(150), "configs/train/f0.yaml")) == ["configs/train/f49.yaml:1:10 too-deep"]


def test_what_a_too_deep_file_extends_is_not_harmed() -> None:
    """A file with fifty below it compiles, also after one above it was refused."""
    made = composer(ladder(150))
    assert problems_of(lambda: made.preset("configs/train/f0.yaml"))
    assert made.preset("configs/train/f100.yaml").values.value["x"].value == 100
    assert made.preset("configs/train/f51.yaml").values.value["x"].value == 51


def test_the_limit_does_not_depend_on_what_was_asked_before() -> None:
    """A chain of 150 is refused, also after its lower parts were compiled one by one."""
    made = composer(ladder(150))
    for n in range(149, 60, -1):
        made.preset(f"configs/train/f{n}.yaml")
    assert {problem.code for problem in problems_of(lambda: made.preset("configs/train/f0.yaml"))} == {"too-deep"}


def test_three_thousand_files_in_a_row_end_in_a_message() -> None:
    """Whatever the order in which presets are compiled, the recursion is bounded."""
    made = composer(ladder(3_000))
    refused = 0
    for n in range(2_999, -1, -1):
        try:
            made.preset(f"configs/train/f{n}.yaml")
        except RecursionError:
            raise
        except Exception:
            refused += 1
    assert refused == 3_000 - MAX_DEPTH


RINGS = [1, 2, 3]


@pytest.mark.parametrize("size", RINGS)
def test_a_cycle_is_told_the_same_from_wherever_it_is_entered(size: int) -> None:
    """A cycle of one, two and three: one text, from each of its files, from outside, and after any other."""
    files: dict[str, str | bytes] = {
        f"configs/train/c{n}.yaml": f"x: 1\nextends: [c{(n + 1) % size}.yaml]" for n in range(size)
    }
    files |= {f"configs/train/out{n}.yaml": f"extends: c{n}.yaml" for n in range(size)}
    texts = {refusal(files, path) for path in files}
    made = composer(files)
    texts |= {worded(problems_of(lambda path=path: made.preset(path)), files) for path in files}  # type: ignore[misc]
    assert len(texts) == 1
    (text,) = texts
    assert text.startswith("configs/train/c0.yaml:2:11: error: the file")
    assert text.count("[extends-cycle]") == 1
    assert all(f"c{n}.yaml" in text for n in range(size))


def test_two_cycles_of_one_file_are_two_problems() -> None:
    """Each cycle is named, and a file beside them is not harmed."""
    files = {
        "configs/train/a.yaml": "extends: [b.yaml, c.yaml]",
        "configs/train/b.yaml": "extends: a.yaml",
        "configs/train/c.yaml": "extends: a.yaml",
        "configs/train/d.yaml": "x: 1",
    }
    made = composer(files)
    assert codes_of(lambda: made.preset("configs/train/a.yaml")) == [
        "configs/train/a.yaml:1:11 extends-cycle",
        "configs/train/a.yaml:1:19 extends-cycle",
    ]
    assert made.preset("configs/train/d.yaml").values.value["x"].value == 1


def test_a_cycle_below_a_wide_ladder_is_found_at_once() -> None:
    """Thirty layers of two files over a cycle are walked once each, not once for every way through them."""
    files: dict[str, str | bytes] = {
        "configs/train/l0a.yaml": "extends: l0b.yaml",
        "configs/train/l0b.yaml": "extends: l0a.yaml",
    }
    layers = 12
    for n in range(1, layers):
        for side in "ab":
            files[f"configs/train/l{n}{side}.yaml"] = f"extends: [l{n - 1}a.yaml, l{n - 1}b.yaml]"
    asked: list[str] = []

    class Counting(Memory):
        def exists(self, path: str) -> bool:
            asked.append(path)
            return super().exists(path)

    tree = Counting({name: content(text) for name, text in files.items()})
    found = codes_of(lambda: Extends(tree, "configs", ("extends",)).chain(f"configs/train/l{layers - 1}a.yaml"))
    assert found == ["configs/train/l0a.yaml:1:10 extends-cycle"]
    assert len(asked) < 2 * layers * 2 * 10


def test_a_wide_ladder_is_refused_at_once() -> None:
    """Thirty layers of two would apply a billion files: refused by counting, once."""
    files: dict[str, str | bytes] = {"configs/train/l0a.yaml": "x: 1", "configs/train/l0b.yaml": "x: 2"}
    for n in range(1, 31):
        for side in "ab":
            files[f"configs/train/l{n}{side}.yaml"] = f"extends: [l{n - 1}a.yaml, l{n - 1}b.yaml]\nk{n}: 1"
    started = time.process_time()
    found = codes_of(lambda: resolve(files, "configs/train/l30a.yaml"))
    assert {code.split()[1] for code in found} == {"too-large"}
    assert len(found) <= 2
    assert time.process_time() - started < 1


def test_a_ladder_below_the_limit_is_fast() -> None:
    """Eleven layers of two apply four thousand files, and compile in a moment."""
    files: dict[str, str | bytes] = {"configs/train/l0a.yaml": "x: 1", "configs/train/l0b.yaml": "x: 2"}
    for n in range(1, 12):
        for side in "ab":
            files[f"configs/train/l{n}{side}.yaml"] = f"extends: [l{n - 1}a.yaml, l{n - 1}b.yaml]\nk{n}: {side}"
    started = time.process_time()
    resolved = resolve(files, "configs/train/l11a.yaml")
    assert resolved.chain.links == 2**12 - 1
    assert time.process_time() - started < 2


def test_a_diamond_is_applied_twice() -> None:
    """A base reached twice applies twice, and undoes what stood between, as the legacy loader did."""
    files = {
        "configs/c.yaml": "lr: 1\nseed: 3",
        "configs/a.yaml": "extends: c.yaml\nlr: 5",
        "configs/b.yaml": "extends: c.yaml\nwarm: 2",
        "configs/train/p.yaml": "extends: [../a.yaml, ../b.yaml]",
    }
    assert order(files, "configs/train/p.yaml") == ["c", "a", "c", "b", "train/p"]
    assert chain(files, "configs/train/p.yaml").files() == (
        "configs/a.yaml",
        "configs/c.yaml",
        "configs/b.yaml",
        "configs/train/p.yaml",
    )
    resolved = resolve(files, "configs/train/p.yaml")
    assert {key: child.value for key, child in resolved.values.value.items()} == {
        "lr": 1,
        "seed": 3,
        "warm": 2,
    }
    assert [problem.code for problem in resolved.warnings] == ["diamond-reset"]


MISSING: dict[str, str | bytes] = {
    "configs/components/tuner/dora_full.yaml": "x: 1",
    "configs/train/sft/dense_1024.yaml": ("extends:\n  - ../../base.yaml\n  - ../../components/tuner/dora_ful.yaml\n"),
    "configs/train/sft/dense_1024_gkd.yaml": "extends: dense_1024.yaml",
    "configs/train/last.yaml": "extends: [sft/dense_1024_gkd.yaml]",
    "configs/base.yaml": "y: 2",
}


def test_a_missing_base_is_told_with_the_whole_chain_and_the_nearest_name() -> None:
    """The text of DESIGN 10, with a note for each file on the way."""
    assert refusal(MISSING, "configs/train/last.yaml") == (
        "configs/train/sft/dense_1024.yaml:3:5: error: "
        "base `../../components/tuner/dora_ful.yaml` does not exist [missing-base]\n"
        "    3 |   - ../../components/tuner/dora_ful.yaml\n"
        "      |     ^\n"
        "  why: a base is looked up relative to the file that names it\n"
        "  note: configs/train/sft/dense_1024_gkd.yaml:1:10 extends this file\n"
        "  note: configs/train/last.yaml:1:11 extends `configs/train/sft/dense_1024_gkd.yaml`\n"
        "  hint: did you mean `../../components/tuner/dora_full.yaml`?"
    )


BAD_EXTENDS: list[tuple[str, str, list[str]]] = [
    ("both keys", "inherit: a.yaml\nx: 1\nextends: b.yaml", ["p.yaml:3:1 bad-extends"]),
    ("an integer", "extends: 3", ["p.yaml:1:10 bad-extends"]),
    ("a mapping", "extends: {a: b}", ["p.yaml:1:10 bad-extends"]),
    ("null", "extends:", ["p.yaml:1:9 bad-extends"]),
    ("a boolean in a list", "extends: [a.yaml, no]", ["p.yaml:1:19 bad-extends"]),
    ("a list in a list", "extends: [[a.yaml]]", ["p.yaml:1:11 bad-extends"]),
    ("an empty text", "extends: ''", ["p.yaml:1:10 bad-extends"]),
    ("blanks", "extends: ['  ']", ["p.yaml:1:11 bad-extends"]),
    ("a NUL", 'extends: "a\\0.yaml"', ["p.yaml:1:10 bad-extends"]),
    ("an absolute path", "extends: /etc/passwd", ["p.yaml:1:10 absolute-base"]),
    ("outside by ..", "extends: ../../x.yaml", ["p.yaml:1:10 outside-root"]),
    ("far outside", "extends: ../../../../x.yaml", ["p.yaml:1:10 outside-root"]),
    ("a sibling of the root with its name", "extends: ../../configs2/x.yaml", ["p.yaml:1:10 outside-root"]),
    ("the config root itself", "extends: ..", ["p.yaml:1:10 outside-root"]),
    ("missing", "extends: gone.yaml", ["p.yaml:1:10 missing-base"]),
    (
        "two missing at once",
        "extends: [g1.yaml, g2.yaml]",
        ["p.yaml:1:11 missing-base", "p.yaml:1:20 missing-base"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in BAD_EXTENDS], ids=[row[0] for row in BAD_EXTENDS])
def test_a_bad_reference_is_refused_at_its_place(text: str, expected: list[str]) -> None:
    """Each is told at the value that is wrong."""
    files = {"configs/train/p.yaml": text, "x.yaml": "x: 1", "configs2/x.yaml": "x: 1"}
    assert codes_of(lambda: resolve(files, "configs/train/p.yaml")) == [f"configs/train/{code}" for code in expected]


def test_a_way_out_and_in_again_is_no_way_out() -> None:
    """What counts is where a path leads."""
    files = {"configs/train/p.yaml": "extends: ../../configs/a.yaml", "configs/a.yaml": "x: 1"}
    assert resolved_values(files, "configs/train/p.yaml") == {"x": 1}


def test_a_link_out_of_the_config_root_is_refused(tmp_path: Path) -> None:
    """A file and a folder that are links to the outside are refused; links within are followed."""
    made = project(
        tmp_path,
        {
            "outside/x.yaml": "x: 1",
            "configs/real/y.yaml": "y: 1",
            "configs/train/file.yaml": "extends: ../link.yaml",
            "configs/train/folder.yaml": "extends: ../folder/x.yaml",
            "configs/train/within.yaml": "extends: ../inner/y.yaml",
        },
    )
    (tmp_path / "configs/link.yaml").symlink_to("../outside/x.yaml")
    (tmp_path / "configs/folder").symlink_to("../outside")
    (tmp_path / "configs/inner").symlink_to("real")
    for name, link in (("file", "configs/link.yaml"), ("folder", "configs/folder/x.yaml")):
        text = worded(problems_of(lambda name=name: made.resolve(f"configs/train/{name}.yaml")), {})  # type: ignore[misc]
        assert text == (
            f"{link}: error: `{link}` is a link to a file outside the config root [outside-root]\n"
            "  why: every fragment lies below `configs`\n"
            f"  note: configs/train/{name}.yaml:1:10 extends this file"
        )
    assert made.resolve("configs/train/within.yaml").values.value["y"].value == 1


def test_a_linked_config_root_is_no_way_out(tmp_path: Path) -> None:
    """A repository whose `configs` is itself a link compiles."""
    made = project(tmp_path / "repo", {"../real/train/p.yaml": "extends: ../a.yaml", "../real/a.yaml": "x: 1"})
    (tmp_path / "repo/configs").rmdir()
    (tmp_path / "repo/configs").symlink_to("../real")
    assert made.resolve("configs/train/p.yaml").values.value["x"].value == 1


def test_a_folder_as_a_base_is_refused(tmp_path: Path) -> None:
    """A base is a file."""
    made = project(tmp_path, {"configs/train/p.yaml": "extends: ../sub", "configs/sub/x.yaml": "x: 1"})
    assert codes_of(lambda: made.resolve("configs/train/p.yaml")) == ["configs/sub:0:0 unreadable-file"]


def test_all_problems_of_a_closure_come_at_once() -> None:
    """A broken base, a missing one and a bad key are told together, each once."""
    files = {
        "configs/train/p.yaml": "extends: [../a.yaml, ../b.yaml, ../c.yaml]",
        "configs/a.yaml": "extends: [gone.yaml, c.yaml]",
        "configs/b.yaml": "x: [",
        "configs/c.yaml": "1: x",
    }
    assert codes_of(lambda: resolve(files, "configs/train/p.yaml")) == [
        "configs/a.yaml:1:11 missing-base",
        "configs/b.yaml:2:1 bad-yaml",
        "configs/c.yaml:1:1 non-string-key",
    ]


def test_closure_names_every_file_and_never_raises() -> None:
    """What a lock depends on is known also where something is broken: cycles, holes and unreadable parts."""
    files = {
        "configs/train/p.yaml": "extends: [../a.yaml, gone.yaml]\nfusion: configs/fusion/m.yaml",
        "configs/a.yaml": "extends: [b.yaml, train/p.yaml]",
        "configs/b.yaml": "x: [",
        "configs/train/q.yaml": "fusion: configs/fusion/m.yaml",
        "configs/fusion/m.yaml": "extends: n.yaml",
        "configs/fusion/n.yaml": "targets: []",
    }
    made = composer(files)
    assert made.closure("configs/train/p.yaml") == {
        "configs/train/p.yaml",
        "configs/a.yaml",
        "configs/b.yaml",
    }
    assert made.closure("configs/train/q.yaml") == {
        "configs/train/q.yaml",
        "configs/fusion/m.yaml",
        "configs/fusion/n.yaml",
    }
    assert made.closure("configs/none.yaml") == set()


def test_each_file_is_read_once() -> None:
    """However often it is extended, a file is loaded and parsed once a run."""
    read: list[str] = []

    class Counting(Memory):
        def read(self, path: str) -> bytes:
            read.append(path)
            return super().read(path)

    files = {f"configs/train/p{n}.yaml": b"extends: [../a.yaml, ../b.yaml]" for n in range(5)}
    files |= {"configs/a.yaml": b"extends: b.yaml", "configs/b.yaml": b"x: 1"}
    extends = Extends(Counting(files), "configs", ("extends",))
    for n in range(5):
        assert extends.chain(f"configs/train/p{n}.yaml").links == 4
        assert extends.closure(f"configs/train/p{n}.yaml")
    assert sorted(read) == sorted(files)


def test_the_chain_is_told_whatever_was_asked_before() -> None:
    """Who extends a file is known also where its closure was looked at first, as `why` and `build NAME` do."""
    files = {"configs/train/a.yaml": "extends: b.yaml\n", "configs/train/b.yaml": "extends: nope.yaml\n"}
    extends = Extends(Memory(files), "configs", ("extends",))
    assert extends.closure("configs/train/a.yaml") == set(files)
    (problem,) = problems_of(lambda: extends.chain("configs/train/a.yaml"))
    assert [f"{note.origin} {note.text}" for note in problem.notes] == ["configs/train/a.yaml:1:10 extends this file"]
