# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one operation in one process: lock, recover, observe, plan, carry out or revert, report."""

from __future__ import annotations

import datetime
import os
import socket
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from ..env import secret_ages
from ..env.secret_forms import Redactor
from ..errors import InterruptedOperationError, NothingToDoError, OperationError, Problem, RefusedError
from ..hints import hint, host_command
from ..planning import built_in, canonical, deploy, gates, promote, rollback
from ..ports import Host
from ..process import journal, lock
from ..releases.history import find, rollback_target
from ..releases.host_state import HostState
from ..releases.plan import Plan
from ..releases.release import next_timestamp
from ..releases.report import OperationReport, ProbesRow, problem_row
from ..releases.request import Request, check_request
from ..releases.runtime import ProbeCounts
from ..releases.slot import day_of, stack_of
from ..rendering import notifications
from ..stack.model import Stack
from ..util.lazy import lazy_part
from . import (
    app_health,
    availability,
    build,
    database_gate,
    disk_floor,
    endpoints_gate,
    maintenance_state,
    obstacles,
    outcome,
    pattern_scan,
    recover,
    redaction,
    release_jobs,
    schemas,
    secret_scan,
    services,
    witnesses,
)
from .observe import observe
from .rollout import Rollout

if TYPE_CHECKING:
    from . import backup_ages, migration_gate, restored_rollback
else:
    restored_rollback = lazy_part(".restored_rollback", __package__)
    backup_ages = lazy_part(".backup_ages", __package__)
    migration_gate = lazy_part(".migration_gate", __package__)


def run(
    host: Host,
    stack: Stack,
    request: Request,
    *,
    check: bool = False,
    journal_path: str = "",
    redact: Redactor | None = None,
) -> OperationReport:
    """Carry out one request. Expected failures are not raised; they are in the report. `redact` learns the secrets."""
    if request.operation == "rollback" and request.database == "restore":
        return restored_rollback.run(host, stack, request, check=check, journal_path=journal_path, redact=redact)
    return run_alone(host, stack, request, check=check, journal_path=journal_path, redact=redact)


def run_alone(
    host: Host,
    stack: Stack,
    request: Request,
    *,
    check: bool = False,
    journal_path: str = "",
    redact: Redactor | None = None,
) -> OperationReport:
    """The same, where no other operation belongs to it."""
    begun = host.clock.monotonic()
    path = journal_path or new_journal_path(host, stack, request)
    report = OperationReport(request.operation, stack.name, request.environment)
    redact = redact or Redactor()
    try:
        check_request(request)
        redaction.learn_all(redact, host, stack)
        # It stands in the lock, the journal, the history, notifications, on the page.
        request = replace(request, reason=redact(request.reason))
        if check:
            _plan_and_go(host, stack, request, report, "", redact)
        else:
            who = lock.this_process(request.operation, request.person, request.host, host.clock.now(), request.reason)
            with lock.hold(lock.lock_path(stack.name, request.environment, host.paths.locks), who, request.lock_wait):
                if request.operation == "deploy":
                    # A deploy builds, which takes a while. Short operations appear on the page when they are done.
                    host.page.renew(stack.name)
                _plan_and_go(host, stack, request, report, path, redact)
    except NothingToDoError as nothing:
        report.message = str(nothing)
    except RefusedError as refused:
        report.failed = True
        report.message = "refused, nothing was changed"
        report.problems = [problem_row(problem) for problem in refused.problems]
    except OperationError as error:
        report.failed = True
        report.message = report.message or f"{error.what}: {error.cause}"
        report.problems = [{"what": f"{error.what}: {error.cause}", "where": error.where, "fix": error.fix}]
        report.log, report.fix = error.log, error.fix
    except OSError as error:
        report.failed = True
        report.message = f"{type(error).__name__}: {error}"
        where = f"{stack.name} {request.environment}"
        report.problems = [{"what": report.message, "where": where, "fix": host_command("df -h")}]
    _tell_of_full_disk(host, stack, report)
    redaction.redact_report(report, redact)
    report.seconds = round(host.clock.monotonic() - begun, 2)
    if not check:
        host.page.renew(stack.name)
        report.after = outcome.gather(host, stack)
        if report.announced or report.failed:
            # The lock is free by now, and each target has a process of its own: nobody waits for them.
            told = notifications.end(request, report.to_json(), socket.gethostname(), host.clock.now())
            host.notifier.notify(told)
    return report


