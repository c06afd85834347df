# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's `compose`: what would be refused in the middle of an operation, or be without effect, is told before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from fakes.stacks import shop_definition

from release.errors import Problem, RefusedError
from release.stack.compose_keys import check_compose
from release.stack.reader import read_stack


def told(text: str) -> list[tuple[str, str, str]]:
    problems: list[Problem] = []
    check_compose(yaml.safe_load(text), "compose", problems)
    return [(p.where, p.what, p.fix) for p in problems]


@pytest.mark.parametrize(
    ("written", "where", "what", "fix"),
    [
        ("{commands: x}", "compose.commands", "is not a key of Compose", "did you mean `command`?"),
        ("{colour: red}", "compose.colour", "is not a key of Compose", "remove it; known are"),
        ("{read_only: 'yes'}", "compose.read_only", "must be true or false", "without quotes"),
        ("{init: 1}", "compose.init", "must be true or false", ""),
        ("{cap_drop: ALL}", "compose.cap_drop", "must be a list", "write `cap_drop: [...]`"),
        ("{command: [sleep, 10]}", "compose.command[1]", "reads this as a number", "write it in quotes"),
        ("{command: {a: b}}", "compose.command", "must be a list", ""),
        ("{user: 1000}", "compose.user", "reads this as a number", "write it in quotes"),
        ("{working_dir: []}", "compose.working_dir", "must be text, not list", ""),
        ("{shm_size: lots}", "compose.shm_size", "is not a size", "64m"),
        ("{mem_limit: true}", "compose.mem_limit", "is not a size", ""),
        ("{pids_limit: many}", "compose.pids_limit", "must be a number", ""),
        ("{oom_score_adj: [1]}", "compose.oom_score_adj", "must be a number", ""),
        ("{cpuset: all}", "compose.cpuset", "is not valid", "0-1"),
        ("{extra_hosts: {db: 192.0.2.7}}", "compose.extra_hosts", "must be a list", "db:192.0.2.7"),
        ("{ulimits: {nofile: {soft: 1, high: 2}}}", "compose.ulimits.nofile.high", "is not a known option", "soft"),
        ("{ulimits: {nofile: lots}}", "compose.ulimits.nofile", "must be a number", ""),
        ("{ulimits: 5}", "compose.ulimits", "must be a mapping, not int", ""),
        ("{logging: {options: {max-size: 10}}}", "compose.logging.options.max-size", "a number", "in quotes"),
        ("{sysctls: {a: true}}", "compose.sysctls.a", "true or false", "in quotes"),
        ("{group_add: [true]}", "compose.group_add[0]", "true or false", "in quotes"),
        ("{healthcheck: {test: [CMD, no]}}", "compose.healthcheck.test[1]", "true or false", "in quotes"),
        ("{healthcheck: {intervals: 2s}}", "compose.healthcheck.intervals", "is not a known option", "interval"),
        ("{healthcheck: {interval: 2}}", "compose.healthcheck.interval", "a number", "in quotes"),
        ("{healthcheck: {timeout: 2 seconds}}", "compose.healthcheck.timeout", "is not valid", "for example 2s"),
        ("{healthcheck: {yes: 1}}", "compose.healthcheck.True", "a name that YAML does not read as text", "quotes"),
        ("{deploy: {replicas: 2}}", "compose.deploy.replicas", "has no effect", "the app's own `replicas`"),
        ("{deploy: {mode: global}}", "compose.deploy.mode", "has no effect", "`memory`, `cpus` and `pids`"),
        ("{deploy: {resources: []}}", "compose.deploy.resources", "must be a mapping", ""),
        ("{deploy: 2}", "compose.deploy", "must be a mapping, not int", ""),
        ("{scale: 2}", "compose.scale", "is not possible", "a second app"),
        ("{networks: [back]}", "compose.networks", "is not possible", "apps of a slot reach each other"),
        ("{depends_on: [db]}", "compose.depends_on", "is not possible", "the app's `after`"),
        ("{secrets: [tok]}", "compose.secrets", "is not possible", "`env_matrix`"),
        ("{configs: [conf]}", "compose.configs", "is not possible", "mount a file of the host"),
        ("{stop_grace_period: 1m}", "compose.stop_grace_period", "set by the platform", "`stop_seconds`"),
        ("{build: .}", "compose.build", "set by the platform", "`build_target`"),
        ("{volumes: data}", "compose.volumes", "must be a list", "/srv/shop-uploads:/data"),
        ("{volumes: [1]}", "compose.volumes[0]", "a number", "in quotes"),
        ("{volumes: ['uploads:/data']}", "compose.volumes[0]", "is a named volume", "`volumes: {uploads: /data}`"),
        ("{volumes: ['./uploads:/data']}", "compose.volumes[0]", "is not an absolute path", "sudo install -d -o"),
        ("{volumes: ['../uploads:/data:ro']}", "compose.volumes[0]", "is not an absolute path", ":/data`"),
        ("{volumes: ['~/uploads:/data']}", "compose.volumes[0]", "is not an absolute path", ""),
        ("{volumes: ['$HOME/uploads:/data']}", "compose.volumes[0]", "is not an absolute path", ""),
        ("{volumes: ['up/loads:/data']}", "compose.volumes[0]", "is not an absolute path", ""),
        ("{volumes: ['/data']}", "compose.volumes[0]", "would begin empty with every release", "`tmpfs: [/data]`"),
        ("{volumes: [{type: volume, target: /d}]}", "compose.volumes[0]", "would begin empty", ""),
        ("{volumes: [{type: bind, source: ./x, target: /d}]}", "compose.volumes[0]", "is not an absolute path", ""),
        ("{volumes: [{type: npipe, source: /x, target: /d}]}", "compose.volumes[0].type", "must be bind or tmpfs", ""),
        ("{volumes: [{type: bind, source: /x}]}", "compose.volumes[0].target", "must be an absolute path", ""),
    ],
)
def test_what_could_not_work_is_told(written: str, where: str, what: str, fix: str) -> None:
    (found, *others) = told(written)
    assert found[0] == where and what in found[1] and fix in found[2] and not others, found


