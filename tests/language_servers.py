"""An editor for the tests: it starts yaml-language-server with settings, opens texts, and asks as an editor does.

Nothing here asserts.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import IO, Any, Final

CURSOR: Final = "|"
"""Stands in a text where the cursor is."""

_CAPABILITIES: Final[dict[str, Any]] = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}


def section_of(settings: dict[str, Any], section: str) -> Any:
    """Give what an editor hands on of its settings: `yaml.a: 1` is `{a: 1}` in the section `yaml`."""
    prefix = f"{section}."
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)} or None


class Editor:
    """A window on a folder, with one language server; a text that is opened need not be on disk."""

    def __init__(self, command: str, folder: Path, settings: dict[str, Any]) -> None:
        self.command = command
        self._settings = settings
        self._folder = folder
        self._underlined: dict[str, list[dict[str, Any]]] = {}
        self._configured = False
        self._number = 0
        self._process = subprocess.Popen([command, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        where = {"uri": folder.as_uri(), "name": folder.name}
        given = {"processId": None, "rootUri": where["uri"], "workspaceFolders": [where], "capabilities": _CAPABILITIES}
        self._ask("initialize", given)
        self._send(method="initialized", params={})
        while not self._configured:
            self._receive()

    def close(self) -> None:
        """Let the server end."""
        self._ask("shutdown", None)
        self._send(method="exit", params=None)
        self._process.communicate()

    def schema_of(self, path: str) -> list[str]:
        """Give the schemas that the settings give a file, as paths from the folder."""
        uri = self._open(path, "")
        found = self._ask("yaml/get/jsonSchema", [uri])
        self._close(uri)
        return [one["uri"].removeprefix(self._folder.as_uri() + "/") for one in found]

    def underlined(self, path: str, text: str) -> list[tuple[str, str]]:
        """Give what the server underlines in a text at a path, in order, each with what it says of it."""
        uri = self._open(path, text)
        found = sorted(self._underlined[uri], key=lambda one: _offset(text, one["range"]["start"]))
        self._close(uri)
        return [(_within(text, one["range"]), one["message"]) for one in found]

    def completed(self, path: str, text: str) -> dict[str, str]:
        """Give what the server offers at the cursor: what it inserts for each label."""
        found = self._at_cursor("textDocument/completion", path, text)
        return {one["label"]: one["insertText"] for one in found["items"]}

    def hovered(self, path: str, text: str) -> str:
        """Give what the server says of the word at the cursor."""
        found = self._at_cursor("textDocument/hover", path, text)
        return str(found["contents"]["value"]) if found is not None else ""

    def _at_cursor(self, method: str, path: str, text: str) -> Any:
        before, after = text.split(CURSOR)
        uri = self._open(path, before + after)
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        found = self._ask(method, {"textDocument": {"uri": uri}, "position": place})
        self._close(uri)
        return found

    def _open(self, path: str, text: str) -> str:
        """Open a text, and wait for the server to have looked at it."""
        uri = (self._folder / path).as_uri()
        self._number += 1  # the server keeps what it made of a version
        document = {"uri": uri, "languageId": "yaml", "version": self._number, "text": text}
        self._send(method="textDocument/didOpen", params={"textDocument": document})
        self._wait_for_underlines(uri)
        return uri

    def _close(self, uri: str) -> None:
        self._send(method="textDocument/didClose", params={"textDocument": {"uri": uri}})
        self._wait_for_underlines(uri)  # there are none any more, which is told, too

    def _wait_for_underlines(self, uri: str) -> None:
        self._underlined.pop(uri, None)
        while uri not in self._underlined:
            self._receive()

    def _ask(self, method: str, params: Any) -> Any:
        self._number += 1
        number = self._number
        self._send(id=number, method=method, params=params)
        while True:
            got = self._receive()
            if got.get("id") == number and "method" not in got:
                return got["result"]

    @property
    def _streams(self) -> tuple[IO[bytes], IO[bytes]]:
        sent, received = self._process.stdin, self._process.stdout
        if sent is None or received is None:
            raise EOFError("the language server was not started")
        return sent, received

    def _send(self, **message: Any) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._streams[0].write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._streams[0].flush()

    def _receive(self) -> dict[str, Any]:
        """Take the next message; what the server asks for is answered at once."""
        length = 0
        while (line := self._streams[1].readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        if not length:
            raise EOFError("the language server has ended")
        got: dict[str, Any] = json.loads(self._streams[1].read(length))
        match got.get("method"):
            case "textDocument/publishDiagnostics":
                self._underlined[got["params"]["uri"]] = got["params"]["diagnostics"]
            case "workspace/configuration":
                answer = [section_of(self._settings, item["section"]) for item in got["params"]["items"]]
                self._send(id=got["id"], result=answer)
                self._configured = True
            case str() if "id" in got:
                self._send(id=got["id"], result=None)
        return got


def _offset(text: str, place: dict[str, int]) -> int:
    """Give where in a text a place is that a server names."""
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: place["line"]]) + place["character"]


def _within(text: str, place: dict[str, dict[str, int]]) -> str:
    return text[_offset(text, place["start"]) : _offset(text, place["end"])]
