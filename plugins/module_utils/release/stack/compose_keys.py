# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's own keys of an app: what is passed on, of which type, and what to write in place of the others.

A release of one app is one container in one slot, which is made anew each time. What Compose would refuse is found here
instead of in the middle of an operation, and what would be without effect, or lose data, is refused too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..util.fields import QUOTES, Fields, no_text, quotes_for, shown

#: Notes what is wrong with a value: the mapping that it stands in, its key, the value.
Check = Callable[[Fields, str, Any], None]

DURATION = r"([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+"
SIZE = r"[0-9]+([bkmg]b?)?"
_PLATFORM = "is set by the platform and cannot be replaced"

#: What is refused, and what to write instead.
REFUSED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("image", "ports", "container_name", "labels", "label_file", "profiles"), (_PLATFORM, "remove it")),
    "build": (_PLATFORM, "use the app's `context`, `dockerfile`, `build_target`, `build_arguments`, `build_secrets`"),
    "env_file": (_PLATFORM, "put the values into the stack's `env`, or the app's `environment`"),
    "restart": (_PLATFORM, "remove it; a container that exits is started again"),
    "pull_policy": (_PLATFORM, "remove it; images are built on the host"),
    "stop_grace_period": (_PLATFORM, "use the app's `stop_seconds`"),
    "network_mode": (_PLATFORM, "remove it; the host is reached as host.docker.internal"),
    "expose": ("has no effect", "remove it; the app's `port` is enough"),
    "scale": ("is not possible: an app has one container in a slot", "remove it, or name a second app"),
    "depends_on": ("is not possible", "use the app's `after`"),
    "networks": ("is not possible: each slot has one network of its own", "remove it; apps of a slot reach each other"),
    "links": ("is not possible", "remove it; apps of a slot reach each other by their names"),
    "external_links": ("is not possible", "remove it; the host is reached as host.docker.internal"),
    "secrets": ("is not possible", "make it a secret of the `env_matrix`, or `build_secrets`"),
    "configs": (
        "is not possible",
        "mount a file of the host, for example `volumes: ['/srv/shop/app.conf:/app.conf:ro']`",
    ),
    "volumes_from": ("is not possible", "mount a directory of the host in both apps"),
    "extends": ("is not possible", "write the keys here; YAML's anchors (&, *) repeat them"),
    "develop": ("has no effect", "remove it"),
    "attach": ("has no effect", "remove it"),
}


def check_compose(compose: Mapping[str, Any], where: str, problems: list[Any]) -> None:
    """Note every key of an app's `compose` that could not work as written."""
    fields = Fields(compose, where, problems)
    for key, value in compose.items():
        if key in REFUSED:
            fields.note(key, *REFUSED[key])
        elif key in CHECKS:
            CHECKS[key](fields, key, value)
        elif not key.startswith("x-"):
            near = difflib.get_close_matches(key, CHECKS, 1)
            fix = f"did you mean `{near[0]}`?" if near else "remove it; known are " + ", ".join(CHECKS)
            fields.note(key, "is not a key of Compose that is passed on", fix)


def host_paths(compose: Mapping[str, Any]) -> list[str]:
    """The files and directories of the host that an app's `compose` mounts."""
    volumes = compose.get("volumes")
    sources = [
        volume.partition(":")[0]
        if isinstance(volume, str)
        else volume.get("source")
        if isinstance(volume, dict)
        else ""
        for volume in (volumes if isinstance(volumes, list) else [])
    ]
    return [source for source in sources if isinstance(source, str) and source.startswith("/")]


def _text(pattern: str = "", hint: str = "") -> Check:
    def check(fields: Fields, key: str, value: Any) -> None:
        if why := no_text(value):
            fields.note(key, why, quotes_for(value))
        elif pattern and not re.fullmatch(pattern, value):
            fields.note(key, "is not valid", hint or f"must match {pattern}")

    return check


def _truth(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, bool):
        fields.note(key, "must be true or false", "write it without quotes")


