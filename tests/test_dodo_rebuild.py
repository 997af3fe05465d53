"""The rebuild sets, through doit itself: which locks an edit rewrites, and what it leaves alone."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import compiler
import doit_runs
from doit_runs import ALL, DENSE, FREEZE, MIX_1024, MIX_2048, MIXES, SFT, SUMMARY, Project, expect, rewritten

built, server, project = doit_runs.built, doit_runs.server, doit_runs.project


# ------------------------------------------------------------------------------ an edit of a source


def test_a_second_run_rewrites_nothing(project: Project) -> None:
    """With nothing edited every lock task is up to date, no file is replaced, and one line is all that is said."""
    assert project.due() == set()
    before = project.everything()
    said = expect(project, set())
    assert (said.err, len(said.out.splitlines())) == ("", 1)
    after = project.everything()
    assert before.keys() == after.keys()
    assert {path for path in after if before[path] != after[path]} <= {"build/.cache/build.lock"}


def test_a_value_of_a_component_reaches_only_presets_whose_values_change(project: Project) -> None:
    """A preset that overrides the edited value is compiled again and its file is left untouched."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    assert project.due() == SUMMARY
    expect(project, {"train/summary"})
    assert "lora_rank: 16 " in project.lock("train/summary").read_text()
    assert project.due() == set()


