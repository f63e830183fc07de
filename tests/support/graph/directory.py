"""What a stand-in Entra tenant holds: objects, and a journal of what changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

Row = dict[str, Any]  # Any: a Graph object is JSON

USER_PROPERTIES: Final = frozenset(
    {
        *("id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "jobTitle", "department"),
        *("companyName", "officeLocation", "businessPhones", "mobilePhone", "employeeId", "accountEnabled"),
        *(
            "userType",
            "assignedLicenses",
            "onPremisesExtensionAttributes",
            "proxyAddresses",
            "createdDateTime",
        ),
        *("manager",),
    }
)
DEVICE_PROPERTIES: Final = frozenset(
    {
        *("id", "deviceId", "displayName", "operatingSystem", "operatingSystemVersion", "manufacturer"),
        *("model", "accountEnabled", "trustType"),
    }
)
MANAGED_PROPERTIES: Final = frozenset(
    {
        *("id", "deviceName", "serialNumber", "manufacturer", "model", "operatingSystem", "osVersion"),
        *("userId", "userPrincipalName", "complianceState", "azureADDeviceId", "wiFiMacAddress"),
    }
)
GROUP_PROPERTIES: Final = frozenset({"id", "displayName"})
SKU_PROPERTIES: Final = frozenset({"skuId", "skuPartNumber"})

PROPERTIES: Final = {
    "users": USER_PROPERTIES,
    "devices": DEVICE_PROPERTIES,
    "managedDevices": MANAGED_PROPERTIES,
    "groups": GROUP_PROPERTIES,
    "subscribedSkus": SKU_PROPERTIES,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    collection: str
    id: str
    properties: frozenset[str]
    """Which were changed; all of them for an object that is new."""
    removed: str | None = None


@dataclass(slots=True)
class GraphDirectory:
    """One Entra tenant."""

    tenant: str
    collections: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in PROPERTIES})
    members: dict[str, set[str]] = field(default_factory=dict)
    """Ids of the users and groups that are directly in each group."""
    journal: list[Entry] = field(default_factory=list)

    def put(self, collection: str, id_: str, **values: Any) -> Row:  # Any: JSON
        """Make an object, or change some of its properties."""
        new = id_ not in self.collections[collection]
        held = self.collections[collection].setdefault(id_, {"id": id_})
        held.update(values)
        self.journal.append(Entry(collection, id_, frozenset(held if new else values)))
        return held

    def remove(self, collection: str, id_: str, *, reason: str = "changed") -> None:
        """Delete an object, so that it can be restored (`changed`) or for good (`deleted`)."""
        del self.collections[collection][id_]
        self.journal.append(Entry(collection, id_, frozenset(), removed=reason))

    def group(self, id_: str, name: str, *members: str) -> None:
        """Make a group of these users and groups, or change who is in it."""
        self.put("groups", id_, displayName=name)
        self.members[id_] = set(members)

    def transitive_members(self, group: str) -> Iterator[str]:
        """The users in a group and in the groups in it, once each."""
        waiting, seen = [group], set[str]()
        while waiting:
            for member in sorted(self.members.get(waiting.pop(), ())):
                if member in seen:
                    continue
                seen.add(member)
                if member in self.members:
                    waiting.append(member)
                elif member in self.collections["users"]:
                    yield member


def guid(number: int) -> str:
    """The same GUID for the same number."""
    return str(UUID(int=number))
