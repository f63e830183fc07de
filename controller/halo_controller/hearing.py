"""Whether the centre hears: only while it hears itself does the silence of an agent mean anything."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, Unroutable
from halo_shared.messages.codec import seal
from halo_shared.messages.requests import Echo
from halo_shared.topology import TO_CONTROLLER
from halo_shared.transport import Transport

log = logs.get(__name__)

EVERY: Final = 3.0
PROMPT: Final = 10.0
"""Seconds within which an echo must be back, and the next one behind it."""
JUMP: Final = timedelta(seconds=5)
"""A wall clock that moved by so much more or less than time passed was set."""


class Hearing:
    """Says something to itself by the way that agents' requests take: broker, queue, loop, database.

    Where that takes long, was broken off, or the clock was set meanwhile, agents could not be heard either.
    """

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._said: dict[UUID, float] = {}
        """When each of those was said that may still be back in time."""
        self._since: float | None = None
        self._heard_at = float("-inf")
        self._start = self._wall_start()

    async def run(self) -> None:
        """Speak for ever."""
        while True:
            await self.speak()
            await self._clock.sleep(EVERY)

    async def speak(self) -> None:
        """Say something, if the broker is there."""
        echo, now = Echo(id=uuid4()), self._clock.monotonic()
        self._said = {id_: at for id_, at in self._said.items() if now - at <= PROMPT} | {echo.id: now}
        try:
            await self._transport.publish(seal(echo, message_id=str(echo.id)), TO_CONTROLLER)
        except (BrokerUnavailable, Unroutable) as error:
            log.info("centre_deaf", why=error.message)

    def heard(self, echo: Echo) -> None:
        """It has come back; one that another process said, or a much older one, proves nothing."""
        now = self._clock.monotonic()
        said_at = self._said.pop(echo.id, None)
        if said_at is None:
            return
        start = self._wall_start()
        broken = (
            now - said_at > PROMPT or said_at - self._heard_at > PROMPT or abs(start - self._start) > JUMP
        )
        if broken or self._since is None:
            self._since, self._start = now, start
        self._heard_at = now

    def heard_for(self) -> timedelta:
        """How long the centre has heard without a break; zero while it does not."""
        now = self._clock.monotonic()
        if self._since is None or now - self._heard_at > PROMPT:
            return timedelta()
        if abs(self._wall_start() - self._start) > JUMP:
            return timedelta()
        return timedelta(seconds=now - self._since)

    def _wall_start(self) -> datetime:
        """The wall-clock time at which the monotonic clock stood at zero."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic())
