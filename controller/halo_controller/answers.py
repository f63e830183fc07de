"""What an agent is told when it asks: each answer changes what lies on the desk, and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, assert_never

from halo_controller import leasing
from halo_controller.catalogue import digest_of
from halo_controller.desk import Desk, FromAgent
from halo_controller.leasing import Grant, Refusal
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import HEARTBEAT, Agent, Integration, Run
from halo_shared.messages.commands import (
    Assignment,
    Cancel,
    Command,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Rejected,
    RenewedLease,
    Welcome,
)
from halo_shared.messages.requests import Goodbye, HaloChecked, Heartbeat, HeldLease, Hello, LeaseRequest
from halo_shared.outcomes import History
from halo_shared.runs import Mode

_STOPPED: Final = {"session": None, "free_slots": 0, "doing": (), "stalled": 0}


def answers_to(request: FromAgent, agent: Agent, desk: Desk) -> Sequence[Command]:
    """What this agent is told, in this order."""
    match request:
        case Hello():
            return _greeted(request, agent, desk)
        case Heartbeat() if agent.session != request.session:
            unknown = "The controller does not know this session; say hello first."
            return [Rejected(session=request.session, code="SayHello", message=unknown)]
        case Heartbeat():
            told = {"free_slots", "spooled", "dropped", "doing", "stalled", "certificates"}
            agent = _seen(agent, desk, {name: getattr(request, name) for name in told})
            return _renewed(request, agent, desk)
        case LeaseRequest():
            return [_leased(request, _seen(agent, desk), desk)]
        case Goodbye():
            if agent.session == request.session:  # of an older session it says nothing
                _seen(agent, desk, _STOPPED)
            return []
        case HaloChecked():
            return []
        case _:
            assert_never(request)


def _seen(agent: Agent, desk: Desk, said: Mapping[str, object] | None = None) -> Agent:
    """The agent, from which this was heard just now."""
    agent = agent.model_copy(update={"seen_at": desk.now, **(said or {})})
    desk.agents[agent.name] = agent
    return agent


def _greeted(hello: Hello, agent: Agent, desk: Desk) -> Sequence[Command]:
    said = {
        "session": hello.session,
        "version": hello.version,
        "protocol": hello.protocol,
        "stalled": 0,
        "slots": hello.slots,
        "free_slots": hello.slots - len(hello.held),
        "spooled": hello.spooled,
        "dropped": 0,
        "announced": digest_of(hello.connectors),
        "obeys": hello.obeys,
    }
    agent = _seen(agent, desk, said)
    welcome = Welcome(
        session=hello.session,
        group=agent.group,
        heartbeat_seconds=HEARTBEAT.total_seconds(),
        drain=agent.draining,
    )
    return [welcome, *_renewed(hello, agent, desk)]


def _renewed(request: Hello | Heartbeat, agent: Agent, desk: Desk) -> Sequence[Command]:
    """The leases that end later, those that are gone, and whose end a person asked for."""
    renewed: list[RenewedLease] = []
    revoked: list[str] = []
    cancelled: list[Cancel] = []
    for held in request.held:
        run = desk.runs.get(held.run)
        if run is None or not leasing.renewable(run, held, agent, desk.now):
            revoked.append(held.run)
            continue
        renewed.append(_prolonged(run, held, request, agent, desk))
        if run.cancel_reason:
            cancelled.append(Cancel(run=run.id, reason=run.cancel_reason))
    _note_unheld(agent, {one.run for one in renewed}, desk)
    told = LeasesRenewed(
        session=request.session,
        ask=request.ask,
        renewed=tuple(renewed),
        revoked=tuple(revoked),
        drain=agent.draining,
    )
    return [*cancelled, told]


def _prolonged(
    run: Run, held: HeldLease, request: Hello | Heartbeat, agent: Agent, desk: Desk
) -> RenewedLease:
    members = desk.members.get(agent.group, 0)
    until = leasing.lease_end(desk.now, run.deadline or desk.now, agents_in_group=members)
    changes = {"lease_until": until, "session": request.session, "unheld_since": None}
    desk.runs[run.id] = run.model_copy(update=changes)
    return RenewedLease(
        run=run.id,
        fence=held.fence,
        lease_seconds=(until - desk.now).total_seconds(),
        requests_per_minute=_slice(run, desk),
    )


def _note_unheld(agent: Agent, held: Collection[str], desk: Desk) -> None:
    """Mark what the agent should hold and does not: its end may be on the way, or the attempt is lost."""
    for run in desk.thought_on(agent.name):
        if run.id not in held and run.unheld_since is None:
            desk.runs[run.id] = run.model_copy(update={"unheld_since": desk.now})


def _leased(request: LeaseRequest, agent: Agent, desk: Desk) -> LeaseGranted | LeaseRefused:
    run = desk.runs.get(request.run)
    integration = desk.integrations.get(run.ref) if run else None
    members = desk.members.get(agent.group, 0)
    decision = leasing.decide(run, integration, agent, request.session, desk.now, agents_in_group=members)
    match decision:
        case Refusal(code, message, again_after):
            return LeaseRefused(
                ask=request.ask, run=request.run, code=code, message=message, again_after=again_after
            )
        case Grant() if run and integration:
            if not decision.repeated:
                run = _begun(run, integration, request, decision, desk)
                desk.begin(run)
            return _granted(run, integration, request, decision, desk)
        case Grant():
            raise AssertionError("a grant without a run")


def _begun(run: Run, integration: Integration, request: LeaseRequest, grant: Grant, desk: Desk) -> Run:
    return run.model_copy(
        update={
            "status": TRANSITIONS[run.status, Happening.LEASED],
            "agent": request.agent,
            "session": request.session,
            "fence": integration.fence + 1,
            "attempt": run.attempt + 1,
            "lease_until": grant.lease_until,
            "deadline": grant.deadline,
            "started_at": run.started_at or desk.now,
        }
    )


def _granted(
    run: Run, integration: Integration, request: LeaseRequest, grant: Grant, desk: Desk
) -> LeaseGranted:
    tenant = desk.tenants[run.tenant].spec
    return LeaseGranted(
        ask=request.ask,
        run=run.id,
        fence=run.fence,
        previous_fence=desk.previous[run.id],
        attempt=run.attempt,
        lease_seconds=(grant.lease_until - desk.now).total_seconds(),
        deadline=grant.deadline,
        deadline_seconds=(grant.deadline - desk.now).total_seconds(),
        requests_per_minute=_slice(run, desk),
        assignment=Assignment(
            tenant=run.tenant,
            halo=tenant.halo.entered_by(run.group),
            integration=integration.spec,
            mode=integration.mode if run.mode in (None, Mode.DELTA) else run.mode,
            cursors=integration.cursors,
            escrowed=integration.escrowed,
            approved=run.approved,
            history=tenant.record_history if run.whole else History.ALL,
            preview=run.preview,
            only=run.only,
        ),
    )


def _slice(run: Run, desk: Desk) -> int:
    """What each attempt that runs for this tenant may ask of its Halo in a minute, as things are now."""
    halo = desk.tenants[run.tenant].spec.halo
    return leasing.budget_slice(halo.requests_per_minute, desk.running[run.tenant])
