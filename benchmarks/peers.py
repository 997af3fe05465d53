"""The peers, each composing presets of a tree as its own users would: one run composes the presets that it is given.

    python benchmarks/peers.py PEER FOLDER OUT PRESET...

FOLDER is the tree as `translations.py` wrote it for the peer. Values are printed to OUT as JSON, a file per preset,
but for OUT `-`, which composes and keeps nothing. A peer imports nothing that another one needs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

Values = Iterator[tuple[str, Any]]


def omegaconf(folder: str, presets: list[str]) -> Values:
    """OmegaConf: load each file once, merge in order, resolve."""
    from omegaconf import OmegaConf

    loaded: dict[str, Any] = {}

    def load(path: str) -> Any:
        if path not in loaded:
            own = OmegaConf.load(path)
            bases = own.pop("extends", [])
            names = [bases] if isinstance(bases, str) else bases
            below = [load(os.path.normpath(os.path.join(os.path.dirname(path), name))) for name in names]
            loaded[path] = OmegaConf.merge(*below, own)
        return loaded[path]

    for preset in presets:
        yield preset, OmegaConf.to_container(load(os.path.join(folder, "configs", preset)), resolve=True)


def hydra(folder: str, presets: list[str]) -> Values:
    """Hydra: compose, from a defaults list in each file."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(version_base=None, config_dir=os.path.abspath(folder)):
        for preset in presets:
            yield preset, OmegaConf.to_container(compose(config_name=os.path.splitext(preset)[0]), resolve=True)


def rjsonnet(folder: str, presets: list[str]) -> Values:
    """Jsonnet in Rust, by the package `rjsonnet`: objects added up, nested ones with `+:`."""
    import rjsonnet as engine

    for preset in presets:
        yield preset, json.loads(engine.evaluate_file(os.path.join(folder, preset + ".jsonnet")))


def gojsonnet(folder: str, presets: list[str]) -> Values:
    """Jsonnet in Go, by the package `gojsonnet`."""
    import _gojsonnet as engine

    for preset in presets:
        yield preset, json.loads(engine.evaluate_file(os.path.join(folder, preset + ".jsonnet")))


def reclass(folder: str, presets: list[str]) -> Values:
    """Reclass in Rust, the engine of Kapitan, by the package `reclass-rs`: presets are nodes, fragments classes."""
    from reclass_rs import Reclass

    inventory = Reclass(folder, "nodes", "classes", False)
    for preset in presets:
        values = inventory.nodeinfo(os.path.splitext(os.path.basename(preset))[0]).parameters
        yield preset, {key: value for key, value in values.items() if key != "_reclass_"}


PEERS: dict[str, Callable[[str, list[str]], Values]] = {
    "omegaconf": omegaconf,
    "hydra": hydra,
    "rjsonnet": rjsonnet,
    "gojsonnet": gojsonnet,
    "reclass": reclass,
}


def main() -> None:
    """Compose the presets by one peer."""
    name, folder, out, *presets = sys.argv[1:]
    for preset, values in PEERS[name](folder, presets):
        if out != "-":
            path = os.path.join(out, preset + ".json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(values, file)


if __name__ == "__main__":
    main()
