"""lockfile: what a lock looks like, and what its header says."""

from __future__ import annotations

import re

import pytest

from builders import REPOSITORY, Files, composer, layout_of, lock_of, opened, problems_of, resolve, safe_load, typed
from compiler.emitter import Encoder
from compiler.lockfile import MARK, decode, encode, header_of, is_ours
from compiler.pipeline import Workspace
from compiler.tree import Disk, Memory
from compiler.values import leaves, plain

SOURCE = "configs/train/p.yaml"


# ---------------------------------------------------------------------------------------------- shape


WORLD: dict[str, str | bytes] = {
    "configs/base.yaml": "model: {dtype: bfloat16}\ntraining: {lr: 1.0e-7, betas: [0.9, 0.999]}\n",
    "configs/components/mode.yml": "training: {lr: 2.0e-4, empty: {}, nothing: null}\ntext: 'no'\n",
    "configs/fusion/base.yaml": "targets:\n- {name: a, dataset: d}\n",
    "configs/fusion/m.yaml": "extends: base.yaml\ntargets:\n- {name: a, train_jsonl: a.jsonl}\nsources: []\n",
    "configs/train/p.yaml": """
        extends: [../base.yaml, ../components/mode.yml]
        training: {run_name: 北京-1}
        ops:
        - name: flip
          params: {prob: 0.5, range: [0.9, 1.1]}
        - [1, [2, 3]]
        - plain
        fusion: configs/fusion/m.yaml
    """,
}


def test_a_lock_is_exactly_this() -> None:
    """The header, block style, a comment behind each leaf, and one on the key of a whole list."""
    digest = resolve(WORLD, SOURCE).digest
    fusion = resolve(WORLD, "configs/fusion/m.yaml").digest
    assert lock_of(WORLD, SOURCE) == (
        "# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run `doit`.\n"
        "# format: 1\n"
        f"# digest: {digest}\n"
        f"# fusion: {fusion} build/fusion/m.lock.yaml\n"
        "# merge order (later wins):\n"
        "#   configs/base.yaml\n"
        "#   configs/components/mode.yml\n"
        "#   configs/train/p.yaml\n"
        "\n"
        "model:\n"
        "  dtype: bfloat16                               # base\n"
        "training:\n"
        "  lr: 0.0002                                    # components/mode.yml\n"
        "  betas: [0.9, 0.999]                           # base\n"
        "  empty: {}                                     # components/mode.yml\n"
        "  nothing: null                                 # components/mode.yml\n"
        '  run_name: "北京-1"                          # train/p\n'
        'text: "no"                                      # components/mode.yml\n'
        "ops:                                            # train/p\n"
        "  - name: flip\n"
        "    params:\n"
        "      prob: 0.5\n"
        "      range: [0.9, 1.1]\n"
        "  -\n"
        "    - 1\n"
        "    - [2, 3]\n"
        "  - plain\n"
        "fusion: build/fusion/m.lock.yaml                # train/p\n"
    )


def test_a_mix_s_lock_has_a_comment_for_each_leaf_that_another_file_set() -> None:
    """A keyed list to which two files gave says for each leaf which."""
    text = lock_of(WORLD, "configs/fusion/m.yaml")
    assert text.split("\n\n")[1] == (
        "targets:\n"
        "  - name: a                                     # fusion/m\n"
        "    dataset: d                                  # fusion/base\n"
        "    train_jsonl: a.jsonl                        # fusion/m\n"
        "sources: []                                     # fusion/m\n"
    )
    assert "# fusion:" not in text


def test_an_empty_document_is_an_empty_mapping() -> None:
    """A preset that holds nothing locks to `{}`, which every reader reads as a mapping."""
    text = lock_of({SOURCE: ""}, SOURCE)
    assert text.endswith("\n\n{}\n")
    assert safe_load(text) == {}


def test_the_keys_stay_in_the_order_of_the_legacy_loader() -> None:
    """First seen in merge order, and not sorted."""
    files = {"configs/a.yaml": "z: 1\nm: {y: 1, b: 2}", SOURCE: "extends: ../a.yaml\na: 1\nm: {a: 3, y: 4}"}
    value = safe_load(lock_of(files, SOURCE))
    assert list(value) == ["z", "m", "a"]
    assert list(value["m"]) == ["y", "b", "a"]


