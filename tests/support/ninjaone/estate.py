"""What a stand-in instance of NinjaOne holds: organizations, their locations, and devices with what is on them."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]  # Any: a record of NinjaOne is JSON


@dataclass(slots=True)
class Estate:
    """One instance; a test changes it as it likes."""

    organizations: dict[int, Row] = field(default_factory=dict)
    locations: dict[int, Row] = field(default_factory=dict)
    devices: dict[int, Row] = field(default_factory=dict)
    roles: dict[int, Row] = field(default_factory=dict)
    logons: dict[int, Row] = field(default_factory=dict)
    """Row of the report on last users, by device."""
    software: dict[int, list[Row]] = field(default_factory=dict)
    """Rows of the report on software, by device."""

    def organization(self, id_: int, name: str, **values: Any) -> None:  # Any: JSON
        """Make an organization, or change it."""
        held = self.organizations.setdefault(id_, {"id": id_, "nodeApprovalMode": "AUTOMATIC"})
        held.update(name=name, **values)

    def location(self, id_: int, organization: int, name: str) -> None:
        """Make a location, or change it."""
        held = self.locations.setdefault(id_, {"id": id_})
        held.update(name=name, organizationId=organization)

    def device(self, id_: int, **values: Any) -> Row:  # Any: JSON
        """Make a device, or change what is given."""
        if id_ not in self.devices:
            self.devices[id_] = _device(id_)
        self.devices[id_].update(values)
        return self.devices[id_]

    def logon(self, device: int, user: str, at: float = 1_790_000_000.0) -> None:
        """Somebody was last logged on to this device."""
        self.logons[device] = {"deviceId": device, "userName": user, "logonTime": at, "timestamp": at}

    def install(self, device: int, *programs: tuple[str, str]) -> None:
        """These programs, by name and version, are what is on this device."""
        self.software[device] = [
            {"deviceId": device, "name": name, "version": version, "publisher": "Example", "size": 1}
            for name, version in programs
        ]

    def remove(self, device: int) -> None:
        """Delete a device, with what is known of it."""
        del self.devices[device]
        self.logons.pop(device, None)
        self.software.pop(device, None)


def _device(id_: int) -> Row:
    """A workstation as `devices-detailed` shows it."""
    return {
        "id": id_,
        "uid": f"00000000-0000-0000-0000-{id_:012}",
        "organizationId": 1,
        "locationId": 11,
        "nodeClass": "WINDOWS_WORKSTATION",
        "nodeRoleId": 201,
        "approvalStatus": "APPROVED",
        "offline": False,
        "displayName": f"PC-{id_}",
        "systemName": f"PC-{id_}",
        "created": 1_700_000_000.5,
        "lastContact": 1_790_000_000.25,
        "ipAddresses": [f"10.0.0.{id_ % 250}"],
        "macAddresses": [f"00:11:22:33:{id_ // 250 % 250:02X}:{id_ % 250:02X}"],
        "system": {"manufacturer": "Dell Inc.", "model": "Latitude 7440", "serialNumber": f"S{id_:06}"},
        "os": {"manufacturer": "Microsoft Corporation", "name": "Windows 11 Pro", "buildNumber": "22631"},
        "tags": [],
    }
