"""What trainlock promises of its speed: the ratios, each with the bound that a gate holds it to and the aim beyond.

Ratios and no seconds: the same promise on every machine. They are medians over interleaved runs of whole processes,
start-up included, in an environment of trainlock's own dependencies alone. Checks, origins, comments and messages are
in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Bound(NamedTuple):
    """A promise.

    Attributes:
        key: what the measurements call it.
        what: the two things that are compared, the first by the second.
        presets: how large the tree is.
        bound: the most that the ratio may be.
        aim: what it should be.
        exact: the ratio is counted, not measured, and must be the bound itself.
    """

    key: str
    what: str
    presets: str
    bound: float
    aim: float
    exact: bool = False

    def is_met(self, ratio: float, slack: float = 1.0) -> bool:
        """Say whether a ratio keeps the promise; `slack` times the bound is let through where it is measured."""
        return ratio == self.bound if self.exact else ratio <= self.bound * slack


BOUNDS: Final = (
    Bound(
        "naive", "cpu of `trainlock build` / the naive loader (pure-Python YAML, nothing kept)", "1,000", 1 / 20, 1 / 40
    ),
    Bound("floor", "cpu of `trainlock build` / reading, hashing and writing the same files", "1,000", 8, 6),
    Bound("growth", "cpu of `trainlock build` at 10,000 presets / at 1,000", "10,000", 11, 9),
    Bound("memory", "peak memory of `trainlock build` / of stock doit with nothing to do", "10,000", 1, 0.4),
    Bound("noop", "cpu of `doit` with nothing to do / stock doit on the same graph", "1,000", 1, 0.75),
    Bound("cold", "cpu of `trainlock why` on one preset, cold / Hydra composing it", "1,000", 0.3, 0.2),
    Bound("rewrites", "locks rewritten / locks whose bytes changed", "1,000", 1, 1, exact=True),
    Bound("proof", "cpu of proving equal pairs with `--witness bytes` / deepdiff on them", "1,000", 0.05, 0.02),
)


def shown(ratio: float) -> str:
    """Write a ratio as people compare it: `1/44` where it is small."""
    return f"1/{1 / ratio:.0f}" if 0 < ratio < 0.1 else f"{ratio:.2f}"


def misses(ratios: Mapping[str, float | None], slack: float = 1.0) -> list[str]:
    """Say which promises are not kept, a line each; what could not be measured is no miss, and is told elsewhere.

    Args:
        ratios: by key; None for what could not be measured. A key of a bound that is not there was not asked for.
        slack: how many times a measured bound may be missed, on a machine that is not one's own.
    """
    lines = []
    for bound in BOUNDS:
        ratio = ratios.get(bound.key)
        if ratio is not None and not bound.is_met(ratio, slack):
            allowed = shown(bound.bound if bound.exact else bound.bound * slack)
            lines.append(f"{bound.what}: {shown(ratio)}, and {allowed} is allowed")
    return lines
