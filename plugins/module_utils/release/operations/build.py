# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning a deploy: build a commit of the stack's repository on the host and bring it live in staging."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..env.env_file import as_recorded, fingerprint
from ..errors import OperationError, Problem, RefusedError
from ..hints import hint
from ..planning import config_findings
from ..planning.deploy import COMMIT_DIGITS, OWN_NAMES, Source, SourceEntry, _tags, choose, names_of
from ..planning.preflight import check_apps, check_config, check_left_behind, selected
from ..planning.source_view import Build, tree_names
from ..planning.submodules import is_below
from ..ports import Host
from ..process.journal import Journal
from ..releases import compose
from ..releases.host_state import HostState
from ..releases.request import Request
from ..releases.runtime import BuildResult
from ..stack.app_env import build_secrets
from ..stack.image_source import ImageSource, of_app
from ..stack.model import Stack
from ..util.lazy import lazy_part
from . import error_pages
from .source_view import Sight, look, paths_of

if TYPE_CHECKING:
    from . import drift
else:
    drift = lazy_part(".drift", __package__)


def find_source(host: Host, stack: Stack, state: HostState, request: Request, journal: Journal) -> Source:
    """Fetch what a deploy is made of, and check everything that can be known before a build. Raises RefusedError with
    all problems."""
    problems = check_apps(stack, request) + check_config(stack, state, request.environment)
    problems += config_findings.problems(stack, state, request.environment)
    problems += check_left_behind(stack, state, request)
    if request.apps and state.live_entry(request.environment) is None:
        problems.append(Problem("the first deploy must include every app", "apps", "leave `apps` out"))
    # Each image once. Names that are no apps are reported above.
    names = dict.fromkeys(stack.apps[name].builder for name in selected(stack, request) if name in stack.apps)
    images = [of_app(stack, stack.apps[name]) for name in names]
    problems += _missing_secrets(stack, images, state, request)
    version = request.version or stack.version
    commit = fetch(host, stack, version, journal, problems)
    source = look_at(host, stack, (version, commit), images, problems)
    if stack.error_pages:
        source = replace(source, pages=error_pages.find(host, stack, commit, problems))
    if stack.drift:
        with journal.step("drift", "compare the source with the inventory"):
            wrong, told = drift.for_deploy(host, stack, state, commit)
        problems += wrong
        source = replace(source, told=told)
    if problems:
        raise RefusedError(problems)
    return replace(source, built=_built(host, stack, state, source))


def fetch(host: Host, stack: Stack, version: str, journal: Journal, problems: list[Problem]) -> str:
    """Fetch, and find the commit of the version. Raises RefusedError, if there is none, with that and all problems that
    are known already."""
    free = host.store.free_bytes() / 1e9
    if free < stack.disk_floor_gb:
        problems.append(
            Problem(
                f"{free:.1f} GB free, the floor is {stack.disk_floor_gb:g} GB",
                "disk",
                f"{hint('cleanup')} names what takes most space",
            )
        )
    trouble = host.git.problem(stack)
    if trouble:
        problems.append(Problem(trouble, stack.directory, f"set `source`, then {hint('provision')}"))
        raise RefusedError(problems)
    with journal.step("fetch", f"fetch {version}"):
        try:
            host.git.fetch(stack)
        except OperationError as error:
            problems.append(Problem(f"{error.what}: {error.cause}", error.where, error.fix))
            raise RefusedError(problems) from error
        commit, unclear = choose(version, host.git.resolve(stack, names_of(version)))
    if unclear:
        problems.append(unclear)
        raise RefusedError(problems)
    return commit


def look_at(
    host: Host, stack: Stack, chosen: tuple[str, str], images: Sequence[ImageSource], problems: list[Problem]
) -> Source:
    """What the chosen version, with its commit, has for these images. Adds a problem for each that cannot be built."""
    version, commit = chosen
    sight = look(host, stack, commit, images)
    sources = {image.name: source_of(stack, image, commit, sight, problems) for image in images}
    return Source(commit, version, sources, {image.name: image for image in images}, ignores=dict(sight.ignores))


