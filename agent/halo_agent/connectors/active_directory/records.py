"""Object of the directory to record: pure."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.groups import Tree
from halo_agent.connectors.active_directory.rules import Role as RoleRule
from halo_agent.connectors.active_directory.rules import Rule
from halo_agent.connectors.active_directory.values import Account
from halo_agent.directories.messages import Entry
from halo_agent.engine.records import Place, Reference, Role, SourceRecord, UnreadableRecord, Value
from halo_shared.entities import EntityKind

FLAGS: Final = "userAccountControl"
COMPUTED: Final = "msDS-User-Account-Control-Computed"
EXPIRES: Final = "accountExpires"
ALWAYS: Final = (
    "objectGUID",
    "cn",
    "displayName",
    "sAMAccountName",
    FLAGS,
    EXPIRES,
    "primaryGroupID",
)
OF_GROUPS: Final = ("memberOf", "primaryGroupID")
# What the mapping may read beside the directory's own attributes, and what each is made of.
MADE: Final[Mapping[str, Sequence[str]]] = {
    "dn": (),
    "ou": (),
    "ouPath": (),
    "disabled": (FLAGS,),
    "expired": (EXPIRES,),
    "accountExpiresOn": (EXPIRES,),
    "locked": (COMPUTED,),
    "passwordExpired": (COMPUTED,),
    "groups": OF_GROUPS,
    "role": OF_GROUPS,
}
USUAL: Final = {
    EntityKind.USERS: (
        "userPrincipalName", "givenName", "sn", "mail", "telephoneNumber", "mobile", "title", "department", "company",
        "physicalDeliveryOfficeName", "employeeID",
    ),
    EntityKind.TECHNICIANS: ("userPrincipalName", "givenName", "sn", "mail", "title"),
    EntityKind.ASSETS: ("dNSHostName", "operatingSystem", "operatingSystemVersion", "description"),
}  # fmt: skip
"""What is read when nobody says what is needed, as in a check."""
PHOTOS: Final = ("thumbnailphoto", "jpegphoto")
REFERS: Final = {EntityKind.USERS: ("manager", Role.MANAGER), EntityKind.ASSETS: ("managedBy", Role.USER)}
TO_PEOPLE: Final = EntityKind.USERS


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record is to hold."""

    kind: EntityKind
    wanted: frozenset[str]
    """Attributes, in lower case."""
    spelled: Mapping[str, str]
    """As the mapping writes them, by lower case."""
    roles: Sequence[RoleRule]
    now: datetime

    @classmethod
    def of(
        cls, kind: EntityKind, attributes: Collection[str], roles: Sequence[RoleRule], now: datetime
    ) -> "Shape":
        """For these attributes, as the mapping spells them."""
        names = attributes or USUAL.get(kind, ())
        made = {name.lower(): name for name in MADE}
        spelled = {name.lower(): made.get(name.lower(), name) for name in names}
        return cls(kind, frozenset(spelled), spelled, roles, now)

    @property
    def asked(self) -> list[str]:
        """The attributes to ask the controller for, each once."""
        names = list(ALWAYS)
        for name in sorted(self.spelled.values()):
            names += MADE.get(name, (name,))
        if self.kind in REFERS:
            names.append(REFERS[self.kind][0])
        return list({name.lower(): name for name in names}.values())

    @property
    def needs_groups(self) -> bool:
        """Whether the groups of the domain must be known."""
        return bool(self.wanted & {"groups", "role"})

    @property
    def follows_groups(self) -> bool:
        """Whether a record differs when only a group was changed."""
        return self.needs_groups or "memberof" in self.wanted


def record(entry: Entry, rule: Rule, shape: Shape, tree: Tree | None) -> SourceRecord | UnreadableRecord:
    """The record that this object is, or why it cannot be told which one it is."""
    dn = values.plain_dn(entry.dn)
    guid = values.guid(entry)
    if guid is None:
        reason = "has no objectGUID that the account may see: let it read all properties of this object"
        return UnreadableRecord(shape.kind, dn, reason)
    account = values.flags(entry, FLAGS)
    expires = values.file_time(values.text(entry, EXPIRES))
    expired = expires is not None and expires <= shape.now
    name = (
        values.text(entry, "displayName") or values.text(entry, "cn") or values.text(entry, "sAMAccountName")
    )
    made: dict[str, Value] = {
        "dn": dn,
        "ou": next(reversed(values.unit_names(dn)), ""),
        "ouPath": "/".join(values.unit_names(dn)),
        "disabled": Account.DISABLED in account,
        "expired": expired,
        "accountExpiresOn": expires.date().isoformat() if expires else None,
        **_computed(entry),
        **_groups(entry, shape, tree),
    }
    attributes = {
        spelling: made[spelling] if spelling in made else _value(entry, lower)
        for lower, spelling in shape.spelled.items()
        if spelling in made or lower in entry.attributes
    }
    return SourceRecord(
        kind=shape.kind,
        id=guid,
        name=name or dn,
        attributes=attributes,
        active=not (Account.DISABLED in account or expired),
        place=Place(rule.place.client, rule.place.site) if rule.place else None,
        references=_references(entry, shape.kind),
    )


def _computed(entry: Entry) -> dict[str, Value]:
    if COMPUTED.lower() not in entry.attributes:
        return {}
    computed = values.flags(entry, COMPUTED)
    return {"locked": Account.LOCKED in computed, "passwordExpired": Account.PASSWORD_EXPIRED in computed}


def _groups(entry: Entry, shape: Shape, tree: Tree | None) -> dict[str, Value]:
    if tree is None:
        return {}
    of = tree.of(entry)
    role = next((one.role for one in shape.roles if one.group in of), None)
    return {"groups": tuple(sorted(tree.names.get(guid, guid) for guid in of)), "role": role}


def _value(entry: Entry, name: str) -> Value:
    """One alone by itself, several in the directory's order; DNs as people know them, photos in base64."""
    given = entry.attributes[name]
    if name in PHOTOS:
        return base64.b64encode(given[0]).decode() if given else None
    texts = tuple(map(values.plain_dn, values.decoded(given)))
    return texts[0] if len(texts) == 1 else texts


def _references(entry: Entry, kind: EntityKind) -> tuple[Reference, ...]:
    if kind not in REFERS:
        return ()
    attribute, role = REFERS[kind]
    guid = values.guid_of_dn(values.text(entry, attribute))
    return (Reference(role, TO_PEOPLE, guid),) if guid else ()
