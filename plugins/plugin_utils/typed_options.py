# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Options are variables, so Ansible takes any word after -e: one that is mistyped would be ignored without a word, and
# the default be done instead. Only names near to an option are refused; all others are the users' own.
import difflib
import functools
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.onehost.release.plugins.module_utils.release.util.fields import no_text
from ansible_collections.onehost.release.plugins.module_utils.release.verbs import COMMANDS
from ansible_collections.onehost.release.plugins.plugin_utils.place import PLAYBOOKS, typed_playbooks

#: The playbook of each action; the name is the same for the others.
PLAYBOOK_OF = {"deploy": "deploy_staging", "flag": "flags"}
#: Options that no hint needs.
_MORE: Mapping[str, tuple[str, ...]] = {
    "backup": ("environment",),
    "check_config": ("json", "junit", "environment"),
    "drift": ("json", "baseline"),
    "drill": ("json", "junit", "environment"),
    "flags": ("environment",),
    "jobs": ("environment",),
    "maintenance": ("environment", "until"),
    "logs": ("environment",),
    "rehearse": ("json",),
    "scale": ("environment",),
    "restore": ("environment",),
    "run": ("environment",),
    "services": ("environment",),
    "verify": ("json", "junit", "modules", "targets", "environment"),
}
#: Names that are taken, and those that are told: Ansible warns of a variable with a name of its own.
_OTHER_NAMES = {"environment": "where", "until": "ends"}
#: Of every playbook: they are often set for all of them, and have no effect on some.
_EVERYWHERE = ("release_person", "release_watch_seconds", "release_warm_seconds")
_OPERATIONS = ("deploy_staging", "promote", "rollback")
#: Options whose values are names or sentences: YAML or JSON after -e may have made 1.10 a number.
_TEXTS = frozenset(
    (
        *("stack", "apps", "version", "release", "reason", "flag", "release_person", "skip_gates", "ends", "until"),
        *("app", "route", "run", "suspend", "resume", "history", "since", "grep", "database", "confirm", "kind"),
        *("at", "point", "into", "drop"),
    )
)
_NEAR = 0.82
#: Prefixes of variables that the collection reads, and nobody else.
_OURS = ("onehost_", *(f"{role}_" for role in sorted(os.listdir(os.path.join(os.path.dirname(PLAYBOOKS), "roles")))))
_OWN_NAMES = r"onehost_(stack_\w+|stacks|harden|control_node|output)"


def problem_with(name: str, variables: Mapping[str, Any], loader: DataLoader) -> str:
    """What is wrong with the options that were typed for an action or a playbook of the collection; or nothing."""
    given: Mapping[str, Any] = load_extra_vars(loader)
    if lost := variables.get("_raw_params"):
        # Ansible parses `-e reason=approved by QA` into reason=approved and this rest.
        return (
            f"refused, nothing was changed: -e: {lost!r} belongs to no option. "
            "Fix: put a value with spaces in quotes of its own: -e \"reason='approved by QA'\""
        )
    playbook = typed_playbook() or PLAYBOOK_OF.get(name, name)
    for option, value in given.items():
        if fix := wrong_name(playbook, str(option)):
            return f"refused, nothing was changed: -e {option}=…: no option of {playbook}. Fix: {fix}"
        if option in _TEXTS and not isinstance(value, (str, list)) and (why := no_text(value)):
            return (
                f"refused, nothing was changed: -e {option}: {why}. Fix: write it in quotes, or as -e {option}=<text>"
            )
    return problem_with_tags(playbook)


def typed_playbook() -> str:
    """The playbook of the collection that was typed, if it was one: provisioning calls actions of others."""
    names = (os.path.basename(name).removesuffix(".yml").rpartition(".")[2] for name in typed_playbooks())
    return next((name for name in names if name in COMMANDS), "")


