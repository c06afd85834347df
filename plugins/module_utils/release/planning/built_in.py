# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an image may go live in an environment, judged by what it holds of another's own."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..env.matrix import Key
from ..errors import Problem
from .gates import Gate

FIX = (
    "read it when the app starts, not in the build: see docs/run-time-settings.md; where it is meant to be there, say "
    "so in `built_in` of the key"
)
#: Of the files that hold one value, how many are named.
NAMED = 3


class Held(NamedTuple):
    """An environment's own value in an image: the key, whose it is, and where it is."""

    key: str
    environment: str
    where: str


def foreign(
    held: Mapping[str, Sequence[Held]], images: Mapping[str, str], matrix: Mapping[str, Key], environment: str
) -> list[str]:
    """What the images of these apps hold of another environment's than this, one text for each app and key."""
    return _told(held, images, matrix, lambda owner: owner != environment)


def own(
    held: Mapping[str, Sequence[Held]], images: Mapping[str, str], matrix: Mapping[str, Key], environment: str
) -> list[str]:
    """What they hold of this environment's own."""
    return _told(held, images, matrix, lambda owner: owner == environment)


def problems(texts: Iterable[str]) -> list[Problem]:
    return [Problem(text, "an image that was built", FIX) for text in texts]


def gate(texts: Sequence[str], images: int, skip: Sequence[str]) -> Gate:
    evidence = "; ".join(texts) or f"no value of staging's own in {images} images"
    return Gate("built_in_values", not texts, evidence, FIX, bool(texts) and "built_in_values" in skip)


def is_allowed(key: Key | None, where: str) -> bool:
    """Whether the matrix says that a value may be in this place of an image."""
    rules = key.built_in if key else ()
    return any(fnmatch.fnmatchcase(where.lstrip("/"), pattern.lstrip("/")) for pattern, _reason in rules)


def _told(
    held: Mapping[str, Sequence[Held]],
    images: Mapping[str, str],
    matrix: Mapping[str, Key],
    concerns: Callable[[str], bool],
) -> list[str]:
    texts = []
    apps: dict[str, list[str]] = {}
    for app, image in images.items():
        apps.setdefault(image, []).append(app)
    for image, names in apps.items():
        places: dict[tuple[str, str], list[str]] = {}
        for one in held.get(image, ()):
            if concerns(one.environment) and not is_allowed(matrix.get(one.key), one.where):
                places.setdefault((one.key, one.environment), []).append(one.where)
        for (key, owner), found in places.items():
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            texts.append(f"{', '.join(names)} holds {key} of {owner} in {', '.join(found[:NAMED])}{more}")
    return texts