def comments(text: str) -> list[tuple[str, str]]:
    """Give for each line with a comment its key and the comment."""
    found = re.findall(r"^\s*(?:- )?([^\s:#][^:#]*):.*?  # (\S+)$", text.split("\n\n", 1)[1], re.MULTILINE)
    return [(key, label) for key, label in found]


def test_every_leaf_of_the_shipped_locks_names_the_fragment_that_set_it() -> None:
    """Over all shipped presets: the comment of each leaf outside of whole lists is its origin's label."""
    workspace = opened()
    checked = 0
    for source in workspace.everything():
        compiled = workspace.compile(source)
        expected = [
            (str(path[-1]), workspace.layout.label_of(leaf.origin.file))
            for path, leaf in leaves(compiled.resolved.values)
            if not any(isinstance(step, int) for step in path)
        ]
        told = comments(compiled.data.decode())
        assert [pair for pair in expected if pair not in told] == []
        checked += len(expected)
    assert checked > 1_000


def all_locks(tree: Memory | Disk) -> dict[str, bytes]:
    """Compile everything that ships from a tree."""
    workspace = Workspace(layout_of(), tree)
    return {source: workspace.compile(source).data for source in workspace.everything()}


def shipped() -> dict[str, bytes]:
    """Give every file below configs/, by path."""
    return {str(file.relative_to(REPOSITORY)): file.read_bytes() for file in (REPOSITORY / "configs").rglob("*.yaml")}


def test_a_comment_added_to_any_fragment_changes_no_byte_of_any_lock() -> None:
    """Locks hold no line numbers: a comment line at the top of every file moves every value and no lock."""
    files = shipped()
    before = all_locks(Disk(str(REPOSITORY)))
    assert all_locks(Memory(files)) == before
    assert all_locks(Memory({path: b"# a comment\n\n" + data for path, data in files.items()})) == before
    changed = {**files, "configs/base.yaml": files["configs/base.yaml"].replace(b"flash_attention_2", b"sdpa")}
    assert all_locks(Memory(changed)) != before  # the comparison can see a difference


def test_no_lock_holds_a_line_number_an_absolute_path_an_anchor_or_a_tag() -> None:
    """Nothing in a lock depends on where it was made, and nothing needs more than plain YAML."""
    for data in all_locks(Disk(str(REPOSITORY))).values():
        text = data.decode()
        assert not re.search(r"\.yaml:\d+", text)
        assert str(REPOSITORY) not in text
        assert not re.search(r"(?m)^[^#\"]*: [&*!]", text)
        assert "extends:" not in text
        assert "<<" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


# ---------------------------------------------------------------------------------------------- stability


def test_encoding_twice_gives_the_same_bytes_in_any_order_of_presets() -> None:
    """An aliased value under two keys, at two depths, in two presets: kept texts never leak."""
    files = {
        "configs/a.yaml": "x: &x {p: [1, {q: 2}], r: {s: 1}}\ny: {z: {w: *x}}\nl: [*x, [*x]]\nm: *x\n",
        "configs/train/p.yaml": "extends: ../a.yaml\nx: {p: [3]}",
        "configs/train/q.yaml": "extends: ../a.yaml\ny: {z: {w: {r: {t: 2}}}}",
        "configs/train/r.yaml": "extends: [p.yaml, q.yaml]",
    }
    names = [path for path in files if "train" in path]
    alone = {name: lock_of(files, name) for name in names}
    for order in (names, names[::-1], names + names):
        made = composer(files)
        encoder = Encoder(made.layout.label_of)
        for name in order:
            assert encode(made.preset(name), made.layout, encoder).decode() == alone[name]
    for name, text in alone.items():
        assert typed(safe_load(text)) == typed(plain(resolve(files, name).values))


def digests(*presets: str, **more: str | bytes) -> list[str]:
    """Give the digests of presets, each the only one of a repository."""
    return [resolve({SOURCE: text, **more}, SOURCE).digest for text in presets]


