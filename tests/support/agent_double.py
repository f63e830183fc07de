"""An agent that speaks the protocol and syncs nothing: a test says how each attempt goes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID, uuid4

from pydantic import TypeAdapter

from halo_shared.clock import SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.integrators import Integrator
from halo_shared.mapping import EntityMapping
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import seal, unseal
from halo_shared.messages.commands import COMMANDS, Cancel, CheckHalo, LeaseGranted, LeaseRefused, Welcome
from halo_shared.messages.events import (
    Event,
    EventBase,
    FinalStatus,
    Finished,
    Level,
    Origin,
    Outcomes,
    Progress,
    RecordEvent,
    Stage,
    Started,
)
from halo_shared.messages.jobs import Job, SyncJob
from halo_shared.messages.requests import (
    ConnectorSpec,
    HaloChecked,
    Hello,
    LeaseRequest,
    Request,
    Right,
    Step,
)
from halo_shared.outcomes import Outcome
from halo_shared.redaction import Redactor
from halo_shared.runs import Counts, Excess, RunStatus, Tally
from halo_shared.topology import TO_CONTROLLER, agent_queue, jobs_queue, to_monitors
from halo_shared.transport import Transport

LDAP: Final = ConnectorSpec(name="ldap", title="LDAP", entities=(EntityKind.USERS,), settings_schema={})
CLOUD: Final = ConnectorSpec(
    name="entra-id",
    title="Microsoft Entra ID",
    entities=(EntityKind.USERS, EntityKind.ASSETS),
    settings_schema={},
    mapping={
        EntityKind.USERS: EntityMapping.model_validate(
            {"identity": "azureoid", "match": ["emailaddress"], "fields": {"emailaddress": "mail"}}
        ),
        EntityKind.ASSETS: EntityMapping.model_validate(
            {
                "identity": "intune_id",
                "match": ["inventory_number"],
                "fields": {"inventory_number": "serialNumber"},
                "asset_type": {"default": "Workstation"},
            }
        ),
    },
    kinds=(Integrator.HOSTED, Integrator.LOCAL),
    set_up=("Register an application.",),
)
JOBS: TypeAdapter[Job] = TypeAdapter(SyncJob)
CLOCK: Final = SystemClock()


class Attempt:
    """One attempt that the double was granted; a script speaks through it."""

    def __init__(self, transport: Transport, agent: str, grant: LeaseGranted) -> None:
        self.grant = grant
        self.cancelled = asyncio.Event()
        self._transport = transport
        self._seq = 0
        self._origin = Origin(
            tenant=grant.assignment.tenant,
            integration=grant.assignment.integration.name,
            run=grant.run,
            fence=grant.fence,
            agent=agent,
        )

    async def started(self) -> None:
        spec = self.grant.assignment.integration
        await self._say(
            Started,
            Level.INFO,
            "Started.",
            connector=spec.connector,
            mode=self.grant.assignment.mode,
            attempt=self.grant.attempt,
        )

    async def progress(self, stage: Stage, done: int, total: int | None = None, **counts: int) -> None:
        await self._say(
            Progress,
            Level.DEBUG,
            f"{stage} {done}",
            stage=stage,
            done=done,
            total=total,
            counts=users(**counts),
        )

    async def failed_record(self, source_id: str, name: str, error: HaloIntegratorError) -> None:
        failure = Failure.of(error, Redactor())
        await self._say(
            RecordEvent,
            Level.ERROR,
            f"users: {name}: {failure.message}",
            entity=EntityKind.USERS,
            source_id=source_id,
            name=name,
            outcome="failed",
            failure=failure,
        )

    async def outcomes(self, *told: Outcome) -> None:
        await self._say(Outcomes, Level.INFO, "Some records.", attempt=self.grant.attempt, outcomes=told)

    async def finished(
        self,
        status: FinalStatus = RunStatus.SUCCEEDED,
        *,
        held_for: tuple[Excess, ...] = (),
        error: HaloIntegratorError | None = None,
        **counts: int,
    ) -> None:
        await self._say(
            Finished,
            Level.INFO if status is RunStatus.SUCCEEDED else Level.ERROR,
            f"It {status}.",
            status=status,
            counts=users(**counts),
            requests=7,
            held_for=held_for,
            failure=Failure.of(error, Redactor()) if error else None,
        )

    async def _say(self, kind: type[EventBase], level: Level, text: str, **more: object) -> None:
        self._seq += 1
        common = {
            "id": uuid4(),
            "at": CLOCK.now(),
            "origin": self._origin,
            "seq": self._seq,
            "level": level,
            "text": text,
        }
        await publish_event(self._transport, kind.model_validate(common | more))


Script = Callable[[Attempt], Awaitable[None]]


async def succeed(attempt: Attempt) -> None:
    """A short sync of two users."""
    await attempt.progress(Stage.READ, 2, 2, read=2)
    await attempt.finished(read=2, created=1, unchanged=1)


@asynccontextmanager
async def agent_double(
    transport: Transport,
    name: str,
    script: Script = succeed,
    *,
    connectors: tuple[ConnectorSpec, ...] = (LDAP,),
) -> AsyncIterator[None]:
    """An agent at work until the block is left; entering waits for the controller's welcome."""
    double = _Double(transport, name, script)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(double.listen())
        await double.greet(connectors)
        working = group.create_task(double.work())
        try:
            yield
        finally:
            listening.cancel()
            working.cancel()


