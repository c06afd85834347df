# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that messages tell people to type, spelled for where they are. No other module knows a command line.

Errors, reports and journals contain one canonical form, `ansible-playbook onehost.release.promote -e apps=a`, made by
`hint`. Before a text is printed it passes through `spell`, which knows where the reader is.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from .verbs import COMMANDS, Command, host_option

Playbook = Literal[
    "backup",
    "check_config",
    "cleanup",
    "deploy_staging",
    "drift",
    "drill",
    "flags",
    "import_env",
    "maintenance",
    "jobs",
    "logs",
    "promote",
    "provision",
    "recover",
    "recover_host",
    "rehearse",
    "restore",
    "rollback",
    "rotate_jwt",
    "scale",
    "run",
    "services",
    "status",
    "verify",
]
T = TypeVar("T")

_RUN = "ansible-playbook"
_COLLECTION = "onehost.release"


#: The playbooks that bring a release live in an environment.
RELEASING: Mapping[str, Playbook] = {"staging": "deploy_staging", "production": "promote"}

#: A value that the shell and `-e` take unquoted, and `<id>`, which the reader fills in. It does not end with
#: punctuation, so a comma or a full stop may follow the command.
_PLAIN = r"[\w./@+,~<>:-]*[\w/@+~>-]"
#: Any other value, within `-e "name='value'"`.
_QUOTED = r"[^'\"$`!\\\n]*"
_OPTION = rf" -e (?:\"\w+='{_QUOTED}'\"|\w+={_PLAIN})"
#: The second form is in records that older engines left on hosts.
_COMMAND = rf"{_RUN} (?:onehost\.release\.(\w+)|playbooks/(\w+)\.yml)((?:{_OPTION})*)( --check)?"
_ON_CONTROL = "on your control machine: "
_ON_HOST = "on the host: "
_ARTIFACTS = "the artifacts of this run hold all that the task returned"
#: A playbook's command; an option alone; the mark of a command that exists on the host only.
#: Compiled on first use, because many runs of the engine spell nothing.
_CANONICAL = (
    rf"(?:{_ON_CONTROL})?{_COMMAND}"
    rf"|(?<=\s)-e (?P<option>\w+)=(?P<value>{_PLAIN})"
    rf"|(?P<on_host>{_ON_HOST}(?=(?:sudo|docker|df|curl|git|journalctl|nginx|rm|systemctl) ))"
)
#: Options that commands on the host take.
_HOST_OPTIONS = frozenset(
    name for command in COMMANDS.values() if command.verb or command.control_verb for name in command.options
)


def has_command(text: str) -> bool:
    """Whether a spelled text holds a command, which has to be shown as it is."""
    return f"{_RUN} " in text or _ON_HOST in text


@dataclass(frozen=True)
class Place:
    """Where the reader of a text is, and so how commands are spelled.

    collection: the collection is installed, its playbooks have full names. clone: they are files in `folder`.
    host: the commands there. control: the host's `onehost-control`, which is what was typed.
    """

    kind: Literal["collection", "clone", "host", "control"] = "collection"
    #: Options that select hosts and give access to them, as -i with its value: the next command needs them too.
    options: tuple[str, ...] = ()
    #: Where the playbooks are, as the reader would type it.
    folder: str = ""
    #: The stack that was named; the next command is about the same one.
    stack: str = ""
    #: Whether the host has `onehost-control`.
    has_control: bool = False


def next_release(environment: str, live: Mapping[str, bool]) -> Playbook:
    """What brings a release live in an environment where there is none: production's comes from staging."""
    return RELEASING[environment] if live.get("staging") else "deploy_staging"


def hint(playbook: Playbook, /, *, check: bool = False, **options: str) -> str:
    """A command in its canonical form. Raises KeyError or ValueError if it does not exist."""
    known = COMMANDS[playbook].options
    for name in options:
        if name not in known:
            raise ValueError(f"{playbook} takes no option {name}")
    return _canonical(playbook, options) + " --check" * check


def verb_hint(verb: str) -> str:
    """A verb of `onehost` that no playbook has."""
    return host_command(f"sudo onehost {verb}")


def host_command(words: str) -> str:
    """A command that exists on the host only, such as one of docker's."""
    return _ON_HOST + words


def option(name: str, value: str) -> str:
    """An option to add to the command that was typed, in its canonical form."""
    if name not in _HOST_OPTIONS:
        raise ValueError(f"no command takes {name}")
    return f"-e {_extra(name, value)}"