def _built(host: Host, stack: Stack, state: HostState, source: Source) -> dict[str, str]:
    """Images of the history that were built from these sources. An earlier engine labelled them with the first digits,
    for which another source may be made: what its commit has in the folder decides, which git knows by whole hashes."""
    found: dict[str, str] = {}
    for entry in reversed(state.entries):
        release = entry.release
        for name, wanted in source.sources.items():
            recorded, image = release.sources.get(name, ""), release.images.get(name, "")
            if name in found or image not in state.images:
                continue
            commit = release.commits.get(name) or release.commit
            if recorded == wanted or (
                as_recorded(recorded, wanted) == recorded
                and _source_at(host, stack, source.images[name], commit) == wanted
            ):
                found[name] = image
    return found


def _source_at(host: Host, stack: Stack, image: ImageSource, commit: str) -> str:
    """The fingerprint of an image's source in an earlier commit; empty if the repository no longer has that."""
    try:
        return source_of(stack, image, commit, look(host, stack, commit, [image]), [])
    except OperationError:
        return ""


def _missing_secrets(stack: Stack, images: Iterable[ImageSource], state: HostState, request: Request) -> list[Problem]:
    known = build_secrets(stack, request.environment, state.env_of(request.environment))
    missing = {name: image.name for image in images for name in image.secrets if name not in known}
    return [
        Problem(
            f"build secret {name} has no value in {request.environment}",
            f"app {app}",
            f"add it, then {hint('provision')}",
        )
        for name, app in missing.items()
    ]


def _repository(entries: Mapping[str, SourceEntry], path: str) -> str:
    """The submodule that a path is or lies in, if any."""
    return next((place for place in entries if entries[place].kind == "commit" and is_below(path, place)), "")


def source_of(stack: Stack, image: ImageSource, commit: str, sight: Sight, problems: list[Problem]) -> str:
    """A fingerprint of everything an image is built from. Adds a problem and returns "" if it cannot be built."""
    folder, dockerfile = paths_of(image)
    where, entries = f"app {image.name}", sight.entries
    # The folder may be in another repository; which commit of that decides, and what it holds is seen later.
    other = _repository(entries, folder)
    found = entries.get(other or folder)
    if found is None or found.kind not in ("tree", "commit"):
        what = "does not exist" if found is None else "is no folder"
        where_to = f"in commit {commit[:COMMIT_DIGITS]}"
        problems.append(Problem(f"folder {folder} {what} {where_to}", where, "correct `context`"))
        return ""
    if dockerfile not in entries and not _repository(entries, dockerfile):
        problems.append(
            Problem(
                f"{dockerfile} does not exist in commit {commit[:COMMIT_DIGITS]}",
                where,
                "add it, or correct `dockerfile`",
            )
        )
    tree: Any = f"{found.number}:{folder[len(other) :]}" if other else found.number
    if image.name in sight.visible:
        # Part of the folder is ignored. The Dockerfile may be too, and counts all the same.
        tree = [sight.visible[image.name], entries[dockerfile].number if dockerfile in entries else ""]
    # The names count too, because they are labels of the image.
    return fingerprint(json.dumps([stack.name, image.name, tree, image.settings], sort_keys=True))


