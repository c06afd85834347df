# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning a deploy: build a commit of the stack's repository on the host and bring it live in staging."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable

from ..env.env_file import fingerprint
from ..errors import OperationError, Problem, RefusedError
from ..hints import hint, host_command
from ..planning import config_findings
from ..planning.deploy import COMMIT_DIGITS, RESERVED, Source, _tags, leaves_out
from ..planning.preflight import check_apps, check_config, selected
from ..ports import Host
from ..process.journal import Journal
from ..releases import compose
from ..releases.host_state import HostState
from ..releases.request import Request
from ..releases.runtime import BuildResult
from ..stack.model import App, Stack


def find_source(host: Host, stack: Stack, state: HostState, request: Request, journal: Journal) -> Source:
    """Fetch, and check everything that can be known before a build. Raises RefusedError with all problems."""
    version = request.version or stack.version
    problems = check_apps(stack, request) + check_config(stack, state, request.environment)
    problems += config_findings.problems(stack, state, request.environment)
    if request.apps and state.live_entry(request.environment) is None:
        problems.append(Problem("the first deploy must include every app", "apps", "leave `apps` out"))
    free = state.free_bytes / 1e9
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
    changes = host.git.local_changes(stack)
    if changes:
        problems.append(
            Problem(
                "the checkout has local changes: " + ", ".join(change.strip() for change in changes[:20]),
                stack.directory,
                f"commit them elsewhere, or {host_command(f'git -C {stack.directory} stash --include-untracked')}",
            )
        )
    with journal.step("fetch", f"fetch {version}"):
        try:
            host.git.fetch(stack)
        except OperationError as error:
            problems.append(
                Problem(f"the repository cannot be fetched: {error.cause}", stack.source or stack.directory, error.fix)
            )
            raise RefusedError(problems) from error
        commit = host.git.resolve(stack, version)
    if commit is None:
        problems.append(
            Problem(
                f"version {version!r} is not a branch, tag or commit of the repository",
                stack.source or "origin",
                host_command(f"git -C {stack.directory} ls-remote origin"),
            )
        )
        raise RefusedError(problems)
    problems += [
        Problem(
            "is tracked in the repository, but the platform keeps its own file there",
            path,
            f"remove it from the repository, for example: git rm -r --cached {path}",
        )
        for path in host.git.tracked(stack, commit, RESERVED)[:10]
    ]
    sources = {}
    for name in selected(stack, request):
        if name not in stack.apps:
            continue  # already reported above
        app = stack.apps[name]
        fingerprint_of_app = source_of(host, stack, app, commit, problems)
        if fingerprint_of_app:
            sources[name] = fingerprint_of_app
    if problems:
        raise RefusedError(problems)
    return Source(commit, version, sources)


def source_of(host: Host, stack: Stack, app: App, commit: str, problems: list[Problem]) -> str:
    """A fingerprint of everything an app's image is built from. Adds a problem and returns "" if it cannot be built."""
    tree = host.git.tree(stack, commit, app.context)
    where = f"app {app.name}"
    if tree is None:
        problems.append(
            Problem(
                f"folder {app.context} does not exist in commit {commit[:COMMIT_DIGITS]}", where, "correct `context`"
            )
        )
        return ""
    dockerfile = app.dockerfile if app.context == "." else f"{app.context.rstrip('/')}/{app.dockerfile}"
    if host.git.tree(stack, commit, dockerfile) is None:
        problems.append(
            Problem(
                f"{dockerfile} does not exist in commit {commit[:COMMIT_DIGITS]}",
                where,
                "add it, or correct `dockerfile`",
            )
        )
    if posixpath.normpath(app.context) == ".":
        # BuildKit uses the ignore file that belongs to the Dockerfile, if there is one.
        own = f"{app.dockerfile}.dockerignore"
        name = own if host.git.tree(stack, commit, own) is not None else ".dockerignore"
        missing = [
            folder for folder in ("config", "releases") if not leaves_out(host.git.read(stack, commit, name), folder)
        ]
        if missing:
            folders = " and ".join(f"{folder}/" for folder in missing)
            what = f"is built from the whole checkout, which holds secrets in {folders}"
            problems.append(Problem(what, where, f"add a line for {folders} to {name}"))
    # The names count too, because they are labels of the image.
    return fingerprint(json.dumps([stack.name, app.name, tree, compose.build_settings(stack, app)], sort_keys=True))


def find_images(host: Host, stack: Stack, request: Request, source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """For each app, the image already built from the same source, if any, and the tag for this commit.

    A commit's tag never moves. The same commit with other build settings, or rebuilt, gets a tag of its own.
    """
    images, tags = {}, {}
    for name, wanted in source.sources.items():
        known = None if request.rebuild else host.docker.image_with_label(f"{compose.LABEL}.source", wanted)
        if known:
            images[name] = known.id
        for tag in _tags(source.commit[:COMMIT_DIGITS], wanted[:6]):
            taken = host.docker.image(stack.image(name, tag))
            if taken is None or (known and taken.id == known.id):
                tags[name] = tag
                break
    return images, tags


def build(
    host: Host, stack: Stack, request: Request, source: Source, journal: Journal, begins: Callable[[], None]
) -> tuple[dict[str, str], list[BuildResult]]:
    """Return the image IDs of the apps, built or reused. `begins` is called before the first build.

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
        host.git.checkout(stack, source.commit)
        wanted_sources = {name: source.sources[name] for name in missing}
        path = host.store.write_build(stack, compose.build_file(stack, wanted_sources, tags))
        results = host.docker.build(path, missing, request.rebuild, journal.note)
        failed = [result for result in results if not result.ok]
        if failed:
            raise _build_failure(failed, stack)
    for name in missing:
        image = host.docker.image(stack.image(name, tags[name]))
        if image is None:
            raise OperationError("the build produced no image", f"app {name}", stack.image(name, tags[name]))
        images[name] = image.id
    return images, results


def _build_failure(failed: list[BuildResult], stack: Stack) -> OperationError:
    log: list[str] = []
    for result in failed:
        log += [f"--- {result.app}: {result.step or 'before the first step'}", *result.log]
    first = failed[0]
    names = ", ".join(result.app for result in failed)
    return OperationError(
        f"{names} could not be built",
        f"{stack.apps[first.app].context}/{stack.apps[first.app].dockerfile}",
        f"step {first.step or 'unknown'} failed",
        "fix the Dockerfile or the source, push, and deploy again",
        log=log,
    )
