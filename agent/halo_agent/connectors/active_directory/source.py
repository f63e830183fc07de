"""People, technicians and computers from an Active Directory domain."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from halo_agent.connectors import Branch, CheckStep, Secrets
from halo_agent.connectors.active_directory import browsing, changes, controllers, records, scope
from halo_agent.connectors.active_directory.cursor import Cursor
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.connectors.active_directory.reading import Reading
from halo_agent.connectors.active_directory.records import Shape
from halo_agent.connectors.active_directory.session import PASSABLE, Door, Passed, passable
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings, Security
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Remark, SourceRecord
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, PermissionMissing

KINDS: Final = (EntityKind.USERS, EntityKind.TECHNICIANS, EntityKind.ASSETS)
SAMPLE: Final = 3
IN_CLEAR: Final = (
    "The connection to the domain is not encrypted ('security: plain'): the account's password and everything read "
    "cross the network in clear. Use 'security: ldaps'."
)


@asynccontextmanager
async def open_source(
    settings: ActiveDirectorySettings, secrets: Secrets
) -> AsyncIterator["ActiveDirectorySource"]:
    """A source that signs in anew for each read and each check."""
    yield ActiveDirectorySource(settings, secrets, SystemClock())


class ActiveDirectorySource:
    """Reads one domain."""

    def __init__(self, settings: ActiveDirectorySettings, secrets: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._door = Door(settings, secrets, clock)

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """What is in the scope, or what of it was changed; from the controller that was read last, if it answers."""
        if wanted.kind not in KINDS:
            known = ", ".join(KINDS)
            raise ConfigurationError(
                f"The active-directory connector reads {known}: take {wanted.kind} out of 'entities'."
            )
        before = Cursor.of(wanted.cursor)
        async with self._door.entered(before.controller if before else None) as (directory, passed):
            if self._settings.security is Security.PLAIN:
                yield Remark(IN_CLEAR)
            if passed.failures:
                yield Remark(passed.remark)
            async with aclosing(Reading(directory, self._settings, wanted).items()) as items:
                async for item in items:
                    yield item

    async def check(self) -> AsyncGenerator[CheckStep, None]:
        """The way to each controller until one lets us in, then what the scope says, a few records, and what may be seen."""
        found = await controllers.find(self._settings)
        yield CheckStep("find", ", ".join(controller.host for controller in found))
        passed = Passed()
        for controller in found:
            async with aclosing(self._door.stages(controller)) as stages:
                try:
                    async for stage in stages:
                        if isinstance(stage, CheckStep):
                            yield stage
                            continue
                        async for step in self._looked_around(stage):
                            yield step
                        return
                except PASSABLE as error:
                    passed.failures.append(passable(error))
                    if controller is not found[-1]:
                        yield CheckStep(f"pass over {len(passed.failures)}", error.message)
        raise passed.worst

    async def browse(self) -> AsyncGenerator[Branch, None]:
        """The units with what each holds, and the groups."""
        async with self._door.entered() as (directory, _):
            for branch in await browsing.branches(directory):
                yield branch

    async def _looked_around(self, directory: Directory) -> AsyncGenerator[CheckStep, None]:
        kinds = dict.fromkeys(rule.kind for rule in self._settings.scope) or {EntityKind.USERS: None}
        for kind in kinds:
            areas = await scope.areas(directory, scope.rules_for(kind, self._settings.scope))
            if self._settings.scope:
                yield CheckStep(f"scope of {kind}", "; ".join(_area(area) for area in areas))
            sample = await self._sample(directory, kind, areas)
            if not sample:
                raise PermissionMissing(
                    f"The scope catches no {kind}, or '{self._settings.who}' may not see them: correct 'scope', "
                    "or give that account the right to read."
                )
            yield CheckStep(f"read {kind}", "; ".join(sample))
        yield CheckStep("changes", await self._changes(directory))

    async def _sample(self, directory: Directory, kind: EntityKind, areas: Sequence[scope.Area]) -> list[str]:
        shape = Shape.of(kind, (), (), directory.facts.time)
        so_far = scope.Caught([0] * len(areas))
        found = scope.caught(
            directory,
            areas,
            so_far,
            kind=scope.kind_filter(kind, contacts=self._settings.contacts),
            attributes=shape.asked,
        )
        names: list[str] = []
        async with aclosing(found) as entries:
            async for rule, entry in entries:
                one = records.record(entry, rule, shape, None)
                names.append(one.name if isinstance(one, SourceRecord) else f"{one.place} {one.reason}")
                if len(names) == SAMPLE:
                    break
        return names

    async def _changes(self, directory: Directory) -> str:
        sees = await changes.sees_deleted(directory)
        if await changes.first_cookie(directory):
            return "by DirSync, deletions included"
        if sees:
            return "by the controller's count of changes, and by its deleted objects"
        return (
            "by the controller's count of changes; deleted objects may not be seen, so everything is read "
            "every 'full_every' to find who left"
        )


def _area(area: scope.Area) -> str:
    verb = "without " if area.rule.exclude else ""
    return f"{verb}{area.name} ({area.base})"
