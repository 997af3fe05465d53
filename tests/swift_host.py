"""Builds the real argument classes of ms-swift: a program of its own, and how tests ask it.

It runs apart from the tests, as the classes change the environment, the folder and the state of torch of the process
that builds them. What a machine without GPU, weights and network lacks is made up for, and nothing else is touched:

- `model` becomes a folder with the config of a tiny Qwen3-VL, called like the real model, as the name tells the family;
- `use_cpu: true` is set, without which bf16 is refused where there is no GPU;
- so many devices as are asked for are there by torch's own fake process group, in which one process stands for all;
- the client of a vLLM server connects to none, and nothing leaves the machine: what is not on its disk is refused at
  once.

Nothing here knows trainlock.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

LEFT_OUT: Final = (
    "left out: the tests against the trainer's own argument classes (`pip install -e '.[trainer]'`, some 2 GB)"
)

VERSION: Final = "3.10.3"
"""The trainer that is recorded, and that the extra pins."""

MODEL: Final = "Qwen3-VL-4B-Instruct"

_LAYERS: Final = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
CONFIG: Final = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "model_type": "qwen3_vl",
    "text_config": {
        **_LAYERS,
        "model_type": "qwen3_vl_text",
        "num_hidden_layers": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 262144,
        "vocab_size": 128,
        "dtype": "bfloat16",
    },
    "vision_config": {**_LAYERS, "model_type": "qwen3_vl", "depth": 2, "num_heads": 2, "out_hidden_size": 32},
}
"""What the classes read of a model."""


class Job(NamedTuple):
    """Arguments to build: for `sft` or for `rlhf`, and on how many devices."""

    trainer: str
    arguments: dict[str, Any]
    world_size: int = 1


class Built(NamedTuple):
    """What became of a job.

    Attributes:
        refused: the error that the classes stopped with; empty where they did not.
        outer: the attributes of ms-swift's arguments.
        inner: those of the arguments that the training loop is given.
    """

    refused: str
    outer: dict[str, Any]
    inner: dict[str, Any]


def build(jobs: Iterable[Job], folder: Path) -> list[Built]:
    """Build the real arguments of each job; the test that asks is left out where ms-swift is not there.

    Args:
        jobs: what to build.
        folder: an empty one, in which the classes may write; relative paths count from it.
    """
    if VERSION not in [one.version for one in importlib.metadata.distributions(name="ms-swift")]:
        pytest.skip(LEFT_OUT)
    asked, told = folder / "jobs.json", folder / "built.json"
    asked.write_text(json.dumps([job._asdict() for job in jobs]), encoding="utf-8")
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    offline = {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, __file__, asked.name, told.name],
        cwd=folder,
        env={**environment, **offline},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [Built(**one) for one in json.loads(told.read_text(encoding="utf-8"))]


# ---------------------------------------------------------------------------------------------- the program


def plain(value: Any, home: str) -> Any:
    """Give a value as JSON can hold it, and the same on each machine and day.

    An enum by its value, a type of torch by its name; paths from `home`, without the version that is appended to one.
    """
    if isinstance(value, dict):
        return {str(key): plain(child, home) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child, home) for child in value]
    value = getattr(value, "value", value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return re.sub(r"/v\d+-\d{8}-\d{6}", "", str(value).removeprefix("torch.").replace(f"{home}/", ""))


class Host:
    """A process in which ms-swift is imported once."""

    def __init__(self) -> None:
        self._home = os.getcwd()
        model = Path(MODEL).absolute()
        model.mkdir()
        (model / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
        self._model = str(model)
        import swift.llm.argument as arguments
        from swift.llm.argument.base_args import base_args
        from swift.llm.model import register

        self._classes = {"sft": arguments.TrainArguments, "rlhf": arguments.RLHFArguments}
        base_args.safe_snapshot_download = register.safe_snapshot_download = self._on_disk
        socket.socket.connect = socket.create_connection = self._nowhere  # type: ignore[method-assign]
        self._stand_in_for_vllm()
        self._environment = dict(os.environ)

    def _on_disk(self, name: str, **_: Any) -> str:
        """Stand in for the download of a model."""
        if not os.path.exists(name):
            raise FileNotFoundError(f"nothing is downloaded here: {name}")
        return os.path.abspath(name)

    def _nowhere(self, *_: Any, **__: Any) -> Any:
        """Stand in for the network."""
        raise OSError("there is no network here")

    def _stand_in_for_vllm(self) -> None:
        """Put a client in the place of the one that needs vLLM, and a server."""
        import types

        class VLLMClient:
            def __init__(self, **_: Any) -> None: ...
            def close_communicator(self) -> None: ...
            def init_communicator(self, **_: Any) -> None: ...

        module = types.ModuleType("swift.trainers.rlhf_trainer.vllm_client")
        module.VLLMClient = VLLMClient  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module

    def _devices(self, world_size: int) -> None:
        """Let this process be the first of so many; the environment is as a launcher would set it."""
        import torch.distributed
        from torch.testing._internal.distributed.fake_pg import FakeStore

        os.environ.clear()
        os.environ.update(self._environment)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        if world_size > 1:
            ranks = {"RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": str(world_size)}
            os.environ.update(ranks, WORLD_SIZE=str(world_size), MASTER_ADDR="127.0.0.1", MASTER_PORT="29500")
            torch.distributed.init_process_group("fake", rank=0, world_size=world_size, store=FakeStore())

    def build(self, job: Job) -> Built:
        """Build the arguments of one job."""
        self._devices(job.world_size)
        os.chdir(self._home)
        given = {"use_cpu": True, **job.arguments}
        if isinstance(given.get("model"), str):
            given["model"] = self._model
        try:
            made = self._classes[job.trainer](**given)
        except Exception as error:  # whatever stops a launch
            return Built(f"{type(error).__name__}: {error}", {}, {})
        inner = made.training_args
        seen = {**vars(inner), "world_size": inner.world_size}
        return Built("", plain(vars(made), self._home), plain(seen, self._home))


def main() -> None:
    """Build what the first file asks for, and write what became of it to the second."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    asked, told = (Path(name).absolute() for name in sys.argv[1:])
    jobs = [Job(**job) for job in json.loads(asked.read_text(encoding="utf-8"))]
    host = Host()
    logging.disable(logging.CRITICAL)
    told.write_text(json.dumps([host.build(job)._asdict() for job in jobs]), encoding="utf-8")


if __name__ == "__main__":
    main()
