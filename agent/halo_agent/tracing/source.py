"""One record of a source, and how it comes to be mapped as it is."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from halo_agent.engine.mapper import comparable_id, lowered, out_of_scope, wish
from halo_agent.engine.outcomes import shown
from halo_agent.engine.ports import Source, SourceItem, Wanted
from halo_agent.engine.records import Desired, Finished, Remark, SourceRecord
from halo_agent.engine.values import as_text, first
from halo_agent.tracing import Tell
from halo_shared.errors import NotAtSource, RecordUnreadable
from halo_shared.mapping import EntityMapping, FieldRule
from halo_shared.messages.commands import Assignment


@dataclass(slots=True)
class OneRecord:
    """A source that has this one record only, and so proves no absence."""

    source: Source
    assignment: Assignment
    tell: Tell
    found: set[str] = field(default_factory=set)
    """Ids of what was found, of all kinds."""
    read_records: int = 0

    @property
    def key(self) -> str:
        """What the record is known by."""
        return self.assignment.only or ""

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        found = [record async for record in self._search(wanted)]
        if len({comparable_id(record.id) for record in found}) > 1:
            ids = ", ".join(f"{record.id} ({record.name})" for record in found[:5])
            raise NotAtSource(
                f"Several {wanted.kind} are '{self.key}': {ids}. Say which one is meant by its id."
            )
        for record in found[:1]:
            self.found.add(record.id)
            await self._explain(record)
            yield record
        yield Finished(full=False)

    def check_found(self) -> None:
        """Return when there was such a record; raises NotAtSource."""
        if not self.found:
            kinds = " or ".join(self.assignment.integration.entities)
            raise NotAtSource(
                f"None of {self.read_records:,} records has '{self.key}' as its id, its name or a value that recognises "
                f"{kinds}. If it left its source, a complete run retires it in Halo; this one retires nothing by absence."
            )

    async def _search(self, wanted: Wanted) -> AsyncGenerator[SourceRecord, None]:
        """Everything that the key could mean; an id means one record, so that nothing further need be read."""
        mapping = self.assignment.integration.mapping[wanted.kind]
        before = self.read_records
        async with aclosing(self.source.read(wanted)) as items:
            async for item in items:
                if isinstance(item, Remark):
                    await self.tell("read", item.text)
                if not isinstance(item, SourceRecord):
                    continue
                self.read_records += 1
                by = _known_by(item, self.key, mapping)
                if by:
                    await self.tell("read", f"{item.name} ({wanted.kind} {item.id}) has it as its {by}")
                    yield item
                if by == "id":
                    break
        await self.tell("read", f"{self.read_records - before:,} {wanted.kind} were looked at")

    async def _explain(self, record: SourceRecord) -> None:
        mapping = self.assignment.integration.mapping[record.kind]
        if outside := out_of_scope(record, mapping):
            await self.tell("scope", f"outside, since this does not hold: {outside}")
            return
        await self.tell("scope", "inside" if mapping.scope else "inside: the mapping takes every record")
        try:
            desired = wish(record, mapping)
        except RecordUnreadable as error:
            await self.tell("map", error.message)
            return
        for line in explained(record, desired, mapping):
            await self.tell("map", line)


def explained(record: SourceRecord, desired: Desired, mapping: EntityMapping) -> Iterator[str]:
    """Each field of a wish: the source's value, the rule, and what came of them."""
    attributes = lowered(record.attributes)
    wishes = {**desired.when_empty, **desired.on_create, **desired.always}
    yield f"{desired.identity[0]} = '{desired.identity[1]}' (always the source's own id)"
    for name, rule in mapping.fields.items():
        read = " and ".join(f"{one} '{shown(attributes.get(one.casefold()))}'" for one in rule.attributes)
        came = f"'{shown(wishes[name])}'" if name in wishes else "nothing: Halo keeps what it has"
        yield f"{name} = {came} ({_rule(rule, read)}; {_WHEN[rule.when]})"
    if desired.asset_type:
        yield f"asset type = '{desired.asset_type}'"
    for placing in desired.placings:
        yield f"place = {placing.place.client} / {placing.place.site} ({placing.reason})"
    if not record.active:
        yield "out of use at its source"


_WHEN = {
    "always": "written always",
    "create": "written on creation",
    "empty": "written where Halo has nothing",
}


def _rule(rule: FieldRule, read: str) -> str:
    if not read:
        return "a constant"
    how = f", template {rule.template}" if rule.template is not None else ""
    return f"from {read}{how}{', transformed' if rule.apply else ''}"


def _known_by(record: SourceRecord, key: str, mapping: EntityMapping) -> str:
    """As what the key names this record; empty when it does not."""
    wanted = key.strip().casefold()
    if comparable_id(record.id) == wanted:
        return "id"
    if record.name.strip().casefold() == wanted:
        return "name"
    recognising = {one.field for one in mapping.match}
    attributes = lowered(record.attributes)
    for name, rule in mapping.fields.items():
        for attribute in rule.attributes if name in recognising else ():
            if as_text(first(attributes.get(attribute.casefold()))).casefold() == wanted:
                return attribute
    return ""
