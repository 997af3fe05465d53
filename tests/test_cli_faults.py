"""`trainlock` in bad surroundings: closed pipes, folders without write permission, builds of others, interrupts."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli_runs
from cli_runs import LOCKS, WHY, Said, locks, run, start, tree, write
from holding import Holder, first_line

fresh, built_once, built = cli_runs.fresh, cli_runs.built_once, cli_runs.built


@pytest.mark.parametrize(
    "arguments", [["list"], ["build"], ["check"], ["why", "train/small", "tuner"], ["list", "--json"]]
)
def test_a_closed_pipe_is_quiet(fresh: Path, arguments: list[str]) -> None:
    """`trainlock ... | head -0` prints no traceback, and a build does its work."""
    process = start(fresh, *arguments)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err, err
    assert "bug" not in err, err
    assert "BrokenPipe" not in err, err
    if arguments == ["build"]:
        assert locks(fresh) == LOCKS


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", ">&- 2>&-"])
def test_an_output_that_takes_nothing_is_no_bug(fresh: Path, redirection: str) -> None:
    """With an output closed from the start, or on a full disk, the locks are written and nothing crashes."""
    shell = f'exec "{sys.executable}" -m compiler build {redirection}'
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=fresh, capture_output=True, text=True, timeout=30)
    assert locks(fresh) == LOCKS
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr, done.stderr
    assert done.returncode != 3


@pytest.mark.parametrize("arguments", ["--help", "build --help", "--version"])
@pytest.mark.parametrize("redirection", [">/dev/full", "| true"])
def test_help_that_nobody_gets_is_a_failure_and_no_bug(fresh: Path, arguments: str, redirection: str) -> None:
    """It is printed on the way out, and that it cannot be is told by the exit code alone."""
    shell = f'{{ "{sys.executable}" -m compiler {arguments}; echo "$?" >&2; }} {redirection}'
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=fresh, capture_output=True, text=True, timeout=30)
    assert done.stderr in (("1\n",) if "full" in redirection else ("1\n", "0\n"))  # who reads may be gone or not


@pytest.fixture
def read_only(built: Path) -> Iterator[Path]:
    """A built repository whose build folder takes no writes."""
    folders = [built / "build", *(path for path in (built / "build").rglob("*") if path.is_dir())]
    files = [path for path in (built / "build").rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o444)
    for folder in folders:
        folder.chmod(0o555)
    yield built
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_build_folder_with_nothing_to_do_is_fine(read_only: Path) -> None:
    """Nothing has to be written, so nothing fails."""
    before = tree(read_only)
    said = run(read_only, "build", obey=True)
    assert said == Said(0, "0 built, 4 unchanged, 0 removed, 0 failed\n", "")
    assert run(read_only, "check", obey=True).code == 0
    assert tree(read_only) == before


def test_a_read_only_build_folder_with_something_to_do_says_what_failed(read_only: Path) -> None:
    """Each lock that cannot be written is named with the reason; the old one stays."""
    write(read_only, {"configs/train/deep/er.yaml": "extends: ../small.yaml\nseed: 1\n"})
    before = tree(read_only / "build")
    said = run(read_only, "build", obey=True)
    assert (said.code, said.out) == (1, "0 built, 3 unchanged, 0 removed, 1 failed\n")
    assert said.err == (
        "build/train/deep/er.lock.yaml: error: `build/train/deep/er.lock.yaml` cannot be written [write-failed]\n"
        "  why: permission denied\n"
        "  hint: what was there before is unchanged\n"
    )
    assert tree(read_only / "build") == before


def test_a_source_that_cannot_be_read_fails_its_presets_alone(built: Path) -> None:
    """The reason that the system gives is told."""
    (built / "configs/components/freeze.yaml").chmod(0)
    said = run(built, "build", obey=True)
    assert (said.code, said.out) == (1, "0 built, 1 unchanged, 0 removed, 3 failed\n")
    assert said.err.startswith("configs/components/freeze.yaml: error: `configs/components/freeze.yaml` cannot be read")
    assert said.err.count("error:") == 1


@pytest.fixture
def holder(built: Path) -> Iterator[Holder]:
    """The build lock of the repository, held by another process."""
    with Holder(built) as made:
        yield made


def test_a_build_waits_for_another_and_reads_anew(built: Path, holder: Holder) -> None:
    """It says for whom it waits, and what it writes are the sources as they are when it begins."""
    process = start(built, "build")
    assert first_line(process) == holder.waiting
    write(built, {"configs/train/deep/er.yaml": "extends: ../small.yaml\nseed: 17\n"})
    holder.release()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out == "built   build/train/deep/er.lock.yaml\n1 built, 3 unchanged, 0 removed, 0 failed\n"
    assert "seed: 17 " in (built / "build/train/deep/er.lock.yaml").read_text()


def test_a_build_that_waits_in_vain_exits_75(built: Path, holder: Holder) -> None:
    """It names who is at work, and writes nothing."""
    (built / "build/train/small.lock.yaml").unlink()
    before = tree(built)
    said = run(built, "build", "--wait", "0.1")
    assert (said.code, said.out) == (75, "")
    assert f"another build is at work (process {holder.number}) [build-locked]" in said.err
    assert tree(built) == before


def test_questions_do_not_wait(built: Path, holder: Holder) -> None:
    """`check` and `why` answer while a build is at work."""
    assert run(built, "check").code == 0
    assert run(built, "why", "train/small", "tuner.lora_rank").out == WHY
    assert holder.holds


def test_an_interrupt_exits_130_without_a_traceback(built: Path, holder: Holder) -> None:
    """Ctrl-C ends a build that waits, and nothing more is said."""
    process = start(built, "build")
    assert first_line(process) == holder.waiting
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


LOADED = """\
import sys
class Impatient:
    def find_spec(name, *_rest):
        if name == "compiler.reader":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient)
from compiler.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_while_it_is_loaded_is_no_traceback(fresh: Path) -> None:
    """Ctrl-C a tenth of a second after the command was typed ends it as later."""
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=fresh, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_messages_hold_no_colour(fresh: Path) -> None:
    """What is printed is plain text, whatever the environment asks for."""
    write(fresh, {"configs/train/small.yaml": "a: [\n"})
    said = run(fresh, "build", FORCE_COLOR="1", CLICOLOR_FORCE="1")
    assert said.code == 1
    assert "\x1b" not in said.out + said.err
