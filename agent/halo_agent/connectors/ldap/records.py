"""Entry of a directory to record: pure."""

from collections.abc import Mapping
from typing import Final

from halo_agent.connectors.ldap.client import Entry
from halo_agent.connectors.ldap.settings import DisabledWhen, LdapSettings
from halo_agent.engine.records import SourceRecord, UnreadableRecord, Value
from halo_shared.entities import EntityKind

# A lock after wrong passwords passes by itself; this one stays until an administrator lifts it.
LOCKED: Final = DisabledWhen(attribute="pwdAccountLockedTime", values=("000001010000Z",))


def attributes_of(settings: LdapSettings) -> list[str]:
    """Every attribute that has to be asked for, once."""
    names = [settings.id_attribute, settings.name_attribute, *settings.attributes]
    names += [mark.attribute for mark in _marks(settings)]
    return list({name.lower(): name for name in reversed(names)}.values())


def record(entry: Entry, settings: LdapSettings) -> SourceRecord | UnreadableRecord:
    """The user that this entry is, or why it cannot be told which user it is."""
    values = {name: texts for name, raw in entry.attributes.items() if (texts := _texts(raw))}
    ids = _of(settings.id_attribute, values)
    if len(ids) != 1 or not ids[0].strip():
        return UnreadableRecord(EntityKind.USERS, entry.dn, _no_id(ids, settings))
    names = _of(settings.name_attribute, values)
    return SourceRecord(
        kind=EntityKind.USERS,
        id=ids[0],
        name=next((name for name in names if name.strip()), entry.dn),
        attributes={"dn": entry.dn} | {name: _value(texts) for name, texts in values.items()},
        active=not any(_says(mark, values) for mark in _marks(settings)),
    )
