# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about configuration for people (a table), for programs (plain data) and for CI (JUnit XML)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .matrix import Key
from .matrix_check import COMMON, Finding

#: Escapes an XML attribute. Not xml.sax.saxutils, which imports urllib.request at every start of the engine.
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)

OK = "ok"
NOT_HERE = "-"


def table(matrix: Mapping[str, Key], findings: Sequence[Finding], environments: Collection[str]) -> list[str]:
    """One row for each key that has a finding, one column for each environment."""
    layers = [COMMON, *environments]
    rows = []
    for name in sorted({finding.key for finding in findings}):
        key = matrix.get(name)
        row = [name, key.kind if key else "unknown"]
        for layer in layers:
            codes = dict.fromkeys(f.code for f in findings if f.key == name and f.environment == layer)
            row.append(", ".join(codes) or _quiet(key, layer))
        rows.append(row)
    if not rows:
        return []
    head = ["key", "class", *layers]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]


def _quiet(key: Key | None, layer: str) -> str:
    if layer == COMMON:
        return ""
    return OK if key is not None and key.is_for(layer) else NOT_HERE


def lines(matrix: Mapping[str, Key], findings: Sequence[Finding], environments: Collection[str]) -> list[str]:
    """The table, then a sentence for each finding with its fix."""
    if not matrix:
        return ["there is no matrix (env_matrix) to check against", *_sentences(findings)]
    if not findings:
        return [f"{len(matrix)} keys in {', '.join(environments)}: all match the matrix"]
    return [*table(matrix, findings, environments), *_sentences(findings)]


def _sentences(findings: Iterable[Finding]) -> list[str]:
    return [f"{f.environment} {f.key}: {f.what}." + (f" Fix: {f.fix}" if f.fix else "") for f in findings]


def data(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [
        {"key": f.key, "environment": f.environment, "code": f.code, "what": f.what, "fix": f.fix} for f in findings
    ]


def junit(stack: str, matrix: Mapping[str, Key], findings: Sequence[Finding], environments: Collection[str]) -> str:
    """One test case for each key and environment, as CI systems show them."""
    cases = [(name, env) for name in sorted(matrix) for env in environments if matrix[name].is_for(env)]
    cases += sorted({(f.key, f.environment) for f in findings} - set(cases))
    rows: list[str] = []
    failed = 0
    for name, environment in cases:
        mine = [f for f in findings if (f.key, f.environment) == (name, environment)]
        case = f"    <testcase classname={quoted(f'{stack}.{environment}')} name={quoted(name)}"
        if not mine:
            rows.append(f"{case}/>")
            continue
        failed += 1
        message = quoted("; ".join(f"{f.code}: {f.what}" for f in mine))
        rows += [f"{case}>", f"      <failure type={quoted(mine[0].code)} message={message}/>", "    </testcase>"]
    suite = f'  <testsuite name={quoted(f"{stack} configuration")} tests="{len(cases)}" failures="{failed}">'
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", suite, *rows, "  </testsuite>", "</testsuites>", ""]
    )


def quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def summary(findings: Sequence[Finding]) -> str:
    """One line for a gate: how many findings, and the first few by name."""
    if not findings:
        return "every key matches the matrix"
    shown = ", ".join(f"{f.key} in {f.environment}: {f.code}" for f in findings[:5])
    return f"{len(findings)} finding(s): {shown}" + (", …" if len(findings) > 5 else "")


def document(stack: str, findings: Sequence[Finding], environments: Collection[str]) -> dict[str, Any]:
    return {"stack": stack, "ok": not findings, "environments": list(environments), "findings": data(findings)}
