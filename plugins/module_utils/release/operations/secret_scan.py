# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What images are searched for: the values of secrets, and what an environment has of its own.

A searched image is recorded with a keyed fingerprint of what was searched for, and so is each of its layers. So each is
searched once, and again only when a value has changed. With it is kept which environments' own values it holds, as
names and places.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..env.env_file import parse_env
from ..env.own_values import OwnValue, own_values
from ..env.secret_forms import base64_forms, forms
from ..planning.built_in import Held
from ..ports import Host
from ..releases.host_state import HostState
from ..stack.app_env import build_secrets, values_of
from ..stack.model import ENVIRONMENTS, Stack
from .image_search import Forms, Place, Wanted, search

#: Shorter values match by chance everywhere.
SHORTEST = 8

#: What a layer is recorded by, before its digest. Images go by their digests alone.
LAYER = "layer "

FIX = "take it out of the build (ARG, COPY; see build_secrets), replace the secret where it is issued, and deploy again"


@dataclass
class Result:
    """Secrets that were found, and by image what is an environment's own."""

    leaked: list[str] = field(default_factory=list)
    held: dict[str, list[Held]] = field(default_factory=dict)
    #: Whether there was anything of the second kind to search for.
    own: bool = False


def encodings(secrets: Mapping[str, str]) -> dict[bytes, Wanted]:
    """The forms of secrets to search for."""
    result: dict[bytes, Wanted] = {}
    for name, value in secrets.items():
        if len(value.encode()) < SHORTEST:
            continue
        for form in forms(value):
            result.setdefault(form, Wanted(name))
    return result


def own_encodings(own: Iterable[OwnValue]) -> dict[bytes, Wanted]:
    """The forms of what environments have of their own."""
    values = list(own)
    texts = sorted({form for one in values for form in _texts(one.value)}, key=len)
    result: dict[bytes, Wanted] = {}
    for one in values:
        for form in _texts(one.value):
            within = tuple(
                (text, found.start())
                for text in texts
                if len(text) > len(form)
                for found in re.finditer(re.escape(form), text)
            )
            result.setdefault(form, Wanted(one.key, one.environment, _guard(form, is_url=one.is_url), within))
        # In base64 nobody sees where a name ends, so only what begins like no other, and is a part of no other.
        if one.is_url and not any(one.value.encode() in text and len(text) > len(one.value) for text in texts):
            for form in base64_forms(one.value.encode()):
                result.setdefault(form, Wanted(one.key, one.environment))
    return result


def _texts(value: str) -> list[bytes]:
    """As programs write it: raw, URL-encoded, and within JSON, where pages escape slashes too."""
    written = forms(value)[:5]
    slashes = [value.replace("/", other).encode(errors="surrogateescape") for other in ("\\/", "\\u002F", "\\u002f")]
    return list(dict.fromkeys([*written, *slashes]))


def _guard(form: bytes, *, is_url: bool) -> re.Pattern[bytes]:
    """The form where no longer name, port or number is meant. Programs write a line break as a backslash and `n`."""
    before = rb"" if is_url else rb"(?:(?<![\w.-])|(?<=\\[nrt]))"
    return re.compile(before + re.escape(form) + rb"(?![\w-]|\.\w|:\d|%3[Aa]\d)")


def fingerprint(salt: str, wanted: Forms) -> str:
    # By whose name an own value is told is recorded too, so another name is another search.
    known = sorted(
        form + f"\0{one.name}\0{one.environment}".encode() * bool(one.environment) for form, one in wanted.items()
    )
    return hmac.new(salt.encode(), b"\0".join(known), hashlib.sha256).hexdigest()[:32]


def search_new(host: Host, stack: Stack, state: HostState, images: Iterable[str]) -> Result:
    """Search the images that were not yet searched for today's values, and record those without secrets."""
    own = own_encodings(_own(stack, state))
    wanted = {**own, **encodings(_secrets(stack, state))}
    if not wanted:
        return Result()
    asked = sorted(set(images))
    salt = str(state.secret_record.get("salt", ""))
    known = host.store.searched(stack)
    mark = fingerprint(salt, wanted)
    new = [image for image in asked if not salt or known.get(image, "").partition(" ")[0] != mark]
    found = search(host.docker, new, wanted, _known_layers(known, mark))
    leaked = [str(place) for places in found.places.values() for place in places if not place.wanted.environment]
    result = Result([*dict.fromkeys(leaked), *found.unreadable], own=bool(own))
    rows = {image: _recorded(known.get(image, "")) for image in asked if image not in new}
    rows |= {image: _held(found.places.get(image, [])) for image in new}
    result.held = {image: held for image, held in rows.items() if held}
    if new and salt and not result.leaked:
        told = {LAYER + digest: _record(mark, _held(places)) for digest, places in found.layers.items()}
        told |= {image: _record(mark, rows[image]) for image in new}
        # The list is kept from its end: what images share stays in it as long as it is met again.
        host.store.set_searched(stack, {**{key: text for key, text in known.items() if key not in told}, **told})
    return result


def _held(places: Iterable[Place]) -> list[Held]:
    return [Held(one.wanted.name, one.wanted.environment, one.where) for one in places if one.wanted.environment]


def _known_layers(known: Mapping[str, str], mark: str) -> dict[str, list[Place]]:
    """What was found in layers that were searched for the same before. None has a secret, or it would not be known."""
    return {
        key.removeprefix(LAYER): [Place(Wanted(held.key, held.environment), held.where) for held in _recorded(text)]
        for key, text in known.items()
        if key.startswith(LAYER) and text.partition(" ")[0] == mark
    }


def _secrets(stack: Stack, state: HostState) -> dict[str, str]:
    """Those of the matrix, or where there is none, those that the stack lists."""
    secrets: dict[str, str] = {}
    for environment in ENVIRONMENTS if stack.secrets else ():
        for app in stack.apps:
            for name, value in values_of(stack, app, environment, state.env_of(environment)).items():
                if name in stack.secrets:
                    secrets[f"{name} ({environment})"] = value
        for name, value in build_secrets(stack, environment, state.env_of(environment)).items():
            secrets[f"{name} ({environment})"] = value
    return secrets


def _own(stack: Stack, state: HostState) -> list[OwnValue]:
    if not any(key.distinct != "none" and not key.is_secret for key in stack.env_matrix.values()):
        return []
    files = {layer: data for environment in ENVIRONMENTS for layer, data in state.env_of(environment).items()}
    return own_values(stack.env_matrix, {layer: parse_env(data) for layer, data in files.items()}, ENVIRONMENTS)


def _record(mark: str, held: list[Held]) -> str:
    return f"{mark} {json.dumps(held)}" if held else mark


def _recorded(text: str) -> list[Held]:
    """What a search has found then; the mark before it was looked at already."""
    rows = json.loads(text.partition(" ")[2] or "[]")
    return [Held(*map(str, row)) for row in rows]
