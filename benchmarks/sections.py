"""What is measured: each section makes the trees that it needs, runs processes by turns, and gives what it found."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import naive
import runners
import translations
import trees
from environments import Environment
from measure import Command, Failed, Rounds, interleaved, printed, run

HERE: Final = Path(__file__).resolve().parent

KEY: Final = "training.learning_rate"
"""What `why` is asked for: a preset sets it, over nothing."""


class Table(NamedTuple):
    """A table for people."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Found(NamedTuple):
    """What a section found: ratios by the keys of `bounds.py`, None for what could not be measured; and tables."""

    ratios: Mapping[str, float | None]
    tables: Sequence[Table]


class Bench:
    """One run of the benchmarks: where it works, what it works with, how large the trees are.

    Attributes:
        work: a folder of its own.
        lean, stock, peers: the environments; `peers` may lack some, or all.
        small: take smaller samples of what is slow: for a gate, not for figures.
        say: tells how far it is.
    """

    def __init__(
        self,
        work: Path,
        lean: Environment,
        stock: Environment,
        peers: Environment | None,
        *,
        small: bool,
        say: Callable[[str], None],
    ) -> None:
        self.work = work
        self.lean = lean
        self.stock = stock
        self.peers = peers
        self.small = small
        self.say = say

    def tree(self, presets: int, shape: trees.Shape = "flat") -> Path:
        """Give a generated tree, built once: its locks are there, and what doit remembers of them."""
        root = self.work / f"{shape}_{presets}"
        if not root.exists():
            self.script("trees.py", root, "--presets", presets, "--shape", shape)
            run(Command("doit", [self.lean.programs / "doit"], root))
        return root

    def script(self, name: str, *arguments: object) -> str:
        """Run one of our scripts apart: who measures stays small, as a child begins with its parent's peak memory."""
        return printed(self.python(name, name, *arguments))

    def build(self, root: Path, name: str = "build") -> Command:
        """`trainlock build` with no lock there."""
        return self.rebuild(root)._replace(name=name, before=lambda: _empty(root / "build"))

    def rebuild(self, root: Path) -> Command:
        """`trainlock build` over the locks that are there."""
        return Command("build", [self.lean.programs / "trainlock", "build"], root)

    def python(
        self, name: str, script: str, *arguments: object, before: Callable[[], object] = lambda: None
    ) -> Command:
        """One of our scripts in the lean environment."""
        return Command(name, [self.lean.python, HERE / script, *map(str, arguments)], self.work, before)

    def floor(self, root: Path) -> Command:
        """The floor under a build of a tree."""
        locks = sorted((root / "build").rglob("*.lock.yaml"))
        sizes = root / "sizes.txt"
        sizes.write_text("".join(f"{lock.stat().st_size} {lock.relative_to(root / 'build')}\n" for lock in locks))
        out = root / "floor"
        return self.python("floor", "floor.py", root, sizes, out, before=lambda: _empty(out))

    def interleaved(self, commands: list[Command], rounds: int) -> Rounds:
        """Run commands by turns, and tell each figure."""
        return interleaved(commands, 3 if self.small else rounds, self.say)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------------------------------------- building