def test_digests_see_types_and_list_order_and_not_key_order() -> None:
    """1, 1.0, true and "1" differ; mapping order does not matter, list order does."""
    assert len(set(digests("a: 1", "a: 1.0", "a: true", "a: '1'", "a: 0x1\nb: 1", "a: null", "a:\n- 1"))) == 7
    assert len(set(digests("a: 1\nb: {c: 1, d: 2}", "b: {d: 2, c: 1}\na: 1"))) == 1
    assert len(set(digests("a: [1, 2]", "a: [2, 1]"))) == 2
    assert len(set(digests("a: 010", "a: 8", "a: 0b1000"))) == 1


def test_a_renamed_mix_with_equal_contents_keeps_the_preset_s_digest() -> None:
    """A digest is of values, whatever files are called; another mix gives another digest."""
    mix = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]"
    more: Files = {
        "configs/fusion/one.yaml": mix,
        "configs/fusion/two.yaml": "extends: one.yaml",
        "configs/fusion/three.yaml": mix + "\nseed: 1",
    }
    one, two, three, none, inline = digests(
        *(f"x: 1\nfusion: configs/fusion/{name}.yaml" for name in ("one", "two", "three")),
        "x: 1\nfusion: null",
        "x: 1\nfusion: ''",
        **more,
    )
    assert one == two
    assert len({one, three, none, inline}) == 4


# ---------------------------------------------------------------------------------------------- headers


def test_a_header_is_read_back_as_written() -> None:
    """Everything that a lock says of itself comes back; a lock without a mix names none."""
    data = lock_of(WORLD, SOURCE).encode()
    header = header_of(data)
    assert header is not None
    resolved = resolve(WORLD, SOURCE)
    assert resolved.fusion is not None
    assert header._asdict() == {
        "source": SOURCE,
        "format": 1,
        "digest": resolved.digest,
        "fusion_digest": resolved.fusion.digest,
        "fusion_lock": "build/fusion/m.lock.yaml",
        "merge_order": ("configs/base.yaml", "configs/components/mode.yml", SOURCE),
    }
    alone = header_of(lock_of({SOURCE: "x: 1"}, SOURCE).encode())
    assert alone is not None
    assert (alone.fusion_digest, alone.fusion_lock) == ("", "")
    assert typed(plain(decode("x", data).values)) == typed(safe_load(data))


@pytest.mark.parametrize("data", [b"", b"x: 1\n", b"# comment\n", b"\n" + MARK + b"x", b"\xff", MARK[:10] + b"\nx: 1"])
def test_what_is_no_lock_has_no_header(data: bytes) -> None:
    """A header is the first line or none."""
    assert header_of(data) is None


def test_a_lock_is_known_by_its_first_line() -> None:
    """Ours: a lock, a torn one, an empty file. Not ours: anything else."""
    data = lock_of({SOURCE: "x: 1"}, SOURCE).encode()
    assert all(is_ours(data[:length]) for length in (len(data), 200, 60, len(MARK), 12, 3, 0))
    assert not any(
        is_ours(other) for other in (b"x: 1\n", b"\n" + data, b"# Locked by hand\n", b"\xef\xbb\xbf" + data, b"/")
    )


@pytest.mark.parametrize(
    "name", ["a b", "北京", "a#b", "a: b", "é'", '"q"', "-", "a,b", "\ufeffx", "\ufffex", "\U0001fffex"]
)
def test_any_name_that_is_allowed_makes_a_lock_that_reads(name: str) -> None:
    """A file name that is not refused as `bad-name` does not break the lock that holds it."""
    source = f"configs/train/{name}.yaml"
    files = {source: "extends: ../a.yaml\nx: {y: 1, l: [1]}", "configs/a.yaml": "z: 1"}
    try:
        text = lock_of(files, source)
    except Exception:
        assert [p.code for p in problems_of(lambda: lock_of(files, source))] == ["bad-name"]
        return
    assert safe_load(text.encode()) == {"z": 1, "x": {"y": 1, "l": [1]}}
    header = header_of(text.encode())
    assert header is not None
    assert header.source == source
    assert header.merge_order == ("configs/a.yaml", source)
