"""The device filter of the stand-in: NinjaOne's grammar, and a refusal of everything else."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tests.support.ninjaone.estate import Row

Test = Callable[[Row], bool]

FIELDS: Final[Mapping[str, str]] = {
    "org": "organizationId",
    "organization": "organizationId",
    "loc": "locationId",
    "location": "locationId",
    "role": "nodeRoleId",
    "id": "id",
    "class": "nodeClass",
    "status": "approvalStatus",
}
CLASSES: Final = frozenset(
    [
        "WINDOWS_SERVER",
        "WINDOWS_WORKSTATION",
        "LINUX_WORKSTATION",
        "LINUX_SERVER",
        "MAC",
        "MAC_SERVER",
        "ANDROID",
        "APPLE_IOS",
        "APPLE_IPADOS",
        "VMWARE_VM_HOST",
        "VMWARE_VM_GUEST",
        "HYPERV_VMM_HOST",
        "HYPERV_VMM_GUEST",
        "CLOUD_MONITOR_TARGET",
        "NMS_SWITCH",
        "NMS_ROUTER",
        "NMS_FIREWALL",
        "NMS_PRIVATE_NETWORK_GATEWAY",
        "NMS_PRINTER",
        "NMS_SCANNER",
        "NMS_DIAL_MANAGER",
        "NMS_WAP",
        "NMS_IPSLA",
        "NMS_COMPUTER",
        "NMS_VM_HOST",
        "NMS_APPLIANCE",
        "NMS_OTHER",
        "NMS_SERVER",
        "NMS_PHONE",
        "NMS_VIRTUAL_MACHINE",
        "NMS_NETWORK_MANAGEMENT_AGENT",
    ]
)
STATUSES: Final = frozenset({"APPROVED", "PENDING"})
_ONE: Final = re.compile(r"(\w+)\s*(=|!=|\beq\b|\bneq\b)\s*(\w+)")
_SEVERAL: Final = re.compile(r"(\w+)\s+(in|notin)\s*\(\s*(\w+(?:\s*,\s*\w+)*)\s*\)")


class NotAFilter(ValueError):
    """An expression that NinjaOne does not understand."""


def parsed(expression: str) -> Test:
    """Whether a device passes; raises NotAFilter."""
    tests = [_term(term.strip()) for term in re.split(r"\s+AND\s+", expression)]
    return lambda device: all(test(device) for test in tests)


def _term(term: str) -> Test:
    if term in {"online", "offline"}:
        return lambda device: bool(device["offline"]) is (term == "offline")
    if found := _ONE.fullmatch(term):
        return _among(found[1], {found[3]}, negated=found[2] in {"!=", "neq"})
    if found := _SEVERAL.fullmatch(term):
        return _among(found[1], set(re.split(r"\s*,\s*", found[3])), negated=found[2] == "notin")
    raise NotAFilter(f"Invalid device filter near '{term}'")


def _among(name: str, values: set[str], *, negated: bool) -> Test:
    if name not in FIELDS:
        raise NotAFilter(f"Unknown field '{name}'")
    known = {"class": CLASSES, "status": STATUSES}.get(name)
    for value in values:
        if not (value in known if known else value.isdecimal()):
            raise NotAFilter(f"Invalid value '{value}' of '{name}'")
    return lambda device: (str(device.get(FIELDS[name])) in values) is not negated
