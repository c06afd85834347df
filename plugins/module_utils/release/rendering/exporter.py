# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints for Prometheus: the configuration of its blackbox exporter, and what it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..planning.endpoints.exporter import Watch
from ..util.printable import clean

_HEAD = """\
# Modules of Prometheus' blackbox exporter for what the outside was promised, made by onehost.release from the endpoints
# of what is live; what is written here by hand is lost the next time. JSON, which is YAML.
"""


def modules(found: Sequence[Watch]) -> str:
    """The exporter's configuration. What it does not watch is said in comments."""
    told = [f"# Not watched: {line}\n" for line in unwatched(found)]
    rows = [f"{_json(probe.name)}: {_json(probe.module)}" for watch in found for probe in watch.probes]
    return "".join([_HEAD, *told]) + '{"modules": {\n' + ",\n".join(rows) + "\n}}\n"


def targets(found: Sequence[Watch]) -> str:
    """What is asked by which module, as Prometheus' `file_sd_configs` reads it."""
    rows = []
    for watch in found:
        for probe in watch.probes:
            labels = {"module": probe.name, "stack": watch.stack, "environment": watch.environment}
            labels |= {"endpoint": probe.endpoint, "written": probe.where}
            rows.append(json.dumps({"targets": [probe.target], "labels": labels}))
    return "[\n" + ",\n".join(rows) + "\n]\n"


def unwatched(found: Sequence[Watch]) -> list[str]:
    """What the exporter does not ask or judge, for people."""
    return [
        " ".join(clean(f"{watch.stack} {watch.environment}: {one.endpoint} ({one.where}): {one.why}").split())
        for watch in found
        for one in watch.unwatched
    ]


def _json(value: Any) -> str:
    """JSON that is YAML, too: that has no pairs of halves for a character beyond the first 65,536."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return re.sub(r"[^ -~]", lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