def _number(fields: Fields, key: str, value: Any) -> None:
    """A number, also as text: no two ways to write one mean different things here."""
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", shown(value).strip("'")):
        fields.note(key, "must be a number")


def _size(fields: Fields, key: str, value: Any) -> None:
    if isinstance(value, bool) or not re.fullmatch(SIZE, str(value) if isinstance(value, (int, str)) else "-", re.I):
        fields.note(key, "is not a size", "for example 64m")


def _list(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, list):
        fields.note(key, "must be a list", f"write `{key}: [...]`")
        return
    for index, item in enumerate(value):
        if why := no_text(item):
            fields.note(f"{key}[{index}]", why, quotes_for(item))


def _text_or_list(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, str):
        _list(fields, key, value)


def _groups(fields: Fields, key: str, value: Any) -> None:
    """Users write numbers here, and mean them."""
    if isinstance(value, list) and all(isinstance(v, (int, str)) and not isinstance(v, bool) for v in value):
        return
    _list(fields, key, value)


def _hosts(fields: Fields, key: str, value: Any) -> None:
    """A list, so that it is added to the platform's own, where a mapping would replace it."""
    if not isinstance(value, list):
        fields.note(key, "must be a list", "for example `extra_hosts: ['db:192.0.2.7']`")
    else:
        _list(fields, key, value)


def _mapping(*checks: tuple[str, Check], every: Check | None = None) -> Check:
    """A mapping of known keys; with `every`, of any keys, each checked so."""
    known = dict(checks)

    def check(fields: Fields, key: str, value: Any) -> None:
        if not isinstance(value, dict):
            fields.note(key, f"must be a mapping, not {type(value).__name__}")
            return
        inner = Fields(value, f"{fields.where}.{key}", fields.problems)
        for name, item in value.items():
            chosen = known.get(name, every) if isinstance(name, str) else None
            if chosen is not None:
                chosen(inner, name, item)
            elif isinstance(name, str):
                inner.note(name, "is not a known option", "choose from " + ", ".join(known))
            else:
                inner.note(str(name), "is a name that YAML does not read as text", QUOTES)

    return check


def _mapping_or_list(fields: Fields, key: str, value: Any) -> None:
    if isinstance(value, list):
        _list(fields, key, value)
    else:
        _mapping(every=_text_or_number)(fields, key, value)


