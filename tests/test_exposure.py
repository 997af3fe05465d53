"""exposure: what looks like a secret fails its preset, is never shown, and what only stands for one is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from builders import Files, fragment, look, project, worded, write
from compiler import disguise
from compiler.cli import main
from compiler.exposure import secret_values, suspects
from compiler.pipeline import build
from compiler.settings import Silence
from world import LOCK, P

# put together here, so that nobody who looks for tokens finds one in this file
TOKENS: Final = {
    "hf" + "_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEf": "a Hugging Face token",
    "gh" + "p_0123456789abcdefghijABCDEFGHIJ012345": "a GitHub token",
    "github" + "_pat_0123456789abcdefghijABCDEFGHIJ": "a GitHub token",
    "sk" + "-proj-0123456789abcdefghijABCDEFGHIJ": "an OpenAI key",
    "AKIA" + "0123456789ABCDEF": "an AWS key",
    "AIza" + "0123456789abcdefghijABCDEFGHIJ01234": "a Google key",
    "xoxb" + "-0123456789-abcdef": "a Slack token",
    "eyJ" + "hbGciOiJIUzI1.eyJ" + "zdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4": "a JSON web token",
    "-----BEGIN RSA PRIVATE" + " KEY-----": "a private key",
    "postgres://user:hun" + "ter2@db/x": "a URL with a password",
    "redis://:hun" + "ter2@db/x": "a URL with a password",
    "glpat" + "-0123456789abcdefghij": "a GitLab token",
    "LTAI" + "0123456789abcdefghij": "an Alibaba Cloud key",
    "https://hub/x?access_token" + "=0123456789abcdef": "an access token",
    "Bearer" + " 0123456789abcdef": "an access token",
    "hooks.slack.com" + "/services/T01/B01/0123456789abcdef": "a Slack webhook",
}


KEYS: Final = [
    *(
        "password",
        "api_key",
        "apikey",
        "wandb_api_key",
        "SECRET",
        "hub_token",
        "aws-secret-key",
        "db_passwd",
        "pwd",
    ),
    *("github_token", "refresh_token", "api_keys", "secrets", "DB_PASS", "clientSecret", "dbPassword", "wandb_key"),
]


def told(text: str) -> list[str]:
    """Give what is said of the values of a YAML text."""
    body = fragment(text).body
    return [one.message for one in secret_values(body, suspects(body))]


@pytest.mark.parametrize(("token", "what"), TOKENS.items(), ids=TOKENS.values())
def test_a_token_is_known_by_its_form_at_any_key(token: str, what: str) -> None:
    """In a section, in a list, in the middle of a text; the message says what it looks like, and not the value."""
    for text, path in (
        (f'a: {{note: "{token}"}}\n', "a.note"),
        (f'a: [x, "{token}"]\n', "a[1]"),
        (f'a: {{cmd: "run --with {token} --fast"}}\n', "a.cmd"),
    ):
        assert told(text) == [f"`{path}` looks like {what}"]


@pytest.mark.parametrize("key", KEYS)
def test_a_text_at_a_key_of_secrets_is_told(key: str) -> None:
    """Whatever it looks like."""
    assert told(f"a: {{{key}: correct horse}}\n") == [f"`a.{key}` looks like a secret"]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "null",
            "''",
            "${WANDB_KEY}",
            "$KEY",
            "<your key>",
            "{{ key }}",
            "WANDB_API_KEY",
            "EMPTY",
            "/run/key",
            "~/key",
        ),
        *("none", "3", "not-needed", "changeme", "your-api-key", "xxxxxxxx", "env:KEY", "os.environ/OPENAI_API_KEY"),
        *("configs/gcp.json", "secrets/openai.txt", "id_rsa.pem", "$(cat key)"),
    ],
)
def test_what_stands_for_a_secret_is_none(value: str) -> None:
    """A null, a variable, a placeholder, the name of a variable, a path."""
    quoted = value if value in ("null", "''", "3") else f"'{value}'"
    assert told(f"a: {{api_key: {quoted}}}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "custom: {token_type_metrics: {enabled: true}}\n",
        "template: {eos_token: <|im_end|>, image_token: '<image>'}\n",
        "model: {model: output/12-27/new_schema-4B-dense-merged/checkpoint-4470}\n",
        "rlhf: {reward_funcs: [summary.strict, summary.no_dup_keys]}\n",
        "training: {run_name: task-sketch-very-long-name-of-a-run-2026, hub_strategy: every_save}\n",
        "rlhf: {vllm_server_base_url: [http://127.0.0.1:8000]}\n",
        "env: {http_proxy: 'http://${PROXY_USER}:${PROXY_PASS}@proxy:3128', other: 'https://<user>:<password>@h'}\n",
        "env: {image: 'docker://pytorch:2.3.0@sha256:0123456789abcdef'}\n",
        "training: {run_name: sk-learn-based-random-forest-v2, output_dir: output/sk-summary_kd-epoch_30-lr_1e-4}\n",
        "model: {model: models/hf_20251231235959summaryfull, adapters: [xoxb-eval-baseline]}\n",
        "a: {key: value-of-no-secret, monkey: bananas-galore, secrets_of_the_sea: {depth: 3}}\n",
    ],
)
def test_what_trains_is_no_secret(text: str) -> None:
    """Special tokens, checkpoints, run names and addresses are left alone."""
    assert told(text) == []


def test_a_file_without_a_mark_holds_no_secret() -> None:
    """No token and no key of secrets is passed over with the file that holds it; an ordinary preset is."""
    for text in (*TOKENS, *KEYS):
        assert disguise.may_hold_one(f"a: {{b: {text}}}".encode()), text
    assert not disguise.may_hold_one(b"training: {output_dir: out, run_name: epoch_30, learning_rate: 1.0e-4}")


def test_a_key_that_is_a_token_is_told_and_not_shown(tmp_path: Path) -> None:
    """A key goes into the lock like a value."""
    files: Files = {P: f"custom:\n  {SECRET}: 1\n"}
    assert worded(build(project(tmp_path, files)).problems, files) == (
        "configs/train/p.yaml:2:3: error: `custom.(a secret)` looks like a Hugging Face token [secret-value]\n"
        "  why: a lock is committed, and whoever reads it has it\n"
        "  hint: let the environment give it to the trainer, and revoke it if it was ever committed; where it is none, "
        "silence this with a reason"
    )


def test_what_is_below_a_key_of_secrets_is_a_secret() -> None:
    """`secrets: {openai: ...}`, and a list of keys."""
    assert told("secrets: {openai: correct horse}\n") == ["`secrets.openai` looks like a secret"]
    assert told("a: {api_keys: [correct horse, battery staple]}\n") == [
        "`a.api_keys[0]` looks like a secret",
        "`a.api_keys[1]` looks like a secret",
    ]


@pytest.mark.parametrize("text", ["a." * 100_000, "eyJ-" * 50_000, "x" * 1_000_000 + "://", "hf_" * 100_000])
def test_a_text_of_any_length_is_looked_at_in_linear_time(text: str) -> None:
    """No expression steps back over a long text: this takes no time that anybody notices."""
    assert disguise.token_in(text) == ""


@pytest.mark.parametrize("at", [0, 70, 9_990, 10_000, 50_000])
@pytest.mark.parametrize("apart", [0, 100, 5_000])
def test_near_a_secret_no_part_of_a_long_line_is_shown(at: int, apart: int) -> None:
    """Be it before or behind, and wherever the line is cut; far from it the line is shown."""
    token = next(iter(TOKENS))
    line = "x " * (at // 2) + token + " x" * 50_000
    for start in (at - apart - 10, at + len(token) + apart - 150):
        assert disguise.shows_one(line, max(0, start), max(0, start) + 160)
    assert not disguise.shows_one(line, 90_000, 90_160)
    assert disguise.shows_one(line, at + 5, at + 6)


def test_of_a_secret_that_is_longer_than_any_token_no_part_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by its key, and the part that an excerpt would show lies far from its ends; unless it is meant."""
    monkeypatch.setattr(disguise, "_hidden", set())
    monkeypatch.setattr(disguise, "_shown", set())
    secret = "correct horse " * 5_000
    line = f"api_key: {secret}"
    assert not disguise.shows_one(line, 40_000, 40_160)
    disguise.hide(secret)
    assert disguise.shows_one(line, 40_000, 40_160)
    disguise.show(secret)
    assert not disguise.shows_one(line, 40_000, 40_160)