def _tell_of_full_disk(host: Host, stack: Stack, report: OperationReport) -> None:
    """Whether Docker or the engine found the disk full, the fix is the same and needs no free byte."""
    for problem in report.problems:
        if "no space left on device" in problem["what"].lower():
            free = host.store.free_bytes() / 1e6
            problem["what"] += f" ({free:.1f} MB free)"
            problem["fix"] = report.fix = hint("cleanup")


def _plan_and_go(
    host: Host, stack: Stack, request: Request, report: OperationReport, path: str, redact: Redactor
) -> None:
    check = not path
    witnesses.check_router(host)
    left = journal.unfinished(stack.name, request.environment, host.paths.state)
    if not check:
        report.recovered = [recover.recover(host, stack, record) for record in left]
        report.recovered += witnesses.mend(host, stack, request.environment)
        left = []
    if request.operation == "promote":
        left += _staging_leftovers(host, stack, request, report, check)
    # Whatever is damaged still; none of it is a reason to stop.
    report.recovered += [f"damaged: {problem}" for problem in host.store.troubles(stack.name)]
    state = observe(host, stack)
    _refuse_obstacles(host, stack, state, request)
    report.recovered += [f"{name}: {text}" for name, mine in state.disputes.items() for text in mine]
    if not check and not state.secret_record.get("salt"):
        state = replace(state, secret_record=secret_ages.salted(state.secret_record, state.now))
        host.store.set_secret_record(stack, state.secret_record)
    log = journal.Journal(
        path or None,
        host.clock,
        {
            "operation": request.operation,
            "environment": request.environment,
            "person": request.person,
            "host": request.host,
            "reason": request.reason,
            "stack": stack.name,
            "apps": list(request.apps),
            "pid": os.getpid(),
        },
        redact=redact,
    )
    report.journal = log.path or ""
    report.notes = [
        f"{name} goes along: apps of one image have the same in a release"
        for name in stack.with_image_of(request.apps)
        if name not in request.apps
    ]
    report.notes += maintenance_state.lines(host, stack, request.environment)
    try:
        env = state.env_of(request.environment)
        if request.operation == "rollback":
            plan, env = _plan_rollback(host, stack, state, request, report, redact, check=check)
        elif request.operation == "promote":
            unfinished = [os.path.basename(record.path) for record in left]
            plan = _plan_promote(host, stack, state, request, report, unfinished=unfinished, log=log)
        elif check:
            plan = _check_deploy(host, stack, state, request, report, log=log)
        else:
            plan = _plan_deploy(host, stack, state, request, report, log=log)
        _describe(report, state, plan)
        if check:
            _preview(host, report, stack, plan)
            return
        log.add("plan", plan=plan.to_json())
        _announce(host, request, report, plan.release.commit)
        _watched(host, stack, plan, env, log, report)
    except NothingToDoError as nothing:
        log.add("end", outcome="nothing", message=str(nothing))
        raise
    except InterruptedOperationError:
        raise  # no end in the journal, so recovery takes over
    except (RefusedError, OperationError) as error:
        log.add("end", outcome="refused" if isinstance(error, RefusedError) else "failed", message=str(error))
        raise
    finally:
        report.steps = dict(log.seconds)
        log.close()


def _refuse_obstacles(host: Host, stack: Stack, state: HostState, request: Request) -> None:
    if request.operation == "rollback" and not request.apps:
        return  # these depend on the release that it goes to
    obstacles.refuse(host, stack, state, request)


