"""The conversation with the controller: hello until welcomed, then heartbeats; commands go to whom they concern."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID, uuid4

from halo_agent.leases import Leases
from halo_agent.metrics import Vitals
from halo_agent.store.outbox import Outbox
from halo_shared import logs
from halo_shared.certificates import SEEN
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import (
    COMMANDS,
    Cancel,
    CheckHalo,
    Command,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Offer,
    Rejected,
    Welcome,
)
from halo_shared.messages.requests import ConnectorSpec, Heartbeat, Hello
from halo_shared.topology import DECLARED_WITHIN, TO_CONTROLLER, agent_queue
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve_all

log = logs.get(__name__)

HELLO_EVERY: Final = 3.0
"""Seconds between the first hellos while nobody answers: the controller may be away."""
HELLO_AT_LAST: Final = 10.0
"""Seconds between later ones, no less than between heartbeats: a controller with thousands of agents may just be busy."""
PATIENCE: Final = DECLARED_WITHIN.total_seconds()
"""Seconds for which an agent's own queue may be missing: the controller has thousands to declare on a fresh broker."""
REJECTED_EVERY: Final = 30.0
"""Seconds between hellos once the controller has said why not: a person must act first."""


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
        self._drain: Callable[[bool], None] = lambda _: None
        self._offer: Callable[[str], None] = lambda _: None
        self._check: Callable[[CheckHalo], None] = lambda _: None
        self._listens = asyncio.Event()
        self._rejected = False
        self._moved = False
        """Whether it now belongs to another group than the one that it works for."""
        self._heard_at: datetime | None = None

    async def listen(self) -> None:
        """Take the controller's commands for ever; raises ConfigurationError when it does not know this agent.

        Only one process may listen under an agent's name. Another one waits for its end and says nothing until then.
        """
        queue = agent_queue(self._hello.agent)
        try:
            async with self._transport.consume(
                queue, prefetch=20, alone=True, patience=PATIENCE
            ) as deliveries:
                self._listens.set()
                await serve_all(deliveries, COMMANDS, self._obey)
        except Unroutable as error:
            raise ConfigurationError(self._unknown) from error

    async def welcomed(self) -> Welcome:
        """The controller's welcome, once it has come."""
        return await asyncio.shield(self._welcome)

    async def beat(self) -> None:
        """Say hello until welcome, then say that this agent lives as often as the welcome asked for, for ever."""
        welcome = await self._greet()
        while True:
            await self._clock.sleep(welcome.heartbeat_seconds)
            await self._say(self.heartbeat(ask=self._leases.ask_to_renew()))

    def heartbeat(self, *, ask: UUID) -> Heartbeat:
        """What there is to say of this agent now."""
        held = self._leases.held
        return Heartbeat(
            agent=self._hello.agent,
            session=self._hello.session,
            ask=ask,
            held=held,
            free_slots=max(0, self._hello.slots - len(held)),
            spooled=self._outbox.waiting,
            dropped=self._outbox.dropped,
            doing=tuple(line for lines in self._doing for line in lines()),
            certificates=SEEN.nearest(),
        )

    def vitals(self) -> Vitals:
        """How this agent is now, for whoever measures it."""
        return Vitals(
            spooled=self._outbox.waiting,
            dropped=self._outbox.dropped,
            held=self._leases.count,
            slots=self._hello.slots,
            heard_at=self._heard_at,
        )

    def tell(self, doing: Callable[[], Sequence[str]]) -> None:
        """Let heartbeats carry these lines on what is being done."""
        self._doing.append(doing)

    def on_drain(self, drain: Callable[[bool], None]) -> None:
        """Let this be told whether the controller wants the agent to take no new work."""
        self._drain = drain

    def on_offer(self, offer: Callable[[str], None]) -> None:
        """Let this be told of a run that is offered to this agent."""
        self._offer = offer

    def on_check(self, check: Callable[[CheckHalo], None]) -> None:
        """Let this be told of a tenant's Halo that the controller wants tried."""
        self._check = check

    async def _greet(self) -> Welcome:
        await self._until_it_listens()
        patience = HELLO_EVERY
        while not self._welcome.done():
            await self._say_hello()
            pause = REJECTED_EVERY if self._rejected else patience
            patience = min(patience * 1.5, HELLO_AT_LAST)
            await asyncio.wait([self._welcome], timeout=pause)
            if not self._welcome.done():
                log.info("not_welcome_yet", agent=self._hello.agent, next_try_in=pause)
        return self._welcome.result()

    async def _until_it_listens(self) -> None:
        """Say no hello before: another process may be this agent. A sign of life lets the controller show who waits."""
        pause = HELLO_EVERY
        while not self._listens.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._listens.wait()
                    return
            log.warning("not_listening_yet", agent=self._hello.agent, why=f"Perhaps: {self._unknown}")
            await self._say(self.heartbeat(ask=uuid4()))
            pause = REJECTED_EVERY

    async def _obey(self, command: Command) -> None:
        self._heard_at = self._clock.now()
        match command:
            case Welcome():
                self._accept(command)
            case Rejected():
                await self._bear(command)
            case LeaseGranted() | LeaseRefused():
                self._leases.answered(command)
            case LeasesRenewed():
                self._leases.renewed(command)
                self._drain(command.drain or self._moved)
            case Cancel():
                self._leases.cancel(command)
            case Offer():
                self._offer(command.run)
            case CheckHalo():
                self._check(command)
            case _:
                assert_never(command)

    async def _bear(self, rejected: Rejected) -> None:
        if rejected.session not in (None, self._hello.session):
            return  # another process under this name was meant, which does not listen
        if rejected.code == "SayHello":
            await self._say_hello()
            return
        self._rejected = True
        log.error("rejected", agent=self._hello.agent, code=rejected.code, why=rejected.message)
        if rejected.code == "NotRegistered":
            self._drain(True)
            if not self._welcome.done():
                self._welcome.set_exception(ConfigurationError(rejected.message))

    @property
    def _unknown(self) -> str:
        name = self._hello.agent
        return (
            f"The controller does not know an agent '{name}'. Register it there with: "
            f"halo-controller agents add {name} --group GROUP"
        )

    def _accept(self, welcome: Welcome) -> None:
        if welcome.session != self._hello.session:
            return
        if not self._welcome.done():
            self._drain(welcome.drain)
            self._welcome.set_result(welcome)
            log.info("welcomed", agent=self._hello.agent, group=welcome.group)
        elif welcome.group != (works_for := self._welcome.result().group):
            self._moved = True
            self._drain(True)
            why = f"It was registered anew, in group {welcome.group}, and works for {works_for}: restart it."
            log.error("group_changed", agent=self._hello.agent, group=welcome.group, why=why)

    async def _say_hello(self) -> None:
        now = {
            "ask": self._leases.ask_to_renew(),
            "held": self._leases.held,
            "spooled": self._outbox.waiting,
        }
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
        obeys=("check_halo", "offer"),
    )