SECRET: Final = next(iter(TOKENS))
KEPT: Final = "correct-horse-battery"
AROUND: Final[dict[str, Files]] = {
    "an error at the same line": {P: f"training: {{hub_token: {SECRET}, learning_rate: 2e-5}}\n"},
    "an unknown argument that holds it": {P: f"training:\n  api_key: {KEPT}\n"},
    "a wrong type that quotes it": {P: f"training:\n  hub_token: [{SECRET}]\n"},
    "a wrong choice that quotes it": {P: f"training:\n  save_strategy: {SECRET}\n"},
    "an order that quotes it": {
        P: "extends: [../a.yaml, ../b.yaml]\n",
        "configs/a.yaml": f"training: {{hub_token: {SECRET}, bf16: true}}\n",
        "configs/b.yaml": "training: {hub_token: null}\n",
    },
    "a restated one": {
        P: f"extends: ../a.yaml\ntraining: {{api_key: {KEPT}, seed: 1}}\n",
        "configs/a.yaml": f"training: {{api_key: {KEPT}, bf16: true}}\n",
    },
    "a file that is no YAML": {P: f"hub_token: {SECRET}: x\n"},
    "a key that is written twice": {P: f"hub_token: 1\nhub_token: {SECRET}\n"},
    "a base": {P: f"extends: https://me:{SECRET}@hub/x.yaml\n"},
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("option", ["", "--json", "--format=sarif", "--format=github"])
def test_no_other_message_quotes_a_secret(
    tmp_path: Path, around: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message about something else shows neither the line nor the value."""
    write(tmp_path, {"pyproject.toml": "[tool.trainlock]\ntrainer = 'ms-swift 3.10.3'\npresets = ['train/*.yaml']\n"})
    write(tmp_path, AROUND[around])
    main(["check", *([option] if option else []), "--root", str(tmp_path)])
    told = capsys.readouterr()
    assert "[" in told.err + told.out
    assert SECRET not in told.out + told.err
    assert KEPT not in told.out + told.err


def test_a_false_alarm_that_is_silenced_is_shown_again(tmp_path: Path) -> None:
    """Who says that a text is no secret may read it in messages."""
    text = "xoxb" + "-0123456789-evaluation"
    files: Files = {P: f"a: {{note: {text}, b: yes}}\n"}
    silence = Silence("secret-value", (P,), "a run of ours is called so")
    assert text in worded(build(project(tmp_path, files, silence=(silence,))).problems, files)


HELD: Final[Files] = {
    P: "extends: ../hub.yaml\n",
    "configs/hub.yaml": f"training:\n  hub_token: {SECRET}\n  seed: 1\n",
}


def test_a_secret_fails_its_preset_and_no_lock_holds_it(tmp_path: Path) -> None:
    """It is an error where it is written; nothing is written with it."""
    found = build(project(tmp_path, HELD))
    assert [(str(one.origin), one.code, one.severity) for one in found.problems] == [
        ("configs/hub.yaml:2:3", "secret-value", "error")
    ]
    assert found.failed == (P,)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("arguments", [["build"], ["check"], ["build", "--json"], ["check", "--json"]])
def test_the_message_of_a_secret_does_not_show_it(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the excerpt, not the text, not the JSON; the same line of another problem is shown as ever."""
    project(tmp_path, HELD)
    assert main([*arguments, "--root", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "[secret-value]" in told.err or '"secret-value"' in told.out
    assert SECRET not in told.out + told.err
    assert worded(build(look(tmp_path)).problems, HELD).count("\n") == 2


def test_a_secret_that_is_overridden_stands_in_no_lock(tmp_path: Path) -> None:
    """Only what a lock would hold is told."""
    files = {**HELD, P: "extends: ../hub.yaml\ntraining: {hub_token: null}\n"}
    assert build(project(tmp_path, files)).problems == ()


def test_a_secret_of_a_mix_is_told(tmp_path: Path) -> None:
    """Mixes are looked at like presets."""
    files: Files = {
        P: "fusion: configs/fusion/m.yaml\n",
        "configs/fusion/m.yaml": f"targets: [{{dataset: a, train_jsonl: 's3://me:{SECRET}@b/x'}}]\n",
    }
    found = build(project(tmp_path, files))
    assert [(str(one.origin), one.code) for one in found.problems] == [("configs/fusion/m.yaml:1:24", "secret-value")]