def find_images(host: Host, stack: Stack, request: Request, source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """For each app, the image already built from the same source, if any, and the tag for this commit.

    A commit's tag never moves. The same commit with other build settings, or rebuilt, gets a tag of its own.
    """
    images, tags = {}, {}
    for name, wanted in source.sources.items():
        known = None if request.rebuild else host.docker.image_with_label(f"{compose.LABEL}.source", wanted)
        if known is None and not request.rebuild and name in source.built:
            known = host.docker.image(source.built[name])
        if known:
            images[name] = known.id
        for tag in _tags(source.commit[:COMMIT_DIGITS], wanted[:6]):
            taken = host.docker.image(stack.image(name, tag))
            if taken is None or (known and taken.id == known.id):
                tags[name] = tag
                break
    return images, tags


def build(
    host: Host,
    stack: Stack,
    request: Request,
    source: Source,
    journal: Journal,
    *,
    env: Mapping[str, bytes],
    begins: Callable[[], None],
) -> tuple[dict[str, str], list[BuildResult]]:
    """Return the image IDs by name, built or reused. `env` has the secrets of builds; `begins` is called before
    the first build.

    Raises OperationError that names every app that could not be built.
    """
    images, tags = find_images(host, stack, request, source)
    for name, known in images.items():
        journal.note(f"{name}: source unchanged, image {known.removeprefix('sha256:')[:12]} is used again")
        if host.docker.image(stack.image(name, tags[name])) is None:
            host.docker.tag(known, name, tags[name])
    missing = [name for name in source.sources if name not in images]
    results: list[BuildResult] = []
    if missing:
        begins()
        wanted = [source.images[name] for name in missing]
        secrets = build_secrets(stack, request.environment, env)
        builds = [Build(image.context, image.dockerfile, source.ignores.get(image.name, ())) for image in wanted]
        with host.git.lay_out(stack, source.commit, builds) as home:
            trees = {name: f"{home}/{tree}" for name, tree in zip(missing, tree_names(builds), strict=True)}
            file = compose.build_file(stack, wanted, source.sources, tags, home, trees)
            theirs = {name for image in wanted for name in image.secrets}
            path = host.store.write_build(
                home, file, {name: value for name, value in secrets.items() if name in theirs}
            )
            results = host.docker.build(path, missing, request.rebuild, journal.note)
        failed = [result for result in results if not result.ok]
        if failed:
            raise _build_failure(failed, source)
    for name in missing:
        image = host.docker.image(stack.image(name, tags[name]))
        if image is None:
            raise OperationError("the build produced no image", f"app {name}", stack.image(name, tags[name]))
        images[name] = image.id
    return images, results


def show(host: Host, stack: Stack, source: Source, journal: Journal) -> None:
    """Bring the checkout for people, if there is to be one, to what was built."""
    if stack.checkout and (why := host.git.show(stack, source.commit, OWN_NAMES)):
        journal.note(f"the checkout for people stays as it was: {why}")


#: What BuildKit says of a base image that it cannot fetch.
_UNFETCHED = re.compile(
    r"resolve source metadata|failed to do request|no such host|pull access denied|manifest unknown"
)
BASE_IMAGE_FIX = (
    "the base image cannot be fetched: check its name, the registry and the network; without `rebuild=true` one that "
    "is on the host is used"
)


#: How BuildKit begins a step: `[web 2/3] RUN false`, with the stage's name if there are several.
_PLACE = re.compile(r"\[(?:\S+ +)?(\d+)/(\d+)\] +")


def _build_failure(failed: list[BuildResult], source: Source) -> OperationError:
    log: list[str] = []
    for result in failed:
        log += [f"--- {result.app}: {result.step or 'before the first step'}", *result.log]
    first = failed[0]
    names = ", ".join(result.app for result in failed)
    # Its place, not its text, which is not ours and may hold what a chat must not get.
    place = re.match(_PLACE, first.step)
    return OperationError(
        f"{names} could not be built" + (f", at step {place[1]} of {place[2]}" if place else ""),
        f"{source.images[first.app].context}/{source.images[first.app].dockerfile}",
        f"{re.sub(_PLACE, '', first.step)} failed" if first.step else first.error or "it failed before the first step",
        BASE_IMAGE_FIX
        if _UNFETCHED.search(first.error)
        else "fix the Dockerfile or the source, push, and deploy again",
        log=log,
    )
