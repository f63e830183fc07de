"""The agent's side of its deputy: start it, and let it feel every second that the agent's loop moves."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from halo_agent.deputy import Orders
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.messages.requests import Heartbeat

log = logs.get(__name__)

EVERY: Final = 1.0
RESTART_AFTER: Final = 10.0
"""Seconds before another deputy is started in the place of one that ended."""
GOODBYE_WITHIN: Final = 8.0
"""Seconds that a stopping agent waits for its deputy's goodbye."""

# A session or group of its own: Ctrl-C is for the agent.
_APART: dict[str, Any]  # Any: what each system calls it
if sys.platform == "win32":
    _APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _APART = {"start_new_session": True}


class Pulse:
    """Keeps a deputy at its side; without one the agent works all the same."""

    def __init__(self, orders: Orders, say: Callable[[], Heartbeat], clock: Clock) -> None:
        self._orders = orders
        self._say = say
        self._clock = clock

    async def run(self) -> None:
        """Have a deputy until cancelled; its end is the goodbye."""
        while True:
            deputy, line = await _start()
            try:
                await self._feed(deputy, line)
            finally:
                line.close()  # which the deputy takes for the agent's end
                await _last_word(deputy)
            log.warning("deputy_ended", code=deputy.returncode, next_in=RESTART_AFTER)
            await self._clock.sleep(RESTART_AFTER)

    async def _feed(self, deputy: Process, line: asyncio.StreamWriter) -> None:
        """Tell the deputy what it would have to say, until it has ended."""
        line.write(json.dumps(asdict(self._orders)).encode() + b"\n")
        while deputy.returncode is None:
            if not line.transport.get_write_buffer_size():  # else it does not listen at this moment
                line.write(self._say().model_dump_json().encode() + b"\n")
            await self._clock.sleep(EVERY)


async def _start() -> tuple[Process, asyncio.StreamWriter]:
    deputy = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "halo_agent.deputy"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        **_APART,
    )
    if deputy.stdin is None:
        raise RuntimeError("a deputy was started without an input")
    return deputy, deputy.stdin


async def _last_word(deputy: Process) -> None:
    try:
        async with asyncio.timeout(GOODBYE_WITHIN):
            await deputy.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            deputy.kill()
        await deputy.wait()