def builds(bench: Bench) -> Found:
    """A whole build beside the naive loader, its twin with libyaml, and the floor; both shapes of tree."""
    ratios: dict[str, float | None] = {}
    rows = []
    sample = 100 if bench.small else 250  # of the naive loader, which takes as long for each preset
    for shape in trees.Shape.__args__:  # type: ignore[attr-defined]
        root = bench.tree(1000, shape)
        presets = naive.presets(str(root))[:: 1000 // sample]
        out = bench.work / "naive"
        commands = [
            bench.build(root),
            bench.python("naive", "naive.py", root, out, *presets),
            bench.python("naive, libyaml", "naive.py", "--libyaml", root, out, *presets),
        ]
        beside = bench.interleaved(commands, 3)
        above = bench.interleaved([bench.build(root), bench.floor(root)], 9)
        found = {
            name: (beside.ratio("build", name) * sample / 1000, beside.ratio("build", name, "wall") * sample / 1000)
            for name in ("naive", "naive, libyaml")
        }
        found["floor"] = (above.ratio("build", "floor"), above.ratio("build", "floor", "wall"))
        if shape == "flat":
            ratios |= {"naive": found["naive"][0], "floor": found["floor"][0]}
        rows += [(shape, name, f"{cpu:.3f}", f"{wall:.3f}") for name, (cpu, wall) in found.items()]
    head = ("shape", "`trainlock build` /", "cpu", "wall")
    return Found(ratios, [Table("A build of 1,000 presets", head, rows)])


def shares(bench: Bench) -> Found:
    """Where the time of a build goes."""
    found: dict[str, float] = json.loads(bench.script("shares.py", bench.tree(1000), 3 if bench.small else 15))
    rows = [(stage, f"{share:.0%}") for stage, share in found.items()]
    return Found({}, [Table("Where the time of a build of 1,000 presets goes", ("stage", "share"), rows)])


def growth(bench: Bench) -> Found:
    """A build of ten times as many presets, and its memory beside that of stock doit."""
    small, large = bench.tree(1000), bench.tree(10_000)
    runners.write(large)
    stock = _stock(bench, large)
    run(stock)
    measured = bench.interleaved([bench.build(small, "1,000"), bench.build(large, "10,000"), stock], 3)
    ratio = measured.ratio("10,000", "1,000")
    rows = [
        (name, f"{measured.middle(name).cpu * 1000 / presets:.2f}", f"{measured.middle(name).memory:.0f}")
        for name, presets in (("1,000", 1000), ("10,000", 10_000))
    ]
    rows.append(("stock doit, nothing to do, 10,000", "", f"{measured.middle('stock doit').memory:.0f}"))
    ratios = {"growth": ratio, "memory": measured.ratio("10,000", "stock doit", "memory")}
    exponent = f"Growth from 1,000 to 10,000 presets: exponent {math.log10(ratio):.2f}"
    return Found(ratios, [Table(exponent, ("presets", "ms cpu a preset", "peak MB"), rows)])


def scale(bench: Bench) -> Found:
    """One build of 100,000 presets."""
    root = bench.work / "flat_100000"
    bench.script("trees.py", root, "--presets", 100_000)
    base = bench.tree(10_000)
    large, small = run(bench.build(root, "100,000")), run(bench.build(base))
    _empty(root)
    row = (f"{large.cpu:.0f}", f"{large.wall:.0f}", f"{large.memory:,.0f}", f"{math.log10(large.cpu / small.cpu):.2f}")
    head = ("cpu s", "wall s", "peak MB", "exponent from 10,000")
    return Found({}, [Table("A build of 100,000 presets, once", head, [row])])


# ---------------------------------------------------------------------------------------------- nothing to do


def _stock(bench: Bench, root: Path) -> Command:
    return Command("stock doit", [bench.stock.programs / "doit", "-f", "stock.py"], root)


def nothing(bench: Bench) -> Found:
    """`doit` with nothing to do beside other runners on the same graph."""
    ratios: dict[str, float | None] = {}
    rows = []
    for presets in (1000,) if bench.small else (1000, 10_000):
        root = bench.tree(presets)
        ours = Command("doit", [bench.lean.programs / "doit"], root)
        run(ours)  # a build of another section may have taken its record away
        runners.write(root)
        others = [_stock(bench, root)]
        ninja = bench.peers.programs / "ninja" if bench.peers is not None else None
        if ninja is not None and ninja.exists():
            others.append(Command("ninja", [ninja], root))
        make = shutil.which("make")
        if make is not None:
            others.append(Command("make", [make, "-s"], root))
        for command in others:
            run(command)
        beside = bench.interleaved([ours, *others], 9 if presets == 1000 else 3)
        for command in others:
            name = command.name
            cpu, wall, memory = (beside.ratio("doit", name, what) for what in ("cpu", "wall", "memory"))
            rows.append((f"{presets:,}", name, f"{cpu:.2f}", f"{wall:.2f}", f"{memory:.2f}"))
        lacking = {"ninja", "make"} - {command.name for command in others}
        rows += [(f"{presets:,}", name, "missing", "missing", "missing") for name in sorted(lacking)]
        if presets == 1000:
            ratios["noop"] = beside.ratio("doit", "stock doit")
    head = ("presets", "`doit` /", "cpu", "wall", "memory")
    return Found(ratios, [Table("`doit` with nothing to do", head, rows)])


def rewrites(bench: Bench) -> Found:
    """What a build rewrites after an edit, beside what has other bytes: counted, not measured."""
    root = bench.work / "edited"
    shutil.copytree(bench.tree(1000), root)
    run(bench.rebuild(root))
    locks = sorted((root / "build").rglob("*.lock.yaml"))
    edits = (
        ("nothing", "", "", ""),
        ("a comment in the base", "base.yaml", "model:\n", "# what runs need\nmodel:\n"),
        ("the base", "base.yaml", "max_pixels: 1572864", "max_pixels: 786432"),
        ("a component", "components/tuner/c1.yaml", "vera_rank: 257", "vera_rank: 300"),
        ("a fusion variant", trees.variant_path(3), "data/bbu_00003/train", "data/bbu_new/train"),
        ("a preset", trees.preset_path(7), "seed: 1007", "seed: 7"),
    )
    rows, is_exact = [], True
    for name, path, old, new in edits:
        before = {lock: (lock.stat().st_ino, lock.stat().st_mtime_ns, lock.read_bytes()) for lock in locks}
        if path:
            file = root / "configs" / path
            text = file.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise Failed(f"{path} should hold `{old}` once")
            file.write_text(text.replace(old, new), encoding="utf-8")
        run(bench.rebuild(root))
        after = {lock: (lock.stat().st_ino, lock.stat().st_mtime_ns, lock.read_bytes()) for lock in locks}
        changed = {lock for lock in locks if before[lock][2] != after[lock][2]}
        rewritten = {lock for lock in locks if before[lock][:2] != after[lock][:2]}
        is_exact &= changed == rewritten
        rows.append((name, f"{len(rewritten):,}", f"{len(changed):,}"))
    head = ("edited", "locks rewritten", "locks with other bytes")
    return Found(
        {"rewrites": 1.0 if is_exact else math.inf}, [Table("What a build rewrites, of 1,100 locks", head, rows)]
    )


# ---------------------------------------------------------------------------------------------- proving


def proof(bench: Bench) -> Found:
    """Proving equal pairs by their bytes beside deepdiff on the same pairs."""
    root, pairs = bench.tree(1000), 100 if bench.small else 1000
    run(bench.rebuild(root))
    copy = bench.work / "copy"
    shutil.copytree(root, copy, dirs_exist_ok=True)
    taken = {name: float(bench.script("proof.py", root, copy, pairs, name)) for name in ("bytes", "deepdiff")}
    ratio = taken["bytes"] / taken["deepdiff"]
    rows = [(f"the comparison alone, {pairs:,} pairs", f"{ratio:.3f}")]
    if not bench.small:
        some = [str(Path(path).with_suffix("")) for path in naive.presets(str(root))[::5]]
        command = [str(bench.lean.programs / "trainlock"), "prove", "--against", str(copy), "--witness", "bytes", *some]
        whole = run(Command("prove", command, root)).cpu / taken["deepdiff"] * pairs / len(some)
        rows.append(
            ("all of `trainlock prove`: both trees read, locks held against sources, mutants planted", f"{whole:.2f}")
        )
    return Found(
        {"proof": ratio}, [Table("Equal pairs by `--witness bytes` / deepdiff on them", ("what", "cpu"), rows)]
    )


# ---------------------------------------------------------------------------------------------- peers


class Peer(NamedTuple):
    """Another tool that composes the same tree: its package, how many presets it is measured on, how it is called."""

    package: str
    presets: int


PEERS: Final = {
    "rjsonnet": Peer("rjsonnet", 1000),
    "gojsonnet": Peer("gojsonnet", 1000),
    "reclass": Peer("reclass-rs", 200),
    "omegaconf": Peer("omegaconf", 200),
    "hydra": Peer("hydra-core", 50),
}


def peers(bench: Bench) -> Found:
    """The peers: one preset from a cold start, and what each further one costs; first their values are held to ours."""
    root = bench.tree(1000)
    presets = naive.presets(str(root))
    why = Command("why", [bench.lean.programs / "trainlock", "why", Path(presets[3]).with_suffix(""), KEY], root)
    build, start = run(bench.build(root)), run(bench.build(bench.tree(16)))
    own = (build.cpu - start.cpu) / (1000 - 16)
    own_values = ours(bench, root, presets[:: 1000 // 7])
    rows = [("trainlock", bench.lean.versions["trainlock"], "as ours", "1.00", "1.00")]
    ratios: dict[str, float | None] = {"cold": None}
    wanted = PEERS if not bench.small else {"hydra": PEERS["hydra"]}
    for name, peer in wanted.items():
        version = bench.peers.versions.get(peer.package) if bench.peers is not None else None
        if bench.peers is None or version is None:
            reason = (
                bench.peers.missing.get(peer.package, "not installed") if bench.peers is not None else "not asked for"
            )
            rows.append((name, "missing", reason.replace("|", " "), "missing", "missing"))
            continue
        folder = root if name == "omegaconf" else bench.work / name
        if name in translations.WRITERS:
            bench.script("translations.py", name, folder)
        others = unequal(bench, name, folder, own_values)
        if others:
            raise Failed(f"{name} does not give our values for {', '.join(others)}")

        def composing(count: int, label: str, name: str = name, folder: Path = folder) -> Command:
            assert bench.peers is not None
            taken = presets[3 : 3 + count] or presets
            arguments = [str(bench.peers.python), str(HERE / "peers.py"), name, str(folder), "-", *taken]
            return Command(label, arguments, bench.work)

        cold = bench.interleaved([why, composing(1, "one")], 7)
        if name == "hydra":
            ratios["cold"] = cold.ratio("why", "one")
        many = run(composing(peer.presets, "many")).cpu if not bench.small else math.nan
        each = (many - cold.middle("one").cpu) / (min(peer.presets, 997) - 1)
        rows.append((name, version, "equal", f"{1 / cold.ratio('why', 'one'):.2f}", f"{each / own:.1f}"))
    head = ("peer", "version", "values", "one preset, cold / `why`", "each further preset / ours")
    return Found(ratios, [Table("Peers composing the same tree, cpu", head, rows)])


def unequal(bench: Bench, name: str, folder: Path, own_values: Mapping[str, Any]) -> list[str]:
    """Give the presets for which a peer gives other values than ours; the order of keys aside."""
    assert bench.peers is not None
    out = bench.work / f"{name}_values"
    run(Command(name, [bench.peers.python, HERE / "peers.py", name, folder, out, *own_values], bench.work))
    return [
        preset
        for preset, values in own_values.items()
        if typed(json.loads((out / f"{preset}.json").read_text(encoding="utf-8"))) != typed(values)
    ]


def ours(bench: Bench, root: Path, presets: Sequence[str]) -> dict[str, Any]:
    """Give the values of presets as we resolve them: those of their locks, the fusion paths as they were authored."""
    values: dict[str, Any] = json.loads(printed(Command("our values", [bench.lean.python, "-c", OURS, *presets], root)))
    return values


OURS: Final = """\
import json, sys
from compiler import settings
from compiler.catalog import Layout
from compiler.pipeline import Workspace
from compiler.values import plain
workspace = Workspace(Layout(".", settings.load(".")))
print(json.dumps({path: plain(workspace.resolve(f"configs/{path}").values) for path in sys.argv[1:]}))
"""


def typed(value: Any) -> Any:
    """Give a value in which types count, and the order of keys does not; jsonnet has one kind of number."""
    if isinstance(value, dict):
        return {key: typed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [typed(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (type(value).__name__, value)


SECTIONS: Final[dict[str, Callable[[Bench], Found]]] = {
    "builds": builds,
    "shares": shares,
    "growth": growth,
    "nothing": nothing,
    "rewrites": rewrites,
    "peers": peers,
    "proof": proof,
    "scale": scale,
}
"""Every section; a whole run takes them all, in this order."""

GATE: Final = ("builds", "nothing", "rewrites", "proof")
"""What the small gate takes: what needs no peer to be installed, on trees of 1,000."""

if __name__ == "__main__":
    sys.exit("run benchmarks/run.py")
