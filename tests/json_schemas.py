"""What the tests of the JSON Schemas share: what a schema says of a document, and what the checks say of it.

Nothing here asserts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from jsonschema import Draft7Validator

from builders import REPOSITORY, composer
from checking import judged
from compiler import json_schema
from compiler.as_json import json_text
from compiler.catalog import Layout
from compiler.checks import component_sections, mix_problems
from compiler.lint import OF_MIXES
from compiler.merging import entry_problems, preset_policy
from compiler.problems import Invalid
from compiler.settings import Settings, load
from compiler.values import node_of

SHIPPED: Final = load(str(REPOSITORY))
"""The settings of this repository."""


def _kinds() -> dict[str, str]:
    found = Layout(str(REPOSITORY), SHIPPED)
    return {
        path: "component" if found.is_component(path) else "fusion" if "/fusion/" in path else "preset"
        for path in found.files()
    }


FRAGMENTS: Final = _kinds()
"""What kind of fragment each file below `configs/` is."""

OF_KEYS: Final = ("unknown-section", "unknown-argument", "wrong-type", "wrong-choice")
"""The codes of what one key and its value can be wrong in; the others say what must fit together."""


@functools.cache
def _validator(kind: str, settings: Settings) -> Draft7Validator:
    return Draft7Validator(json_schema.document(kind, settings))


def schema_takes(kind: str, document: Any, settings: Settings = SHIPPED) -> bool:
    """Say whether the schema of a kind of fragment takes a document."""
    return bool(_validator(kind, settings).is_valid(document))


def preset_passes(document: Any) -> bool:
    """Say whether the checks of keys and values find no error in a preset."""
    found = judged(node_of(document))
    return not any(one.severity == "error" and one.code in OF_KEYS for one in found)


def component_passes(document: Any, settings: Settings = SHIPPED) -> bool:
    """Say whether the check of components finds nothing."""
    return not list(component_sections(node_of(document), settings.extends_keys))


def mix_passes(document: Any) -> bool:
    """Say whether the checks of a mix find no error."""
    values = node_of(document)
    found = mix_problems(values) or [problem for check in OF_MIXES for problem in check(values)]
    return not any(one.severity == "error" for one in found)


def keyed_passes(document: Any, settings: Settings) -> bool:
    """Say whether the checks of keyed lists find nothing."""
    return not entry_problems(node_of(document), preset_policy(settings.keyed))


def bases_pass(document: Any) -> bool:
    """Say whether what a fragment writes below its extends keys can name bases, whether they exist or not."""
    text = json_text(document)
    made = composer({"configs/train/p.yaml": text}, extends_keys=SHIPPED.extends_keys)
    try:
        made.extends.chain("configs/train/p.yaml")
    except Invalid as invalid:
        return not {one.code for one in invalid.problems} & {"bad-extends", "absolute-base"}
    return True


class Listed(NamedTuple):
    """A document of which the schema and the checks say different things, for a reason that the page tells.

    Attributes:
        told: how docs/editor.md tells it.
        kind: of what fragment.
        document: what is written.
        passes: what the checks say.
        schema_takes: what the schema says.
    """

    told: str
    kind: str
    document: Any
    passes: Callable[[Any], bool]
    schema_takes: bool


_ENTRY: Final = {"dataset": "d", "train_jsonl": "d.jsonl"}

LISTED: Final = [
    Listed("a whole number written `17.0`", "preset", {"training": {"seed": 17.0}}, preset_passes, True),
    Listed(
        "an argument of rlhf alone in a run that is none",
        "preset",
        {"training": {"num_generations": 4}},
        preset_passes,
        True,
    ),
    Listed("misspelt in more than one place", "preset", {"custom": {"fuson_confg": "x.yaml"}}, preset_passes, True),
    Listed("A misspelt `extends` is underlined", "preset", {"extend": "x.yaml"}, preset_passes, False),
    Listed("`.nan` and `.inf`", "fusion", {"targets": [{**_ENTRY, "ratio": float("nan")}]}, mix_passes, True),
    Listed("two entries of one name", "fusion", {"targets": [_ENTRY, _ENTRY]}, mix_passes, True),
    Listed("a mix without a target", "fusion", {"targets": []}, mix_passes, True),
    Listed("an entry that is not whole", "fusion", {"targets": [{"name": "a"}]}, mix_passes, True),
    Listed(
        "a source without a ratio",
        "fusion",
        {"targets": [_ENTRY], "sources": [{**_ENTRY, "name": "s"}]},
        mix_passes,
        True,
    ),
    Listed(
        "which must fit together",
        "preset",
        {"deepspeed": {"enabled": True}},
        lambda document: not judged(node_of(document)),
        True,
    ),
    Listed("a component whose only key is no section", "component", {"my_notes": 1}, component_passes, False),
]