def _announce(host: Host, request: Request, report: OperationReport, commit: str) -> None:
    """Notify, once, that the operation begins."""
    if not report.announced:
        report.announced = True
        host.notifier.notify(notifications.start(request, report.stack, socket.gethostname(), commit, host.clock.now()))


def _staging_leftovers(
    host: Host, stack: Stack, request: Request, report: OperationReport, check: bool
) -> list[journal.Record]:
    """A promote starts from staging, so first recover what a killed deploy left there. Returns the journals that stay
    open; an operation that is still running is not among them."""
    path = lock.lock_path(stack.name, "staging", host.paths.locks)
    if lock.holder(path) is not None:
        return []
    left = journal.unfinished(stack.name, "staging", host.paths.state)
    if check or not left:
        return left
    who = lock.this_process("recover", request.person, request.host, host.clock.now())
    try:
        with lock.hold(path, who, 0):
            for record in journal.unfinished(stack.name, "staging", host.paths.state):
                report.recovered.append(recover.recover(host, stack, record))
    except RefusedError:
        return []  # a deploy has run since, and recovers them itself
    except OperationError:
        return left
    return []


def _plan_rollback(
    host: Host,
    stack: Stack,
    state: HostState,
    request: Request,
    report: OperationReport,
    redact: Redactor,
    *,
    check: bool,
) -> tuple[Plan, dict[str, bytes]]:
    target = rollback.choose(stack, state, request)
    ways = schemas.ways(host, stack, target, stack.with_image_of(request.apps))
    report.gates = schemas.gates(ways)
    if problems := schemas.refusals(host, stack, state, ways, request, target, check=check):
        raise RefusedError(problems)
    downs = schemas.downs(host, stack, state, ways, request)
    if not request.apps:
        # It goes back to that release's own ports.
        obstacles.refuse(host, day_of(target.release, stack), state, request)
    then, lost = rollback.mended_env(state, target, host.store.release_env(stack, target.release.id))
    report.recovered += [f"env file {name} of {target.release.id} is damaged; today's is used" for name in lost]
    redaction.learn(redact, stack, then)
    slot = state.idle_slot(request.environment)
    home = os.path.dirname(host.store.slot_compose_path(stack, request.environment, slot))
    plan, env = rollback.plan_rollback(stack, state, request, target, then, home)
    return replace(plan, downs=downs), env


def _plan_deploy(
    host: Host, stack: Stack, state: HostState, request: Request, report: OperationReport, *, log: journal.Journal
) -> Plan:
    """Build what the plan is made of."""
    state = disk_floor.before_build(host, stack, state, request, log)
    source = build.find_source(host, stack, state, request, log)
    report.notes += source.told + canonical.told(stack, state.now)
    with log.step("build", f"build {source.commit[:12]}"):
        images, results = build.build(
            host,
            stack,
            request,
            source,
            log,
            env=state.env_of(request.environment),
            begins=lambda: _announce(host, request, report, source.commit),
        )
        if results:
            build.show(host, stack, source, log)
    with log.step("search", "search the images for secrets"):
        found = secret_scan.search_new(host, stack, state, images.values())
    leaked = [Problem(f"holds {text}", "an image that was built", secret_scan.FIX) for text in found.leaked]
    judged = (found.held, images, stack.env_matrix, request.environment)
    if wrong := leaked + built_in.problems(built_in.foreign(*judged)):
        raise RefusedError(wrong)
    report.notes += [f"{text}, so it cannot be promoted: {built_in.FIX}" for text in built_in.own(*judged)]
    report.built = {result.app: round(result.seconds, 1) for result in results}
    disk_floor.after_build(host, stack, request, images, log)
    return deploy.plan_deploy(stack, state, request, source, images)


