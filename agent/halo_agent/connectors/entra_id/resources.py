"""What Graph offers of each kind: where it is, which properties it has, and what a reader must be granted."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from halo_agent.connectors.entra_id.settings import DeviceSource, EntraIdSettings
from halo_agent.engine.records import Value
from halo_shared.entities import EntityKind

EXTENSIONS: Final = "onPremisesExtensionAttributes"
GROUPS: Final = "groups"
LICENCES: Final = "licences"


@dataclass(frozen=True, slots=True)
class Resource:
    """One collection of Graph."""

    kind: EntityKind
    path: str
    permission: str
    """The least application permission that lets an application read it."""
    always: tuple[str, ...]
    """What is read whatever the mapping needs."""
    properties: frozenset[str]
    """What a mapping may name."""
    name: str
    """The property that holds what people call it."""
    expand: str = ""
    tracked: tuple[str, ...] = ()
    """Relationships whose changes a delta is to report."""
    has_delta: bool = True

    def selected(self, attributes: Collection[str]) -> tuple[str, ...]:
        """The properties to ask for, so that a mapping finds these attributes; in a stable order."""
        known = {name.casefold(): name for name in self.properties}
        named = {known[name.casefold()] for name in attributes if name.casefold() in known}
        if any(name.casefold().startswith("extensionattribute") for name in attributes):
            named.add(EXTENSIONS)
        if any(name.casefold() == LICENCES for name in attributes):
            named.add("assignedLicenses")
        return (*self.always, *sorted(named - set(self.always)))


# https://learn.microsoft.com/graph/api/resources/user
_USER: Final = frozenset(
    {
        *(
            "accountEnabled",
            "ageGroup",
            "businessPhones",
            "city",
            "companyName",
            "country",
            "createdDateTime",
        ),
        *("department", "displayName", "employeeHireDate", "employeeId", "employeeType", "faxNumber"),
        *("givenName", "id", "jobTitle", "mail", "mailNickname", "mobilePhone", "officeLocation"),
        *("onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesImmutableId"),
        *("onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesUserPrincipalName"),
        *("otherMails", "postalCode", "preferredLanguage", "proxyAddresses", "state", "streetAddress"),
        *("surname", "usageLocation", "userPrincipalName", "userType"),
    }
)
# https://learn.microsoft.com/graph/api/resources/device
_DEVICE: Final = frozenset(
    {
        *(
            "accountEnabled",
            "approximateLastSignInDateTime",
            "deviceId",
            "deviceOwnership",
            "displayName",
            "id",
        ),
        *("isCompliant", "isManaged", "manufacturer", "model", "operatingSystem", "operatingSystemVersion"),
        *("profileType", "registrationDateTime", "trustType"),
    }
)
# https://learn.microsoft.com/graph/api/resources/intune-devices-manageddevice
_MANAGED: Final = frozenset(
    {
        *("azureADDeviceId", "complianceState", "deviceName", "emailAddress", "enrolledDateTime"),
        *("ethernetMacAddress", "freeStorageSpaceInBytes", "id", "imei", "isEncrypted", "lastSyncDateTime"),
        *("managedDeviceOwnerType", "manufacturer", "meid", "model", "operatingSystem", "osVersion"),
        *("phoneNumber", "physicalMemoryInBytes", "serialNumber", "totalStorageSpaceInBytes"),
        *("userDisplayName", "userId", "userPrincipalName", "wiFiMacAddress"),
    }
)

USERS: Final = Resource(
    EntityKind.USERS,
    "users",
    "User.Read.All",
    always=("id", "displayName", "accountEnabled", "userType"),
    properties=_USER,
    name="displayName",
    expand="manager($select=id)",
    tracked=("manager",),
)
DEVICES: Final = Resource(
    EntityKind.ASSETS,
    "devices",
    "Device.Read.All",
    always=("id", "displayName", "accountEnabled"),
    properties=_DEVICE,
    name="displayName",
)
MANAGED: Final = Resource(
    EntityKind.ASSETS,
    "deviceManagement/managedDevices",
    "DeviceManagementManagedDevices.Read.All",
    always=("id", "deviceName", "userId"),
    properties=_MANAGED,
    name="deviceName",
    has_delta=False,
)


def resource_of(kind: EntityKind, settings: EntraIdSettings) -> Resource | None:
    """Where things of this kind are read; None for a kind that Entra does not have."""
    if kind is EntityKind.USERS:
        return USERS
    if kind is EntityKind.ASSETS:
        return MANAGED if settings.devices is DeviceSource.INTUNE else DEVICES
    return None


def values(row: dict[str, object]) -> Iterator[tuple[str, Value]]:
    """The properties of an object that are plain values, or lists of texts."""
    extensions = row.get(EXTENSIONS)
    if isinstance(extensions, dict):
        yield from values(extensions)
    for name, value in row.items():
        match value:
            case str() | int() | float() | bool():
                yield name, value
            case [*items] if items and all(isinstance(item, str) for item in items):
                yield name, tuple(str(item) for item in items)
