"""The report document in every form, on disk: for programs, for a CI job, for people."""

from __future__ import annotations

import hashlib
from typing import Any

from compiler.as_json import json_text
from compiler.catalog import Layout
from compiler.page import html
from compiler.proofs import REPORTS
from compiler.report import markdown
from compiler.store import write_file


def publish(layout: Layout, folder: str, report: dict[str, Any]) -> dict[str, str]:
    """Write a report, where its bytes differ; gives the SHA-256 of each file by path.

    Args:
        layout: of the repository.
        folder: from the repository root; that of the layout is kept out of git, be it listed there or not.
        report: as `proofs.document` gives it.

    Raises:
        Invalid: `write-failed`.
    """
    if folder == layout.reports:
        write_file(layout, f"{folder}/.gitignore", b"*\n")
    written = {}
    for name, text in zip(REPORTS, (json_text(report) + "\n", markdown(report), html(report)), strict=True):
        data = text.encode()
        write_file(layout, f"{folder}/{name}", data)
        written[f"{folder}/{name}"] = hashlib.sha256(data).hexdigest()
    return written