def test_a_value_that_nothing_overrides_reaches_every_preset_below(project: Project) -> None:
    """A value that both summary presets inherit rewrites both, and no dense one."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 64")
    expect(project, SUMMARY)


def test_a_comment_in_the_base_rewrites_nothing(project: Project) -> None:
    """All that extend the base are compiled again; the bytes are equal, and the files are left untouched."""
    project.edit("configs/base.yaml", "# runtime defaults\n", "# runtime defaults, reviewed\n")
    assert project.due() == ALL - MIXES
    expect(project, set())
    assert project.due() == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("# runtime defaults\nmodel:\n", "\n\nmodel:   # as the checkpoints\n\n", id="blank-lines"),
        pytest.param("  torch_dtype: bfloat16\n", "    'torch_dtype': \"bfloat16\"\n", id="another-spelling"),
    ],
)
def test_an_edit_that_changes_no_value_rewrites_nothing(project: Project, old: str, new: str) -> None:
    """Blank lines, layout and quotes of a source are not in the locks, and neither are line numbers."""
    project.edit("configs/base.yaml", old, new)
    expect(project, set())


def test_a_value_of_the_fusion_base_reaches_mixes_and_their_presets(project: Project) -> None:
    """The fusion locks are rewritten, and the presets that point at them, as their digest moves."""
    project.edit("configs/fusion/base/dense.yaml", "ratio: 0.1", "ratio: 0.2")
    expect(project, MIXES | DENSE)


def test_a_value_of_one_variant_reaches_that_mix_and_its_preset(project: Project) -> None:
    """The other variant and its preset are left untouched."""
    project.edit("configs/fusion/variants/mix_2048.yaml", "bbu_2048.jsonl", "bbu_2048_v2.jsonl")
    assert project.due() == {MIX_2048, "train/dense_2048"}
    expect(project, {MIX_2048, "train/dense_2048"})


def test_a_comment_in_the_fusion_base_rewrites_nothing(project: Project) -> None:
    """A mix that resolves to the same values moves no digest."""
    project.write("configs/fusion/base/dense.yaml", "# a note\n" + project.read("configs/fusion/base/dense.yaml"))
    assert project.due() == MIXES | DENSE
    expect(project, set())


def test_a_preset_that_points_at_another_mix_is_rewritten_alone(project: Project) -> None:
    """What a preset names is part of its inputs: later edits of the new mix reach it, those of the old one do not."""
    project.edit("configs/train/dense_2048.yaml", "mix_2048", "mix_1024")
    expect(project, {"train/dense_2048"})
    project.edit("configs/fusion/variants/mix_2048.yaml", "bbu_2048.jsonl", "other.jsonl")
    expect(project, {MIX_2048})
    project.edit("configs/fusion/variants/mix_1024.yaml", "bbu_1024.jsonl", "other.jsonl")
    expect(project, {MIX_1024} | DENSE)


def test_a_fragment_that_joins_a_chain_is_an_input_from_then_on(project: Project) -> None:
    """A base that a component begins to extend is watched by every preset that the component reaches."""
    project.write("configs/components/tuner/shared.yaml", "tuner:\n  lora_dropout: 0.1\n")
    expect(project, set())
    project.edit(FREEZE, "extends: dora.yaml", "extends: [dora.yaml, shared.yaml]")
    expect(project, SUMMARY)
    project.edit("configs/components/tuner/shared.yaml", "0.1", "0.2")
    expect(project, SUMMARY)


def test_the_same_bytes_with_a_new_mtime_rewrite_nothing(project: Project) -> None:
    """A checkout that touches every source makes no task due, and an mtime far in the future does neither."""
    for index, path in enumerate(sorted((project.root / "configs").rglob("*.yaml"))):
        moment = path.stat().st_mtime_ns + (10**9 if index % 2 else 10**18)
        os.utime(path, ns=(moment, moment))
    assert project.due() == set()
    expect(project, set())


def test_new_bytes_with_the_old_mtime_and_size_rewrite_exactly_what_changed(project: Project) -> None:
    """An edit that keeps mtime and size is seen, as content decides."""
    path = project.root / FREEZE
    before = path.stat()
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 61")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    expect(project, SUMMARY)


def test_an_edit_that_is_taken_back_restores_the_bytes(project: Project) -> None:
    """There and back again gives the locks of the first day."""
    first = {name: held[2] for name, held in project.locks().items()}
    project.edit(SFT, "2.0e-4", "3.0e-4")
    expect(project, DENSE | SUMMARY)
    project.edit(SFT, "3.0e-4", "2.0e-4")
    expect(project, DENSE | SUMMARY)
    assert {name: held[2] for name, held in project.locks().items()} == first


# ------------------------------------------------------------------------------ presets that come and go


def test_a_preset_that_is_added_gets_its_lock(project: Project) -> None:
    """Its lock appears, and no other is touched."""
    project.write("configs/train/new.yaml", "extends: summary.yaml\n")
    expect(project, {"train/new"})


def test_a_preset_that_is_renamed_takes_its_lock_along(project: Project) -> None:
    """The lock appears under the new name and goes from the old one."""
    (project.root / "configs/train/summary_small.yaml").rename(project.root / "configs/train/summary_tiny.yaml")
    expect(project, {"train/summary_tiny"}, removed=1)
    assert set(project.locks()) == ALL - {"train/summary_small"} | {"train/summary_tiny"}


def test_a_preset_that_is_deleted_loses_its_lock(project: Project) -> None:
    """Its lock goes, with the folders that are empty without it, and no other is touched."""
    project.write("configs/train/deep/er/new.yaml", "extends: ../../summary.yaml\n")
    expect(project, {"train/deep/er/new"})
    shutil.rmtree(project.root / "configs/train/deep")
    expect(project, set(), removed=1)
    assert set(project.locks()) == ALL
    assert not (project.root / "build/train/deep").exists()


def test_a_fusion_config_that_is_deleted_loses_its_lock(project: Project) -> None:
    """The lock of a mix that nothing names any more goes with its source."""
    project.edit("configs/train/dense_2048.yaml", "mix_2048", "mix_1024")
    expect(project, {"train/dense_2048"})
    (project.root / "configs/fusion/variants/mix_2048.yaml").unlink()
    before = project.locks()
    said = project.doit()
    assert (said.code, said.counts) == (0, (0, len(ALL) - 1, 1, 0))
    assert project.locks() == {name: held for name, held in before.items() if name != MIX_2048}


def test_a_preset_that_moves_out_of_the_globs_and_stays_keeps_its_lock(project: Project) -> None:
    """An orphan is a lock whose source is gone; one whose source is only no longer selected is not deleted."""
    project.edit("pyproject.toml", '"train/**/*.yaml"', '"train/dense*.yaml"')
    said = project.doit()
    assert said.code == 0
    assert said.counts[2] == 0
    assert set(project.locks()) == ALL


def test_files_that_are_no_orphans_of_ours_stay(project: Project) -> None:
    """Where an orphan would lie, a file without our header, or with that of another place, is left alone."""
    kept = {
        "plain": "mine: 1\n",
        "empty": "",
        "elsewhere": "# Locked by trainlock from elsewhere/gone.yaml. Generated: edit the sources, then run `doit`.\n",
        "moved": "# Locked by trainlock from configs/train/gone.yaml. Generated: edit the sources, then run `doit`.\n",
        "by_hand": "# Locked by hand from configs/train/by_hand.yaml. Generated: never\n",
    }
    for name, text in kept.items():
        project.write(f"build/train/{name}.lock.yaml", text)
    before = project.everything()
    assert project.doit().code == 0
    assert project.doit("clean").code == 0
    after = project.everything()
    for name in kept:
        path = f"build/train/{name}.lock.yaml"
        assert after.get(path) == before[path], name


def test_an_orphan_is_known_by_its_header_alone(project: Project) -> None:
    """A lock of ours without a source is removed, though doit's database never heard of it."""
    text = (
        project.lock("train/summary")
        .read_text()
        .replace("configs/train/summary.yaml. Gen", "configs/train/old.yaml. Gen")
    )
    project.write("build/train/old.lock.yaml", text)
    shutil.rmtree(project.root / "build/.cache")
    before = project.locks()
    said = project.doit()
    assert (said.code, said.counts) == (0, (0, len(ALL), 1, 0))
    after = project.locks()
    assert (rewritten(before, after), before.keys() - after.keys()) == (set(), {"train/old"})


def test_one_task_alone_removes_no_orphan(project: Project) -> None:
    """Only a run over the configured globs removes anything."""
    (project.root / "configs/train/summary_small.yaml").unlink()
    assert project.doit("lock:train/summary").code == 0
    assert project.lock("train/summary_small").exists()


# ------------------------------------------------------------------------------ our code and settings


