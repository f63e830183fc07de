"""The settings of the ninjaone connector, which are also its form and its documentation."""

from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from halo_agent.connectors.ninjaone.instances import REGIONS, Instance
from halo_shared.conditions import Strict
from halo_shared.durations import Interval, Span
from halo_shared.redaction import SecretRef

NODE_CLASSES: Final = (
    *("WINDOWS_WORKSTATION", "WINDOWS_SERVER", "MAC", "MAC_SERVER", "LINUX_WORKSTATION", "LINUX_SERVER"),
    *("VMWARE_VM_HOST", "VMWARE_VM_GUEST", "HYPERV_VMM_HOST", "HYPERV_VMM_GUEST"),
    *("ANDROID", "APPLE_IOS", "APPLE_IPADOS", "CLOUD_MONITOR_TARGET"),
    *("NMS_SWITCH", "NMS_ROUTER", "NMS_FIREWALL", "NMS_PRIVATE_NETWORK_GATEWAY", "NMS_PRINTER"),
    *("NMS_SCANNER", "NMS_DIAL_MANAGER", "NMS_WAP", "NMS_IPSLA", "NMS_COMPUTER", "NMS_VM_HOST"),
    *("NMS_APPLIANCE", "NMS_OTHER", "NMS_SERVER", "NMS_PHONE", "NMS_VIRTUAL_MACHINE"),
    "NMS_NETWORK_MANAGEMENT_AGENT",
)
COMPUTERS: Final = ("WINDOWS_*", "MAC*", "LINUX_*")
"""What runs NinjaOne's own agent; a type of asset in Halo suits all of them."""
ALL: Final = "*"


def _class(pattern: str) -> str:
    named = pattern.strip().upper()
    if not any(fnmatchcase(known, named) for known in NODE_CLASSES):
        raise ValueError(
            f"'{pattern}' is no node class of NinjaOne: write one as in WINDOWS_SERVER, several as in NMS_*, or *"
        )
    return named


class Organizations(Strict):
    """Which organizations are read; their locations and devices go with them."""

    include: tuple[str | int, ...] = Field(
        default=(), description="Names or ids of organizations: only these are read. Left out, all are."
    )
    exclude: tuple[str | int, ...] = Field(
        default=(), description="Names or ids of organizations that are not read."
    )


class Devices(Strict):
    """Which devices are read."""

    classes: tuple[Annotated[str, AfterValidator(_class)], ...] = Field(
        default=COMPUTERS,
        min_length=1,
        description="Node classes, as in WINDOWS_SERVER or NMS_*; * stands for all. Left out, computers are read.",
    )
    filter: str | None = Field(
        default=None,
        min_length=1,
        description="A device filter of NinjaOne's own, as in: group 12 AND created after 2024-01-01.",
    )
    pending: bool = Field(default=False, description="Whether devices that wait for approval are read too.")
    inactive_after: Interval | None = Field(
        default=None,
        description="A device that has not been in contact for so long counts as out of use, as in 90d. "
        "Left out, only a device that is no longer in NinjaOne does.",
    )


class Domain(StrEnum):
    """What becomes of the domain before the name of a user, as in ACME\\anna."""

    KEEP = "keep"
    DROP = "drop"


class LastUser(Strict):
    """Whether and how who was last logged on becomes the user of an asset."""

    link: bool = Field(default=True, description="Whether last users are read and linked.")
    field: str = Field(
        default="login",
        min_length=1,
        description="Field of Halo's users that holds what NinjaOne calls them; it must be one user's alone.",
    )
    domain: Domain = Field(
        default=Domain.KEEP,
        description="keep: look for ACME\\anna; drop: look for anna, which must then be unique among all clients.",
    )
    ignore: tuple[str, ...] = Field(
        default=(),
        description="Who is nobody's user, as in *\\Administrator; * stands for anything.",
    )


class NinjaOneSettings(Strict):
    """Which instance is read, by whom, and what of it."""

    instance: Instance = Field(
        description=f"Region ({', '.join(REGIONS)}), or the address that a browser shows, "
        "as in https://eu.ninjarmm.com."
    )
    client_id: str = Field(min_length=1, description="Client ID of the API application.")
    client_secret: SecretRef = Field(description="Its client secret, as a reference: secret://name.")
    organizations: Organizations = Field(default=Organizations(), description="Which organizations are read.")
    devices: Devices = Field(default=Devices(), description="Which devices are read.")
    last_user: LastUser = Field(
        default=LastUser(), description="How who was last logged on becomes the user of an asset."
    )
    software: bool = Field(
        default=False, description="Whether the programs of each device are read and written to its asset."
    )
    timeout: Span = Field(
        default=timedelta(seconds=60),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long one answer may take, as in 60s.",
    )
