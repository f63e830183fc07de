"""Answering what agents ask: hello, heartbeat, lease. Every answer leaves with the change that it tells of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from pydantic import Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.answers import answers_to
from halo_controller.desk import Desk, FromAgent
from halo_controller.hearing import Hearing
from halo_controller.nouns import HEARTBEAT, NOT_REGISTERED, Agent
from halo_controller.publisher import Publisher
from halo_controller.store import agents, announcements, checks, integrations, outbox, runs, strangers
from halo_controller.store.database import Database
from halo_controller.store.outbox import Posting
from halo_shared import logs, telemetry
from halo_shared.clock import Clock
from halo_shared.errors import UnsupportedVersion
from halo_shared.identifiers import AgentId
from halo_shared.messages.base import PROTOCOL_VERSION
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Command, LeaseGranted, LeaseRefused, Rejected
from halo_shared.messages.requests import ConnectorSpec, Echo, Goodbye, HaloChecked, Heartbeat, Hello, Request
from halo_shared.runs import Frozen
from halo_shared.topology import to_agent

log = logs.get(__name__)

ANSWER_LIFETIME: Final = HEARTBEAT
"""By then its agent has asked again. One that waits longer would only keep later ones from coming in time."""


class Speaker(Frozen):
    """As much of a request as can be read in any version."""

    protocol: int = Field(ge=0)
    agent: AgentId
    session: UUID | None = None


class Answerer:
    """Answers requests as many at a time as have come, in their order."""

    def __init__(self, database: Database, publisher: Publisher, hearing: Hearing, clock: Clock) -> None:
        self._database = database
        self._publisher = publisher
        self._hearing = hearing
        self._clock = clock

    async def answer(self, *requests: Request) -> None:
        """Do what these ask and put the answers into the outbox, each in the version that its agent speaks."""
        if asked := [one for one in requests if not isinstance(one, Echo)]:
            async with self._database.write() as db:
                await _answer(db, asked, self._clock.now())
            self._publisher.wake()
        for one in requests:
            if isinstance(one, Echo):
                self._hearing.heard(one)

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
                await outbox.put(db, Posting(sealed, to_agent(speaker.agent)))
        self._publisher.wake()
        return True


async def _answer(db: AsyncConnection, asked: Sequence[FromAgent], now: datetime) -> None:
    desk = await Desk.laid(db, asked, now)
    agents_before, runs_before = dict(desk.agents), dict(desk.runs)
    # Of several, each may belong to another trace; what is said to one must not go into that of another.
    traceparent = telemetry.traceparent() if len(asked) == 1 else None
    told: list[Posting] = []
    for request in asked:
        agent = desk.agents.get(request.agent)
        if agent is None:
            log.warning("agent_unknown", agent=request.agent, request=request.kind)
            await strangers.note(db, request.agent, NOT_REGISTERED, now)
            if isinstance(request, Hello | Heartbeat):
                # Heard where it was registered once: its queue is still there.
                told.append(_answer_to(request, _not_registered(request), traceparent, now))
            continue
        commands = answers_to(request, agent, desk)
        told += [_answer_to(request, command, traceparent, now) for command in commands]
        if isinstance(request, HaloChecked):
            await checks.answered(db, request, now)
        _log(request, agent, commands)
    await strangers.forget(db, {one.agent for one in asked if isinstance(one, Hello)} & desk.agents.keys())
    news = _announced_anew(asked, agents_before, desk)
    await announcements.keep(db, news)
    await agents.keep(db, ((agents_before[name], agent) for name, agent in desk.agents.items()))
    if news:
        await announcements.forget_unused(db)
    await runs.keep(db, ((runs_before[id_], run) for id_, run in desk.runs.items()))
    await integrations.granted(db, desk.begun.values())
    await runs.begin_attempts(db, desk.begun.values(), now)
    await outbox.put_all(db, told)


def _announced_anew(
    asked: Sequence[FromAgent], before: Mapping[str, Agent], desk: Desk
) -> Mapping[str, Sequence[ConnectorSpec]]:
    """What agents say of their connectors and did not say before, by its digest."""
    return {
        digest: one.connectors
        for one in asked
        if isinstance(one, Hello)
        and (agent := desk.agents.get(one.agent))
        and (digest := agent.announced)
        and digest != before[agent.name].announced
    }


def _answer_to(request: FromAgent, command: Command, traceparent: str | None, now: datetime) -> Posting:
    sealed = seal(command, message_id=str(uuid4()), version=request.protocol, traceparent=traceparent)
    return Posting(sealed, to_agent(request.agent), expires_at=now + ANSWER_LIFETIME)


def _not_registered(request: Hello | Heartbeat) -> Rejected:
    """What somebody is told whom nobody registered."""
    message = (
        f"The controller does not know an agent '{request.agent}'. Register it there with: "
        f"halo-controller agents add {request.agent} --group GROUP"
    )
    return Rejected(session=request.session, code="NotRegistered", message=message)


def _log(request: FromAgent, agent: Agent, commands: Sequence[Command]) -> None:
    match request:
        case Hello():
            log.info("agent_said_hello", agent=agent.name, group=agent.group, version=request.version)
        case HaloChecked():
            log.info("halo_checked", tenant=request.tenant, agent=agent.name, ask=str(request.ask))
        case Goodbye():
            log.info("agent_said_goodbye", agent=agent.name)
    for command in commands:
        match command:
            case LeaseGranted(run=run, fence=fence, attempt=attempt):
                log.info("lease_granted", run=run, agent=agent.name, fence=fence, attempt=attempt)
            case LeaseRefused(run=run, code=code):
                log.info("lease_refused", run=run, agent=agent.name, code=code)