@pytest.mark.parametrize("part", ["merging.py", "trainer_arguments.json"])
def test_a_change_of_our_code_compiles_everything_again(project: Project, tmp_path: Path, part: str) -> None:
    """A blank line in the compiler, or in a table that it checks by, makes every lock due; no lock is touched."""
    folder = tmp_path / "code" / "compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.path_first = [str(tmp_path / "code")]
    which = subprocess.run(
        [sys.executable, "-c", "import compiler; print(compiler.__file__)"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert which.stdout.strip() == str(folder / "__init__.py")
    project.doit()
    with (folder / part).open("a") as file:
        file.write("\n# another day\n" if part.endswith(".py") else "\n")
    assert project.due() == ALL
    expect(project, set())
    assert project.due() == set()


def test_a_change_of_what_our_code_writes_rewrites_everything(project: Project, tmp_path: Path) -> None:
    """A compiler that words the header differently rewrites every lock, without an edit to any source."""
    folder = tmp_path / "code" / "compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.path_first = [str(tmp_path / "code")]
    changed = []
    for path in folder.glob("*.py"):
        text = path.read_text()
        if "Generated: edit the sources" in text:
            path.write_text(text.replace("Generated: edit the sources", "Generated: edit its sources"))
            changed.append(path.name)
    assert changed == ["lockfile.py"]
    expect(project, ALL)


def test_a_change_of_the_settings_compiles_everything_again(project: Project) -> None:
    """The settings are an input like any other."""
    project.edit("pyproject.toml", '["extends", "inherit"]', '["extends", "inherit", "_BASE_"]')
    assert project.due() == ALL
    expect(project, set())


# ------------------------------------------------------------------------------ incremental equals clean


def _pick(chance: random.Random, project: Project, folder: str) -> str:
    found = sorted((project.root / folder).rglob("*.yaml"))
    return chance.choice(found).relative_to(project.root).as_posix()


def _change_a_number(chance: random.Random, project: Project) -> None:
    path = _pick(chance, project, "configs")
    about = (project.root / path).stat()
    text = project.read(path)
    project.write(path, re.sub(r"(?<=: )\d+$", lambda _: str(chance.randrange(10, 99)), text, flags=re.MULTILINE))
    if chance.random() < 0.5:
        os.utime(project.root / path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _add_a_comment(chance: random.Random, project: Project) -> None:
    path = _pick(chance, project, "configs")
    project.write(path, f"# note {chance.random()}\n" + project.read(path))


def _add_a_preset(chance: random.Random, project: Project) -> None:
    base = chance.choice(["summary", "dense_1024", "dense_2048"])
    text = f"extends: ../{base}.yaml\nseed: {chance.randrange(99)}\n"
    project.write(f"configs/train/extra/p{chance.randrange(4)}.yaml", text)


def _move_a_preset(chance: random.Random, project: Project) -> None:
    extra = project.root / "configs/train/extra"
    if extra.exists() and (held := sorted(extra.iterdir())):
        chance.choice(held).rename(extra / f"moved{chance.randrange(99)}.yaml")


def _drop_a_preset(chance: random.Random, project: Project) -> None:
    extra = project.root / "configs/train/extra"
    if extra.exists() and (held := sorted(extra.iterdir())):
        chance.choice(held).unlink()


def _damage_a_lock(chance: random.Random, project: Project) -> None:
    path = project.root / _pick(chance, project, "build")
    kind = chance.randrange(3)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        os.truncate(path, chance.randrange(path.stat().st_size))
    else:
        path.write_bytes(path.read_bytes() + b"x: 1\n")


def _lose_the_record(chance: random.Random, project: Project) -> None:
    if chance.random() < 0.5:
        shutil.rmtree(project.root / "build/.cache", ignore_errors=True)
    else:
        project.write("build/.cache/doit.json", chance.randbytes(40))


def _change_a_mix(chance: random.Random, project: Project) -> None:
    path = chance.choice(["configs/fusion/base/dense.yaml", "configs/fusion/variants/mix_1024.yaml"])
    project.write(path, re.sub(r"(lvis|bbu_1024)\w*\.jsonl", rf"\1_v{chance.randrange(99)}.jsonl", project.read(path)))


STEPS = (
    _change_a_number,
    _add_a_comment,
    _add_a_preset,
    _move_a_preset,
    _drop_a_preset,
    _damage_a_lock,
    _lose_the_record,
    _change_a_mix,
)


def test_any_sequence_of_edits_ends_in_what_a_clean_build_gives(project: Project, tmp_path: Path) -> None:
    """After every step of a random sequence the incremental build equals a clean one, byte for byte."""
    chance = random.Random(20260731)
    taken = [*STEPS, *chance.choices(STEPS, k=4)]
    chance.shuffle(taken)
    for index, step in enumerate(taken):
        step(chance, project)
        if chance.random() < 0.4:
            chance.choice(STEPS)(chance, project)
        said = project.doit()
        assert said.code == 0, (index, step.__name__, said)
        clean = project.clean_build(tmp_path / f"clean{index}")
        assert {name: held[2] for name, held in project.locks().items()} == clean, (index, step.__name__)
        assert said.counts[0] + said.counts[1] == len(clean), (index, step.__name__, said)
