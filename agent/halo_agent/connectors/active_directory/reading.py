"""One read of one kind: everything or only the changes, and the proof of who is gone."""

import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Final

from halo_agent.connectors.active_directory import changes, cursor, groups, records, scope, values
from halo_agent.connectors.active_directory.changes import Changed
from halo_agent.connectors.active_directory.cursor import Cursor, Everything
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.connectors.active_directory.groups import Tree
from halo_agent.connectors.active_directory.records import Shape
from halo_agent.connectors.active_directory.rules import Role, is_dn
from halo_agent.connectors.active_directory.scope import Area, Caught
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, Gone, Remark
from halo_shared.errors import SettingsInvalid
from halo_shared.runs import Mode

EXCLUDED: Final = "a rule of the scope leaves it out"
OUTSIDE: Final = "outside the scope: moved, or no longer what its rule asks for"


class Reading:
    """Reads what is wanted from a directory that let us in."""

    def __init__(self, directory: Directory, settings: ActiveDirectorySettings, wanted: Wanted) -> None:
        self._directory = directory
        self._settings = settings
        self._wanted = wanted
        self._kind = wanted.kind
        self._objects = scope.kind_filter(wanted.kind, contacts=settings.contacts)
        self._before = Cursor.of(wanted.cursor)

    async def items(self) -> AsyncGenerator[SourceItem, None]:
        """The records, what is gone, what is to be said, and Finished."""
        directory, settings, wanted = self._directory, self._settings, self._wanted
        rules = scope.rules_for(self._kind, settings.scope)
        for rule in rules:
            if rule.ou and is_dn(rule.ou):
                yield Remark(
                    f"The rule '{rule.described}' names its unit by its DN: a rename would break it. "
                    "Name it by its GUID, which `halo-agent browse` shows."
                )
        areas = await scope.areas(directory, rules)
        roles = await self._roles()
        shape = Shape.of(self._kind, wanted.attributes, roles, directory.facts.time)
        start = cursor.decide(
            wanted.mode,
            wanted.cursor,
            directory.facts,
            read=self._fingerprint(areas, shape),
            now=directory.facts.time,
            full_every=settings.full_every,
        )
        if isinstance(start, cursor.Since):
            changed = await changes.since(directory, start, self._kind, areas, shape)
            if not changed.why_everything:
                async for item in self._changes(start.cursor, changed, areas, shape):
                    yield item
                return
            start = Everything(changed.why_everything)
        if start.why and wanted.mode is Mode.DELTA:
            yield Remark(start.why)
        async for item in self._everything(areas, shape):
            yield item

    async def _changes(
        self, before: Cursor, changed: Changed, areas: Sequence[Area], shape: Shape
    ) -> AsyncGenerator[SourceItem, None]:
        so_far = Caught([0] * len(areas))
        if changed.ids:
            tree = await self._tree(shape)
            for condition in changed.conditions:
                async for item in self._caught(areas, so_far, shape, tree, condition):
                    yield item
        for item in self._outside(changed.ids, so_far):
            yield item
        for guid in sorted(changed.deleted):
            yield Gone(self._kind, guid, changes.DELETED)
        facts = self._directory.facts
        after = before.model_copy(
            update={"controller": facts.host, "invocation": facts.invocation, "usn": facts.usn, "at": facts.time,
                    "cookie": changed.cookie.hex()}
        )  # fmt: skip
        yield Finished(full=False, cursor=after.model_dump_json())

    async def _everything(self, areas: Sequence[Area], shape: Shape) -> AsyncGenerator[SourceItem, None]:
        directory, facts = self._directory, self._directory.facts
        cookie = await changes.first_cookie(directory)
        tree = await self._tree(shape)
        so_far = Caught([0] * len(areas))
        async for item in self._caught(areas, so_far, shape, tree):
            yield item
        async for item in self._late(areas, so_far, shape, tree):
            yield item
        for remark in self._counted(areas, so_far):
            yield remark
        sees_deleted = await changes.sees_deleted(directory)
        visible = {} if sees_deleted else await changes.visible_units(directory)
        after = Cursor(
            controller=facts.host,
            invocation=facts.invocation,
            usn=facts.usn,
            cookie=cookie.hex(),
            read=self._fingerprint(areas, shape),
            at=facts.time,
            full_at=facts.time,
            sees_deleted=sees_deleted,
            groups=facts.groups,
            caught=tuple(so_far.by_rule),
            units={visible[dn]: count for dn, count in so_far.by_unit.items() if dn in visible},
        )
        async for item in self._proved(so_far, after, set(visible.values())):
            yield item

    async def _late(
        self, areas: Sequence[Area], so_far: Caught, shape: Shape, tree: Tree | None
    ) -> AsyncGenerator[SourceItem, None]:
        """Who was changed meanwhile: moved from a unit still to be read into one that had been read, it was in neither."""
        began = self._directory.facts.usn
        if await self._directory.count_of_changes() == began:
            return
        late = await changes.changed_ids(self._directory, self._kind, f"(uSNChanged>={began + 1})")
        for condition in changes.among(sorted(late - so_far.decided)):
            async for item in self._caught(areas, so_far, shape, tree, condition):
                yield item

    async def _proved(
        self, so_far: Caught, after: Cursor, units: set[str]
    ) -> AsyncGenerator[SourceItem, None]:
        """Who is gone, each by name where deletions can be seen; else by absence, if it can be believed."""
        before = self._before
        if before is not None:
            visible = await changes.changed_ids(self._directory, self._kind, "")
            for item in self._outside(visible, so_far):
                yield item
        if before is not None and after.sees_deleted and after.at - before.at < cursor.REMEMBERED:
            for guid in sorted(await changes.deleted(self._directory, self._kind)):
                yield Gone(self._kind, guid, changes.DELETED)
            yield Finished(full=False, cursor=after.model_dump_json())
            return
        if before is None and not any(so_far.by_rule):
            raise SettingsInvalid(self._nobody())
        belief = cursor.believe(before, after, units)
        if not belief.absence and before is not None:
            yield Remark(belief.why)
            kept = {"groups": before.groups, "caught": before.caught, "units": before.units}
            after = after.model_copy(update=kept)
        yield Finished(full=belief.absence, cursor=after.model_dump_json())

    async def _caught(
        self, areas: Sequence[Area], so_far: Caught, shape: Shape, tree: Tree | None, condition: str = ""
    ) -> AsyncGenerator[SourceItem, None]:
        found = scope.caught(
            self._directory, areas, so_far, kind=self._objects, condition=condition, attributes=shape.asked
        )
        async with aclosing(found) as entries:
            async for rule, entry in entries:
                yield records.record(entry, rule, shape, tree)

    def _outside(self, visible: set[str], so_far: Caught) -> Iterator[Gone]:
        for guid in sorted(visible - (so_far.decided - so_far.left_out)):
            yield Gone(self._kind, guid, EXCLUDED if guid in so_far.left_out else OUTSIDE)

    def _counted(self, areas: Sequence[Area], so_far: Caught) -> Iterator[Remark]:
        if not any(area.rule.kind is self._kind for area in areas if area.rule in self._settings.scope):
            return
        for number, (area, caught) in enumerate(zip(areas, so_far.by_rule, strict=True), start=1):
            verb = "leaves out" if area.rule.exclude else "catches"
            where = f" for {area.rule.place.client} / {area.rule.place.site}" if area.rule.place else ""
            yield Remark(f"Rule {number} '{area.name}' {verb} {caught} {self._kind}{where}.")

    async def _tree(self, shape: Shape) -> Tree | None:
        return await groups.tree(self._directory) if shape.needs_groups else None

    async def _roles(self) -> list[Role]:
        """The groups of the roles by their GUID."""
        found = []
        for role in self._settings.roles:
            entry = await self._directory.look_up(role.group, ["objectGUID"])
            if entry is None:
                raise SettingsInvalid(
                    f"The group '{role.group}' of the role '{role.role}' is not to be found: correct it under 'roles', "
                    "or let the account see it."
                )
            found.append(role.model_copy(update={"group": values.guid(entry) or role.group}))
        return found

    def _fingerprint(self, areas: Sequence[Area], shape: Shape) -> str:
        """Changes with everything that decides what a record is and whether it is read."""
        told = [area.rule.model_dump_json() for area in areas]
        told += [self._objects, *sorted(shape.asked), *(role.model_dump_json() for role in shape.roles)]
        return hashlib.blake2b("\n".join(told).encode(), digest_size=8).hexdigest()

    def _nobody(self) -> str:
        return (
            f"No {self._kind} are to be found in {values.dns_name(self._directory.facts.base)}, or "
            f"'{self._settings.who}' may not see them: correct 'scope', or give that account the right to read."
        )