def test_no_advice_deletes_anything() -> None:
    (found,) = told("{volumes: ['./uploads:/data']}")
    assert "cp -a" in found[2] and not any(word in found[2] for word in ("stash", "rm ", "clean", "mv "))


def test_what_works_is_let_through() -> None:
    everything = """
    {command: [sleep, '10'], entrypoint: [], init: true, read_only: true, tmpfs: [/tmp], user: '1000:1000',
     cap_add: [SYS_NICE], group_add: [101, video], ulimits: {nofile: 1024, core: {soft: 0, hard: -1}}, shm_size: 64m,
     mem_limit: 1gb, memswap_limit: -1, pids_limit: -1, cpus: 0.5, cpuset: '0-1', x-mine: [{}],
     environment: {A: 'no'}, logging: {driver: local, options: {max-size: 10m}}, sysctls: {net.core.somaxconn: 1024},
     extra_hosts: ['db:192.0.2.7'], dns: 192.0.2.53, stop_signal: SIGINT, deploy: {resources: {limits: {cpus: '1'}}},
     healthcheck: {test: [CMD, /check], interval: 1m30s, timeout: 500ms, retries: 3, disable: false},
     volumes: ['/srv/a:/a', '/srv/b:/b:ro', {type: bind, source: /srv/c, target: /c}, {type: tmpfs, target: /d}]}
    """
    assert told(everything) == []


def test_what_runs_by_an_earlier_engine_is_still_read() -> None:
    """A release that is live or kept must be found, replaced and gone back to, whatever its definition says."""
    definition = copy.deepcopy(shop_definition())
    definition["apps"]["mail"] |= {"health": "/health", "compose": {"volumes": ["./a:/a"], "deploy": {"replicas": 2}}}
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    assert len(refused.value.problems) == 3
    found: dict[str, Any] = read_stack("shop", definition, stored=True).apps["mail"].compose
    assert found == {"volumes": ["./a:/a"], "deploy": {"replicas": 2}}
