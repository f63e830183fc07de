"""Graph object to record: pure."""

from collections.abc import Mapping
from typing import Any

from halo_agent.connectors.entra_id.resources import GROUPS, LICENCES, Resource, values
from halo_agent.connectors.entra_id.settings import Directory
from halo_agent.engine.records import Gone, Place, Reference, Role, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind

Row = Mapping[str, Any]  # Any: a Graph object is JSON


def record(
    row: Row, resource: Resource, directory: Directory, products: Mapping[str, str]
) -> SourceRecord | UnreadableRecord:
    """The record that this object is. `products` names licences by their id."""
    attributes = dict(values(dict(row)))
    id_, name = row.get("id"), row.get(resource.name)
    if not isinstance(id_, str) or not id_:
        return UnreadableRecord(
            resource.kind, f"{resource.path} of {directory.tenant}", "Graph gave no id for it"
        )
    if licences := _licences(row, products):
        attributes[LICENCES] = licences
    return SourceRecord(
        kind=resource.kind,
        id=id_,
        name=str(name or attributes.get("userPrincipalName") or id_),
        attributes={"tenant": directory.tenant, **attributes},
        active=row.get("accountEnabled") is not False,
        place=Place(directory.place.client, directory.place.site) if directory.place else None,
        references=tuple(_references(row, resource)),
    )


def with_roles(user: SourceRecord, roles: tuple[str, ...]) -> SourceRecord:
    """The same user with the groups that stand for roles; unchanged without any."""
    if not roles:
        return user
    return SourceRecord(
        kind=user.kind,
        id=user.id,
        name=user.name,
        attributes={**user.attributes, GROUPS: roles},
        active=user.active,
        place=user.place,
        references=user.references,
    )


def removed(row: Row, resource: Resource) -> Gone | None:
    """What a delta says to be gone; None for an object that is there."""
    if "@removed" not in row:
        return None
    soft = row["@removed"].get("reason") == "changed"
    reason = "deleted in Entra, where it can still be restored" if soft else "deleted in Entra for good"
    return Gone(resource.kind, row["id"], reason)


def _licences(row: Row, products: Mapping[str, str]) -> tuple[str, ...]:
    ids = [str(licence.get("skuId", "")) for licence in row.get("assignedLicenses") or ()]
    return tuple(sorted(products.get(id_, id_) for id_ in ids))


def _references(row: Row, resource: Resource) -> list[Reference]:
    manager = row.get("manager")
    found = []
    if isinstance(manager, dict) and manager.get("id"):
        found.append(Reference(Role.MANAGER, EntityKind.USERS, manager["id"]))
    if resource.kind is EntityKind.ASSETS and row.get("userId"):
        found.append(Reference(Role.USER, EntityKind.USERS, row["userId"]))
    return found
