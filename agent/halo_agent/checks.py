"""Trying to enter a tenant's Halo when the controller asks for it, beside whatever runs."""

import asyncio
from contextlib import aclosing
from typing import Final
from uuid import uuid4

from halo_agent.connectors import Secrets
from halo_agent.jobs.check import check_halo, halo_rights
from halo_agent.jobs.secrets import secrets_for
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import BrokerUnavailable, HaloIntegratorError, TargetUnavailable, Unroutable
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import CheckHalo, Welcome
from halo_shared.messages.requests import HaloChecked, Hello, Right, Step
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from halo_shared.topology import TO_CONTROLLER
from halo_shared.transport import Transport

log = logs.get(__name__)

PATIENCE: Final = 25.0
"""Seconds for a whole check: a person waits for it."""


class Checks:
    """Does the checks that were asked for, one after the other."""

    def __init__(
        self, hello: Hello, secrets: LocalSecrets, transport: Transport, clock: Clock, redactor: Redactor
    ) -> None:
        self._hello = hello
        self._secrets = secrets
        self._transport = transport
        self._clock = clock
        self._redactor = redactor
        self._asked: asyncio.Queue[CheckHalo] = asyncio.Queue()

    def ask(self, command: CheckHalo) -> None:
        """Let this be checked soon."""
        self._asked.put_nowait(command)

    async def run(self, welcome: Welcome) -> None:
        """Check for ever, as an agent of the group that the welcome names."""
        while True:
            command = await self._asked.get()
            answer = await self._checked(command, welcome.group)
            try:
                await self._transport.publish(seal(answer, message_id=str(uuid4())), TO_CONTROLLER)
            except (BrokerUnavailable, Unroutable) as error:  # who asked does not wait for ever
                log.warning("check_unsaid", tenant=command.tenant, ask=str(command.ask), why=error.message)

    async def _checked(self, command: CheckHalo, group: str) -> HaloChecked:
        answer = HaloChecked(
            agent=self._hello.agent, session=self._hello.session, ask=command.ask, tenant=command.tenant
        )
        secrets = secrets_for(group, command.tenant, self._secrets)
        steps: list[Step] = []
        rights: tuple[Right, ...] = ()
        failure: HaloIntegratorError | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                await self._enter(command, secrets, steps)
                rights = await self._rights(command, secrets)
        except HaloIntegratorError as error:
            failure = error
        except TimeoutError:
            failure = TargetUnavailable(
                f"Halo at {command.halo.url} gave no answer in {PATIENCE:.0f} seconds."
            )
        return answer.model_copy(
            update={
                "steps": tuple(steps),
                "rights": rights,
                "failure": Failure.of(failure, self._redactor) if failure else None,
            }
        )

    async def _enter(self, command: CheckHalo, secrets: Secrets, steps: list[Step]) -> None:
        """Each stage goes into `steps` as it succeeds, so that those before a failure are told too."""
        async with aclosing(check_halo(command.halo, secrets, self._clock)) as checking:
            async for step in checking:
                steps.append(Step(stage=step.stage, found=step.found))  # noqa: PERF401 - kept when the next one raises

    async def _rights(self, command: CheckHalo, secrets: Secrets) -> tuple[Right, ...]:
        found = await halo_rights(command.halo, tuple(EntityKind), secrets, self._clock)
        return tuple(
            Right(entity=one.kind, access=one.access.value, path=one.path, missing=one.missing)
            for one in found
        )