def _check_deploy(
    host: Host, stack: Stack, state: HostState, request: Request, report: OperationReport, *, log: journal.Journal
) -> Plan:
    """What a build would give is only known after it; images that exist already are."""
    source = build.find_source(host, stack, state, request, log)
    report.notes += source.told + canonical.told(stack, state.now)
    known, _missing = build.find_images(host, stack, request, source)
    images = {name: known.get(name, f"(built from {source.commit[:12]})") for name in source.sources}
    plan = deploy.plan_deploy(stack, state, request, source, images)
    report.preview = deploy.preview(stack, state, request, source, known)
    return plan


def _plan_promote(
    host: Host,
    stack: Stack,
    state: HostState,
    request: Request,
    report: OperationReport,
    *,
    unfinished: list[str],
    log: journal.Journal,
) -> Plan:
    """Raises RefusedError unless every gate passes."""
    is_behind = schemas.is_behind(host, stack, state.live_entry("production"))
    plan = promote.plan_promote(stack, state, request, is_behind=is_behind)
    report.notes += canonical.told(stack, state.now, "production")
    found = [
        *_gates(host, stack, state, request, unfinished),
        gates.not_rolled_back(state, plan.release, request.skip_gates, reason=request.reason),
        *_services_gate(host, stack, request),
        *database_gate.gate(host, stack, request),
        *endpoints_gate.gate(host, stack, state, request),
        *canonical.gate(stack, state.now, request.skip_gates),
        *(backup_ages.gate(host, stack, request) if stack.has_backups("production") else []),
        *_leak_gate(host, stack, state, request, plan),
    ]
    problems = gates.unknown_skips(request.skip_gates) + gates.problems(found)
    if stack.migrations and not problems:
        # Last, for it may take a minute.
        found += migration_gate.gate(host, stack, state, request, plan, log)
        problems = gates.problems(found)
    report.gates = [{"gate": g.name, "result": g.word, "evidence": g.evidence} for g in found]
    if problems:
        raise RefusedError(problems)
    return plan


def _gates(host: Host, stack: Stack, state: HostState, request: Request, unfinished: list[str]) -> list[gates.Gate]:
    live, entry = state.live["staging"], state.live_entry("staging")
    day = day_of(entry.release, stack) if entry else stack
    running = state.in_slot("staging", live.slot) if live else []
    names = {container.app for container in running}
    health = {
        app.name: app_health.worst(
            app,
            app_health.ask_all(
                host,
                day,
                "staging",
                live.slot,
                app,
                app_health.Seen(running, state.count_of("staging", app.name), state.port_of("staging", live.slot, app)),
            ),
        )
        for app in day.apps.values()
        if live and (app.is_web or app.name in names) and (entry is None or app.name in entry.release.services)
    }
    return gates.evaluate(stack, state, health, unfinished, request.skip_gates)


def _services_gate(host: Host, stack: Stack, request: Request) -> list[gates.Gate]:
    if not stack.services_in("production"):
        return []
    found = services.answers(host, stack, "production")
    absent = [name for name, (container, _answer) in found.items() if container is None]
    return gates.services_healthy(
        {name: answer for name, (_container, answer) in found.items()}, absent, request.skip_gates
    )


def _leak_gate(host: Host, stack: Stack, state: HostState, request: Request, plan: Plan) -> list[gates.Gate]:
    images = plan.release.images.values()
    searched, evidence = secret_scan.search_new(host, stack, state, images), ""
    leaked = searched.leaked
    try:
        more, evidence = pattern_scan.search_new(host, stack, images)
        leaked += more
    except OperationError as error:
        leaked.append(str(error))
    foreign = built_in.foreign(searched.held, plan.release.images, stack.env_matrix, plan.environment)
    more_gates = [built_in.gate(foreign, len(plan.release.images), request.skip_gates)] if searched.own else []
    if not stack.secrets and not leaked and evidence == pattern_scan.NOT_INSTALLED:
        return more_gates
    evidence = "; ".join(leaked) or f"no secret in {len(plan.release.images)} images ({evidence})"
    return [
        gates.Gate(
            "no_leaks", not leaked, evidence, secret_scan.FIX, bool(leaked) and "no_leaks" in request.skip_gates
        ),
        *more_gates,
    ]