def _text_or_number(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        fields.note(key, no_text(value), quotes_for(value))


def _limit(fields: Fields, key: str, value: Any) -> None:
    if isinstance(value, dict):
        _mapping(("soft", _number), ("hard", _number))(fields, key, value)
    else:
        _number(fields, key, value)


def _variables(fields: Fields, key: str, value: Any) -> None:
    if isinstance(value, dict):
        fields.values(key)
    else:
        fields.note(key, "must be a mapping", "write `KEY: value`, or use the app's own `environment`")


def _deploy(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, dict):
        fields.note(key, f"must be a mapping, not {type(value).__name__}")
        return
    for name in value:
        if name != "resources":
            fix = "remove it; limits are the app's `memory`, `cpus` and `pids`"
            if name == "replicas":
                fix = "remove it; the app's own `replicas` is the number of its containers"
            fields.note(f"{key}.{name}", "has no effect here", fix)
    if "resources" in value and not isinstance(value["resources"], dict):
        fields.note(f"{key}.resources", "must be a mapping")


def _volumes(fields: Fields, key: str, value: Any) -> None:
    if not isinstance(value, list):
        fields.note(key, "must be a list", "for example `volumes: ['/srv/shop-uploads:/data']`")
        return
    for index, item in enumerate(value):
        place = f"{key}[{index}]"
        if isinstance(item, dict):
            _long_volume(fields, place, item)
        elif why := no_text(item):
            fields.note(place, why, quotes_for(item))
        else:
            source, colon, rest = item.partition(":")
            _source(fields, place, source if colon else "", rest.partition(":")[0] or source)


def _long_volume(fields: Fields, place: str, item: dict[Any, Any]) -> None:
    kind, target = item.get("type"), item.get("target")
    if kind not in ("bind", "tmpfs", "volume"):
        fields.note(f"{place}.type", "must be bind or tmpfs", "for example {type: bind, source: /srv/x, target: /data}")
    if not isinstance(target, str) or not target.startswith("/"):
        fields.note(f"{place}.target", "must be an absolute path in the container")
    elif kind != "tmpfs":
        source = item.get("source", "")
        _source(fields, place, source if isinstance(source, str) else "", target)


def _source(fields: Fields, place: str, source: str, target: str) -> None:
    """Data must outlive the containers, in a place that neither git nor a release changes."""
    if source.startswith("/"):
        return
    directory = f"/srv/<stack>/{target.strip('/').rpartition('/')[2] or 'data'}"
    fix = (
        f"use a directory of the host, `{directory}:{target}`, made with "
        f"`sudo install -d -o <the app's user> {directory}`; data that is somewhere already can be copied there with "
        "`sudo cp -a`"
    )
    if not source:
        fields.note(place, "would begin empty with every release", f"{fix}; or, for what may go, `tmpfs: [{target}]`")
    elif source.startswith((".", "~", "$")) or "/" in source:
        fields.note(
            place, f"{source!r} is not an absolute path, and would be a directory of root's in the checkout", fix
        )
    else:
        declared = (
            f"declare it in `volumes` of the stack, and mount it with `volumes: {{{source}: {target}}}` of the app"
        )
        fields.note(place, f"{source!r} is a named volume, and Compose would make one for each slot", declared)


_COMMAND = _text_or_list
CHECKS: Mapping[str, Check] = {
    "annotations": _mapping_or_list,
    "blkio_config": _mapping(every=lambda fields, key, value: None),
    "cap_add": _list,
    "cap_drop": _list,
    "cgroup": _text(),
    "cgroup_parent": _text(),
    "command": _COMMAND,
    "cpu_count": _number,
    "cpu_percent": _number,
    "cpu_period": _text_or_number,
    "cpu_quota": _text_or_number,
    "cpu_shares": _number,
    "cpus": _number,
    "cpuset": _text(r"[0-9,-]+", 'for example "0-1"'),
    "deploy": _deploy,
    "device_cgroup_rules": _list,
    "devices": _list,
    "dns": _text_or_list,
    "dns_opt": _list,
    "dns_search": _text_or_list,
    "domainname": _text(),
    "entrypoint": _COMMAND,
    "environment": _variables,
    "extra_hosts": _hosts,
    "group_add": _groups,
    "healthcheck": _mapping(
        ("test", _COMMAND),
        ("interval", _text(DURATION, "for example 2s")),
        ("timeout", _text(DURATION, "for example 2s")),
        ("start_period", _text(DURATION, "for example 20s")),
        ("start_interval", _text(DURATION, "for example 1s")),
        ("retries", _number),
        ("disable", _truth),
    ),
    "hostname": _text(),
    "init": _truth,
    "ipc": _text(),
    "isolation": _text(),
    "logging": _mapping(("driver", _text()), ("options", _mapping(every=_text()))),
    "mem_limit": _size,
    "mem_reservation": _size,
    "mem_swappiness": _number,
    "memswap_limit": lambda fields, key, value: None if str(value) == "-1" else _size(fields, key, value),
    "oom_kill_disable": _truth,
    "oom_score_adj": _number,
    "pid": _text(),
    "pids_limit": _number,
    "platform": _text(),
    "privileged": _truth,
    "read_only": _truth,
    "runtime": _text(),
    "security_opt": _list,
    "shm_size": _size,
    "stdin_open": _truth,
    "stop_signal": _text(),
    "storage_opt": _mapping(every=_text()),
    "sysctls": _mapping_or_list,
    "tmpfs": _text_or_list,
    "tty": _truth,
    "ulimits": _mapping(every=_limit),
    "user": _text(),
    "userns_mode": _text(),
    "uts": _text(),
    "volumes": _volumes,
    "working_dir": _text(),
}