def spell(text: str, place: Place) -> str:
    """The text with its commands as they are typed in that place. Commands already spelled are left as they are."""
    return (
        re.sub(_CANONICAL, lambda found: _spelled(found, place), text)
        if _RUN in text or "-e " in text or _ON_HOST in text
        else text
    )


def spell_all(data: T, place: Place) -> T:
    """Data with each text in it spelled; also that of a dataclass, which Ansible's own errors are."""
    found: Any = data
    if isinstance(data, str):
        found = spell(data, place)
    elif isinstance(data, dict):
        found = {key: spell_all(value, place) for key, value in data.items()}
    elif isinstance(found, list):
        found = [spell_all(value, place) for value in found]
    elif isinstance(found, tuple) and not hasattr(found, "_fields"):
        found = tuple(spell_all(value, place) for value in found)
    elif dataclasses.is_dataclass(data) and not isinstance(data, type):
        values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.init}
        spelled_values = {name: spell_all(value, place) for name, value in values.items()}
        found = data if spelled_values == values else dataclasses.replace(data, **spelled_values)
    spelled: T = found
    return spelled


def on_host(text: str, stack: str) -> str:
    """The text for readers who may be anywhere, as on a page or in a chat: with the commands of the host, which the
    text names. Those always work; whether the readers have a clone, and which inventory, is unknown."""
    return spell(text, Place("host", stack=stack))


def how_to_see_all(place: Place, playbooks: Sequence[str]) -> str:
    """How to see everything that a failed task returned. `playbooks` are those of this run, as they were typed."""
    if place.kind == "control":
        return _ARTIFACTS
    return " ".join([_RUN, *place.options, *playbooks, "-v shows all that the task returned"])


def how_to_see_connection(place: Place, host: str) -> str:
    """How to see why a host cannot be reached."""
    if place.kind == "control":
        return _ARTIFACTS
    return " ".join(["ansible", *place.options, host, "-m ansible.builtin.ping -vvv shows why"])


def _spelled(found: re.Match[str], place: Place) -> str:
    is_host = place.kind in ("host", "control")
    if found["on_host"]:
        return "" if is_host else found[0]
    if found["option"]:
        name = found["option"]
        return _host_option(name, found["value"]) if is_host and name in _HOST_OPTIONS else found[0]
    playbook = found[1] or found[2]
    command = COMMANDS.get(playbook)
    if command is None:
        return found[0]
    # The words after -e are name=value, or name='value' if the value contains blanks.
    pairs = [word.partition("=") for word in shlex.split(found[3])[1::2]]
    options = {name: value.strip("'") for name, _sign, value in pairs}
    # The stack was typed: ignore a word that cannot be a stack's name.
    if "stack" in command.options and "stack" not in options and re.fullmatch(_PLAIN, place.stack):
        options = {"stack": place.stack, **options}
    if is_host:
        return _on_host(playbook, command, options, place) + (found[4] or "")
    text = _canonical(playbook, options) + (found[4] or "")
    if place.kind == "clone":
        folder = f"{place.folder.rstrip('/')}/" if place.folder else ""
        text = text.replace(f"{_COLLECTION}.{playbook}", shlex.quote(f"{folder}{playbook}.yml"), 1)
    return " ".join([_RUN, *place.options, text.removeprefix(f"{_RUN} ")])


def _canonical(playbook: str, options: Mapping[str, str]) -> str:
    return f"{_RUN} {_COLLECTION}.{playbook}" + "".join(f" -e {_extra(*item)}" for item in options.items())


def _extra(name: str, value: str) -> str:
    if re.fullmatch(_PLAIN, value):
        return f"{name}={value}"
    if not re.fullmatch(_QUOTED, value):
        raise ValueError(f"a shell would change the value of {name}: {value!r}")
    return f"\"{name}='{value}'\""


def _on_host(playbook: str, command: Command, options: Mapping[str, str], place: Place) -> str:
    if command.verb and place.kind == "host":
        words = ["sudo onehost", command.verb]
    elif command.control_verb and (place.has_control or place.kind == "control"):
        words = ["sudo onehost-control", command.control_verb]
    else:
        return f"{_ON_CONTROL}{_canonical(playbook, options)}"
    if words[0] == "sudo onehost" and playbook == "logs" and "app" in options:
        words.append(options["app"])
        options = {name: value for name, value in options.items() if name != "app"}
    return " ".join(words + [_host_option(name, value) for name, value in options.items()])


def _host_option(name: str, value: str) -> str:
    option = f"--{host_option(name)}"
    if name in ("again", "rebuild", "real"):
        return option
    return f"{option} {value}" if re.fullmatch(_PLAIN, value) else f"{option} '{value}'"