def _watched(
    host: Host, stack: Stack, plan: Plan, env: dict[str, bytes], log: journal.Journal, report: OperationReport
) -> None:
    """Carry out the plan while availability is measured from outside, also during a revert."""
    outside = ProbeCounts()
    try:
        entry = find(witnesses.entries(host, stack.name), plan.was.release) if plan.was else None
        live = entry.release if entry else None
        with host.availability.watch(
            availability.probe_targets(stack, plan.environment, live, plan.release)
        ) as outside:
            _carry_out(host, stack, plan, env, log, report)
    finally:
        if outside.asked:
            report.probes = cast(ProbesRow, asdict(outside))
        if outside.failed:
            # Visitors lost something, though all was well before and in the end. That must not look like a success.
            report.message += f", but {outside.failed} of {outside.asked} probes failed meanwhile"


def _carry_out(
    host: Host, stack: Stack, plan: Plan, env: dict[str, bytes], log: journal.Journal, report: OperationReport
) -> None:
    rollout = Rollout(host, stack, plan, log)
    rollout.notes = rollout.jobs.notes = report.notes
    try:
        rollout.run(env)
    except Exception as error:
        # Whatever the cause, a full disk or a bug in the engine: revert first, then report.
        log.note(f"failed: {error}")
        if rollout.confirmed:
            report.changed = True
            report.message = (
                f"{plan.environment} runs {plan.release.id}, but finishing up failed; the next operation, or "
                f"{hint('recover')}, completes it"
            )
            raise InterruptedOperationError(
                "the release is live, but finishing up failed",
                f"{stack.name} {plan.environment}",
                str(error),
                hint("recover"),
            ) from error
        try:
            rollout.revert()
        except Exception as trouble:
            report.message = (
                f"the operation failed and could not be undone; the next operation, or {hint('recover')}, completes it"
            )
            raise InterruptedOperationError(
                "the operation could not be undone",
                f"{stack.name} {plan.environment}",
                f"{trouble}; before that: {error}",
                hint("recover"),
            ) from error
        what = error.what if isinstance(error, OperationError) else f"{type(error).__name__}: {error}"
        report.message = f"{what}; everything was undone, {plan.environment} answers as before"
        report.release = ""
        if isinstance(error, OperationError):
            raise
        raise OperationError("the operation was aborted", f"{stack.name} {plan.environment}", what) from error
    report.changed = True
    report.message = f"{plan.environment} runs {plan.release.id}"
    releases = host.store.releases(stack.name)
    target = rollback_target(releases, plan.environment, plan.release.id)
    report.rollback_to = target.release.id if target else ""
    log.add("end", outcome="succeeded", release=plan.release.id)


def _describe(report: OperationReport, state: HostState, plan: Plan) -> None:
    report.release, report.slot, report.commit = plan.release.id, plan.slot, plan.release.commit
    report.was = plan.was.release if plan.was else ""
    report.tags = [f"{move.repository}:{move.tag} -> {gates.short_id(move.image)}" for move in plan.tags]


def _preview(host: Host, report: OperationReport, stack: Stack, plan: Plan) -> None:
    report.preview += release_jobs.previewed(stack_of(plan.release, stack), plan)
    report.preview += schemas.previewed(host, stack, plan)
    report.message = f"would {plan.operation}: {plan.environment} to {plan.release.id}"


def new_journal_path(host: Host, stack: Stack, request: Request) -> str:
    """A name that sorts by time, and after all that are there even where the clock was set back: recovery looks at the
    newest ones only."""
    mine = (name for name in journal.names(stack.name, host.paths.state) if f"-{request.environment}-" in name)
    moment = next_timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc), mine)
    return os.path.join(
        journal.directory(stack.name, host.paths.state),
        f"{moment}-{request.environment}-{request.operation}-{os.getpid()}.jsonl",
    )