async def publish_event(transport: Transport, event: EventBase) -> None:
    """Say it to everyone who listens."""
    spoken: Event = event  # type: ignore[assignment]  # every concrete event is one of the union
    await transport.publish(seal(spoken, message_id=str(spoken.id)), to_monitors(spoken))


def users(**counts: int) -> Counts:
    """A tally of users only."""
    return {EntityKind.USERS: Tally(**counts)} if counts else {}


class _Double:
    def __init__(self, transport: Transport, name: str, script: Script) -> None:
        self._transport = transport
        self._name = name
        self._script = script
        self._session = uuid4()
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._asked: dict[UUID, asyncio.Future[LeaseGranted | LeaseRefused]] = {}
        self._attempts: dict[str, Attempt] = {}

    async def greet(self, connectors: tuple[ConnectorSpec, ...]) -> None:
        await self._request(
            Hello(
                agent=self._name,
                session=self._session,
                ask=uuid4(),
                version="0.0.1",
                slots=1,
                connectors=connectors,
                obeys=("check_halo",),
            )
        )
        await self._welcome

    async def listen(self) -> None:
        async with self._transport.consume(agent_queue(self._name), prefetch=10) as deliveries:
            async for delivery in deliveries:
                match unseal(delivery.body, COMMANDS):
                    case Welcome() as welcome:
                        self._welcome.set_result(welcome)
                    case LeaseGranted() | LeaseRefused() as answer:
                        self._asked.pop(answer.ask).set_result(answer)
                    case CheckHalo() as command:
                        await self._request(self._checked(command))
                    case Cancel(run=run) if run in self._attempts:
                        self._attempts[run].cancelled.set()
                    case _:
                        pass
                await delivery.done()

    def _checked(self, command: CheckHalo) -> HaloChecked:
        """It enters every Halo, and may write everything there but users."""
        denied = Right(entity=EntityKind.USERS, access="write", path="Users", missing="its role forbids it")
        return HaloChecked(
            agent=self._name,
            session=self._session,
            ask=command.ask,
            tenant=command.tenant,
            steps=(Step(stage="sign-in", found=f"as {command.halo.client_id}"),),
            rights=(denied,),
        )

    async def work(self) -> None:
        group = self._welcome.result().group
        async with self._transport.consume(jobs_queue(group), prefetch=1) as deliveries:
            async for delivery in deliveries:
                answer = await self._lease(unseal(delivery.body, JOBS).run)
                await delivery.done()
                if isinstance(answer, LeaseGranted):
                    await self._attempt(answer)

    async def _lease(self, run: str) -> LeaseGranted | LeaseRefused:
        ask = uuid4()
        self._asked[ask] = asyncio.get_running_loop().create_future()
        request = LeaseRequest(agent=self._name, session=self._session, run=run, ask=ask)
        answer = self._asked[ask]
        await self._request(request)
        return await answer

    async def _attempt(self, grant: LeaseGranted) -> None:
        attempt = self._attempts[grant.run] = Attempt(self._transport, self._name, grant)
        await attempt.started()
        await self._script(attempt)

    async def _request(self, request: Request) -> None:
        await self._transport.publish(seal(request, message_id=str(uuid4())), TO_CONTROLLER)
