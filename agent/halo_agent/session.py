"""The conversation with the controller: hello until welcomed, then heartbeats; commands go to whom they concern."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, assert_never
from uuid import UUID, uuid4

from halo_agent.leases import Leases
from halo_agent.store.outbox import Outbox
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import (
    COMMANDS,
    Cancel,
    Command,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Rejected,
    Welcome,
)
from halo_shared.messages.requests import ConnectorSpec, Heartbeat, Hello
from halo_shared.topology import TO_CONTROLLER, agent_queue
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve

log = logs.get(__name__)

HELLO_EVERY: Final = 3.0
"""Seconds between hellos while nobody answers: the controller may be away."""


class Session:
    """One process's life as an agent, as the controller sees it."""

    def __init__(
        self, hello: Hello, transport: Transport, leases: Leases, outbox: Outbox, clock: Clock
    ) -> None:
        self._hello = hello
        self._transport = transport
        self._leases = leases
        self._outbox = outbox
        self._clock = clock
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._doing: list[Callable[[], Sequence[str]]] = []

    async def listen(self) -> None:
        """Take the controller's commands for ever; raises ConfigurationError when it does not know this agent."""
        queue = agent_queue(self._hello.agent)
        try:
            await serve(self._transport, queue, COMMANDS, self._obey, prefetch=20)
        except Unroutable as error:
            name = self._hello.agent
            raise ConfigurationError(
                f"The controller does not know an agent '{name}'. Register it there with: "
                f"halo-controller agents add {name} --group GROUP"
            ) from error

    async def welcomed(self) -> Welcome:
        """The controller's welcome, once it has come."""
        return await asyncio.shield(self._welcome)

    async def beat(self) -> None:
        """Say hello until welcome, then say that this agent lives as often as the welcome asked for, for ever."""
        welcome = await self._greet()
        while True:
            await self._clock.sleep(welcome.heartbeat_seconds)
            held = self._leases.held
            await self._say(
                Heartbeat(
                    agent=self._hello.agent,
                    session=self._hello.session,
                    ask=self._leases.ask_to_renew(),
                    held=held,
                    free_slots=max(0, self._hello.slots - len(held)),
                    spooled=self._outbox.waiting,
                    dropped=self._outbox.dropped,
                    doing=tuple(line for lines in self._doing for line in lines()),
                )
            )

    def tell(self, doing: Callable[[], Sequence[str]]) -> None:
        """Let heartbeats carry these lines on what is being done."""
        self._doing.append(doing)

    async def _greet(self) -> Welcome:
        while not self._welcome.done():
            await self._say_hello()
            await asyncio.wait([self._welcome], timeout=HELLO_EVERY)
            if not self._welcome.done():
                log.info("controller_silent", agent=self._hello.agent, next_try_in=HELLO_EVERY)
        return self._welcome.result()

    async def _obey(self, command: Command) -> None:
        match command:
            case Welcome(session=session):
                if session == self._hello.session and not self._welcome.done():
                    self._welcome.set_result(command)
                    log.info("welcomed", agent=self._hello.agent, group=command.group)
            case Rejected(code="SayHello"):
                await self._say_hello()
            case Rejected():
                log.error("rejected", agent=self._hello.agent, code=command.code, why=command.message)
            case LeaseGranted() | LeaseRefused():
                self._leases.answered(command)
            case LeasesRenewed():
                self._leases.renewed(command)
            case Cancel():
                self._leases.cancel(command)
            case _:
                assert_never(command)

    async def _say_hello(self) -> None:
        now = {"ask": self._leases.ask_to_renew(), "held": self._leases.held}
        await self._say(self._hello.model_copy(update=now))

    async def _say(self, message: Hello | Heartbeat) -> None:
        """Say it if the broker is there; what is missed is said again soon."""
        try:
            await self._transport.publish(seal(message, message_id=str(message.ask)), TO_CONTROLLER)
        except (BrokerUnavailable, Unroutable) as error:
            log.info("request_unsent", kind=message.kind, why=error.message)


def introduce(
    name: str, session: UUID, *, version: str, slots: int, connectors: Sequence[ConnectorSpec]
) -> Hello:
    """What this process says of itself when it starts."""
    return Hello(
        agent=name,
        session=session,
        ask=uuid4(),
        version=version,
        slots=slots,
        connectors=tuple(connectors),
    )
