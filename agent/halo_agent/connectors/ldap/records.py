"""Entry of a directory to record: pure."""

from collections.abc import Mapping
from typing import Final

from halo_agent.connectors.ldap.client import Entry
from halo_agent.connectors.ldap.settings import DisabledWhen, LdapSettings
from halo_agent.engine.records import SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind

Texts = Mapping[str, tuple[str, ...]]
"""The readable values of an entry, by attribute in lower case."""

# A lock after wrong passwords passes by itself; this one stays until an administrator lifts it.
LOCKED: Final = DisabledWhen(attribute="pwdAccountLockedTime", values=("000001010000Z",))


def attributes_of(settings: LdapSettings) -> list[str]:
    """Every attribute to ask for, once; the DN comes unasked."""
    names = [settings.id_attribute, settings.name_attribute, *settings.attributes]
    names += [mark.attribute for mark in _marks(settings)]
    by_lower_case = {name.lower(): name for name in reversed(names) if name.lower() != "dn"}
    return sorted(by_lower_case.values())


def record(entry: Entry, settings: LdapSettings) -> SourceRecord | UnreadableRecord:
    """The user that this entry is, or why it cannot be told which one it is."""
    texts = {name: found for name, values in entry.attributes.items() if (found := _decoded(values))}
    ids = texts.get(settings.id_attribute.lower(), ())
    if len(ids) != 1:
        return UnreadableRecord(EntityKind.USERS, entry.dn, _no_id(ids, settings))
    names = texts.get(settings.name_attribute.lower(), ())
    return SourceRecord(
        kind=EntityKind.USERS,
        id=ids[0],
        name=names[0] if names else entry.dn,
        attributes={"dn": entry.dn, **_values(texts, settings)},
        active=not any(_applies(mark, texts) for mark in _marks(settings)),
    )


def repeated(found: SourceRecord, place: str, settings: LdapSettings) -> UnreadableRecord:
    """A user whose id another one has already."""
    return UnreadableRecord(
        found.kind,
        place,
        f"another user has the same {settings.id_attribute} '{found.id}': "
        "set 'id_attribute' to one that no two users share",
    )


def _decoded(values: tuple[bytes, ...]) -> tuple[str, ...]:
    """The values that are text and say something; a photo does not."""
    texts = []
    for value in values:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            continue
        if text.strip() and "\0" not in text:
            texts.append(text)
    return tuple(texts)


def _values(texts: Texts, settings: LdapSettings) -> dict[str, str | tuple[str, ...]]:
    """As attributes of a record: in the settings' spelling, and a single value by itself."""
    present = {name: texts[name.lower()] for name in attributes_of(settings) if name.lower() in texts}
    return {name: found[0] if len(found) == 1 else found for name, found in present.items()}


def _marks(settings: LdapSettings) -> tuple[DisabledWhen, ...]:
    return (LOCKED, settings.disabled) if settings.disabled else (LOCKED,)


def _applies(mark: DisabledWhen, texts: Texts) -> bool:
    wanted = {value.casefold() for value in mark.values}
    return any(text.casefold() in wanted for text in texts.get(mark.attribute.lower(), ()))


def _no_id(ids: tuple[str, ...], settings: LdapSettings) -> str:
    name = settings.id_attribute
    if ids:
        return f"has {len(ids)} values of {name}, so none identifies it: set 'id_attribute' to one with a single value"
    return (
        f"has no {name} that is text: set 'id_attribute' to one that every user has, "
        f"and see that '{settings.bind_dn}' may read it"
    )
