"""Answering what agents ask: hello, heartbeat, lease. Every answer leaves with the change that it tells of."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller import leasing
from halo_controller.hearing import Hearing
from halo_controller.leasing import Grant, Refusal
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import HEARTBEAT, NOT_REGISTERED, Agent, Integration, Run
from halo_controller.publisher import Publisher
from halo_controller.steering import send_cancel
from halo_controller.store import agents, checks, integrations, outbox, runs, strangers, tenants
from halo_controller.store.database import Database
from halo_shared import logs, telemetry
from halo_shared.clock import Clock
from halo_shared.errors import UnsupportedVersion
from halo_shared.identifiers import AgentId
from halo_shared.messages.base import PROTOCOL_VERSION
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import (
    Assignment,
    Command,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Rejected,
    RenewedLease,
    Welcome,
)
from halo_shared.messages.requests import (
    Echo,
    Goodbye,
    HaloChecked,
    Heartbeat,
    HeldLease,
    Hello,
    LeaseRequest,
    Request,
)
from halo_shared.outcomes import History
from halo_shared.runs import Frozen, Mode
from halo_shared.topology import to_agent

log = logs.get(__name__)

FromAgent = Hello | Heartbeat | LeaseRequest | Goodbye | HaloChecked


class Speaker(Frozen):
    """As much of a request as can be read in any version."""

    protocol: int = Field(ge=0)
    agent: AgentId
    session: UUID | None = None


class Answerer:
    """Answers one request after the other."""

    def __init__(self, database: Database, publisher: Publisher, hearing: Hearing, clock: Clock) -> None:
        self._database = database
        self._publisher = publisher
        self._hearing = hearing
        self._clock = clock

    async def answer(self, request: Request) -> None:
        """Do what the request asks and put the answer into the outbox, in the version that the agent speaks."""
        if isinstance(request, Echo):
            self._hearing.heard(request)
            return
        now = self._clock.now()
        async with self._database.write() as db:
            agent = await agents.asking(db, request.agent)
            if agent is None:
                log.warning("agent_unknown", agent=request.agent, request=request.kind)
                await strangers.note(db, request.agent, NOT_REGISTERED, now)
                return
            for command in await self._commands(db, request, agent, now):
                sealed = seal(
                    command,
                    message_id=str(uuid4()),
                    version=request.protocol,
                    traceparent=telemetry.traceparent(),
                )
                await outbox.put(db, sealed, to_agent(agent.name))
        self._publisher.wake()

    async def refuse(self, body: bytes, error: UnsupportedVersion) -> bool:
        """Tell an agent of another version so, in words that every version knows; False when it cannot be named."""
        try:
            speaker = Speaker.model_validate_json(body)
        except ValidationError:
            return False
        log.warning("agent_speaks_otherwise", agent=speaker.agent, protocol=speaker.protocol)
        told = Rejected(session=speaker.session, code=error.code, message=error.message)
        sealed = seal(told, message_id=str(uuid4()), version=min(speaker.protocol, PROTOCOL_VERSION))
        async with self._database.write() as db:
            await strangers.note(db, speaker.agent, error.message, self._clock.now())
            if await agents.find(db, speaker.agent):
                await outbox.put(db, sealed, to_agent(speaker.agent))
        self._publisher.wake()
        return True

    async def _commands(
        self, db: AsyncConnection, request: FromAgent, agent: Agent, now: datetime
    ) -> list[Command]:
        match request:
            case Hello():
                await agents.greet(db, request, now)
                await strangers.forget(db, agent.name)
                log.info("agent_said_hello", agent=agent.name, group=agent.group, version=request.version)
                welcome = Welcome(
                    session=request.session,
                    group=agent.group,
                    heartbeat_seconds=HEARTBEAT.total_seconds(),
                    drain=agent.draining,
                )
                return [welcome, await _renew(db, agent, request, now)]
            case Heartbeat() if agent.session != request.session:
                return [
                    Rejected(
                        session=request.session,
                        code="SayHello",
                        message="The controller does not know this session; say hello first.",
                    )
                ]
            case Heartbeat():
                await agents.saw(db, request, now)
                return [await _renew(db, agent, request, now)]
            case LeaseRequest():
                await agents.heard(db, agent.name, now)
                return [await _lease(db, agent, request, now)]
            case HaloChecked():
                await checks.answered(db, request, now)
                log.info("halo_checked", tenant=request.tenant, agent=agent.name, ask=str(request.ask))
                return []
            case Goodbye():
                await agents.left(db, request, now)
                log.info("agent_said_goodbye", agent=agent.name)
                return []


async def _renew(
    db: AsyncConnection, agent: Agent, request: Hello | Heartbeat, now: datetime
) -> LeasesRenewed:
    members = await agents.count(db, agent.group)
    renewed: list[RenewedLease] = []
    revoked: list[str] = []
    for held in request.held:
        run = await runs.find(db, held.run)
        if run is None or run.deadline is None or not leasing.renewable(run, held, agent, now):
            revoked.append(held.run)
            continue
        renewed.append(await _prolong(db, run, held, request, now, members))
        await send_cancel(db, run)
    await _note_unheld(db, agent, {one.run for one in renewed}, now)
    return LeasesRenewed(
        session=request.session,
        ask=request.ask,
        renewed=tuple(renewed),
        revoked=tuple(revoked),
        drain=agent.draining,
    )


async def _prolong(
    db: AsyncConnection, run: Run, held: HeldLease, request: Hello | Heartbeat, now: datetime, members: int
) -> RenewedLease:
    until = leasing.lease_end(now, run.deadline or now, agents_in_group=members)
    changes = {"lease_until": until, "session": request.session, "unheld_since": None}
    await runs.save(db, run.model_copy(update=changes))
    return RenewedLease(
        run=run.id,
        fence=held.fence,
        lease_seconds=(until - now).total_seconds(),
        requests_per_minute=await _slice(db, run.tenant),
    )


async def _slice(db: AsyncConnection, tenant: str) -> int:
    """What each attempt that runs for this tenant may ask of its Halo in a minute, as things are now."""
    halo = (await tenants.get(db, tenant)).spec.halo
    return leasing.budget_slice(halo.requests_per_minute, await runs.count_running(db, tenant))


async def _note_unheld(db: AsyncConnection, agent: Agent, held: Collection[str], now: datetime) -> None:
    """Mark what the agent should hold and does not: its end may be on the way, or the attempt is lost."""
    for run in await runs.running_on(db, agent.name):
        if run.id not in held and run.unheld_since is None:
            await runs.save(db, run.model_copy(update={"unheld_since": now}))


async def _lease(db: AsyncConnection, agent: Agent, request: LeaseRequest, now: datetime) -> Command:
    run = await runs.find(db, request.run)
    integration = await integrations.get(db, run.ref) if run else None
    members = await agents.count(db, agent.group)
    decision = leasing.decide(run, integration, agent, request.session, now, agents_in_group=members)
    if run and isinstance(decision, Grant) and not decision.repeated:
        last = await runs.last_agent(db, run.ref)
        busy = len(await runs.running_on(db, last)) if last else 0
        known = await agents.find(db, last) if last else None
        decision = leasing.better_placed(run, agent, known, busy, now) or decision
    match decision:
        case Refusal(code, message, again_after):
            log.info("lease_refused", run=request.run, agent=agent.name, code=code)
            return LeaseRefused(
                ask=request.ask, run=request.run, code=code, message=message, again_after=again_after
            )
        case Grant() if run and integration:
            if not decision.repeated:
                run = await _start(db, run, request, decision, now)
            return await _granted(db, run, integration, request, decision, now)
        case Grant():
            raise AssertionError("a grant without a run")


async def _start(db: AsyncConnection, run: Run, request: LeaseRequest, grant: Grant, now: datetime) -> Run:
    run = run.model_copy(
        update={
            "status": TRANSITIONS[run.status, Happening.LEASED],
            "agent": request.agent,
            "session": request.session,
            "fence": await integrations.next_fence(db, run.ref),
            "attempt": run.attempt + 1,
            "lease_until": grant.lease_until,
            "deadline": grant.deadline,
            "started_at": run.started_at or now,
        }
    )
    await runs.save(db, run)
    await runs.begin_attempt(db, run, now)
    log.info("lease_granted", run=run.id, agent=run.agent, fence=run.fence, attempt=run.attempt)
    return run


async def _granted(
    db: AsyncConnection,
    run: Run,
    integration: Integration,
    request: LeaseRequest,
    grant: Grant,
    now: datetime,
) -> LeaseGranted:
    tenant = (await tenants.get(db, run.tenant)).spec
    return LeaseGranted(
        ask=request.ask,
        run=run.id,
        fence=run.fence,
        previous_fence=await runs.previous_fence(db, run),
        attempt=run.attempt,
        lease_seconds=(grant.lease_until - now).total_seconds(),
        deadline=grant.deadline,
        deadline_seconds=(grant.deadline - now).total_seconds(),
        requests_per_minute=await _slice(db, run.tenant),
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