def problem_with_tags(playbook: str) -> str:
    """Tags that no task of the playbook has would leave nothing to do, or nothing out."""
    known = tags_of(playbook)
    left_out = _tags("skip_tags")
    for option, asked in (("tags", _tags("tags")), ("skip-tags", left_out)):
        if known and (unknown := sorted(asked - known)):
            near = difflib.get_close_matches(unknown[0], known, 1, _NEAR)
            fix = f"--{option} {near[0]}" if near else "choose from " + ", ".join(sorted(known))
            what = f"--{option} {','.join(unknown)} matches no task of {playbook}"
            return f"refused, nothing was changed: {what}. Fix: {fix}"
    # The router's tasks find what the live releases need, and these two would close it.
    needing = ({"edge", "firewall"} & (_tags("tags") or known)) - left_out
    if playbook == "provision" and "router" in left_out and needing:
        what = f"{' and '.join(sorted(needing))} would not know by which ports the live releases answer"
        fix = f"--skip-tags {','.join(sorted(left_out | needing))}"
        return f"refused, nothing was changed: --skip-tags router: {what}. Fix: {fix}"
    return ""


def _tags(option: str) -> set[str]:
    named = {str(tag) for tag in context.CLIARGS.get(option) or ()}
    return named - {"all", "always", "never", "tagged", "untagged"}


def wrong_name(playbook: str, name: str) -> str:
    """How to mend a name that is probably a typing mistake; empty if it is an option or the user's own."""
    known = (*COMMANDS[playbook].options, *_MORE.get(playbook, ()), *_EVERYWHERE)
    if name in known:
        return ""
    if playbook in _OPERATIONS and any(name in COMMANDS[other].options for other in _OPERATIONS):
        return "leave it out; the options are " + ", ".join(known)
    if near := _nearest(name, known):
        return f"did you mean -e {_OTHER_NAMES.get(near, near)}=…?"
    if not name.startswith(_OURS) or re.fullmatch(_OWN_NAMES, name) or name in role_variables():
        return ""
    near = _nearest(name, {"onehost_harden", "onehost_control_node", *role_variables()})
    return f"did you mean -e {near}=…?" if near else ""


def _nearest(name: str, known: Collection[str]) -> str:
    plain = name.lower().replace("-", "_")
    close = difflib.get_close_matches(plain, known, 1, _NEAR)
    return close[0] if close else next((other for other in known if _is_one_slip(plain, other)), "")


def _is_one_slip(typed: str, meant: str) -> bool:
    """Whether one letter is wrong, missing or too much, or two are swapped."""
    start = _same(typed, meant)
    end = _same(typed[start:][::-1], meant[start:][::-1])
    rest, wanted = typed[start : len(typed) - end], meant[start : len(meant) - end]
    return max(len(rest), len(wanted)) <= 1 or (len(rest) == 2 and rest == wanted[::-1])


def _same(one: str, other: str) -> int:
    """How many letters are the same at the beginning."""
    length = 0
    while one[length : length + 1] and one[length] == other[length : length + 1]:
        length += 1
    return length


@functools.cache
def role_variables() -> frozenset[str]:
    """The variables of all roles of the collection, by their specifications."""
    roles, found = os.path.join(os.path.dirname(PLAYBOOKS), "roles"), set()
    for role in os.listdir(roles):
        with open(os.path.join(roles, role, "meta", "argument_specs.yml"), encoding="utf-8") as file:
            found.update(*(entry.get("options", {}) for entry in yaml.safe_load(file)["argument_specs"].values()))
    return frozenset(found)


@functools.cache
def tags_of(playbook: str) -> frozenset[str]:
    """The tags that a playbook of the collection gives its tasks."""
    with open(os.path.join(PLAYBOOKS, f"{playbook}.yml"), encoding="utf-8") as file:
        tasks = [task for play in yaml.safe_load(file) for task in play.get("tasks", [])]
    return frozenset(tag for task in tasks for tag in task.get("tags", [])) - {"always"}
