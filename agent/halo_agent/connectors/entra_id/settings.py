"""The settings of the entra_id connector, which are also its form and its documentation."""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from halo_agent.connectors.entra_id.clouds import Cloud, Endpoints
from halo_shared.conditions import Spot, Strict
from halo_shared.durations import Span
from halo_shared.redaction import SecretRef

GUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)


def _directory(text: str) -> str:
    if not (GUID.fullmatch(text) or DOMAIN.fullmatch(text)):
        raise ValueError(
            f"'{text}' is not an Entra tenant: write its directory (tenant) ID, or one of its domains, "
            "as in contoso.onmicrosoft.com"
        )
    return text.lower()


def _application(text: str) -> str:
    if not GUID.fullmatch(text):
        raise ValueError(
            f"'{text}' is not an application (client) ID, which has the form 00000000-0000-0000-0000-000000000000"
        )
    return text.lower()


class Certificate(Strict):
    """A certificate that the application knows, instead of a secret."""

    file: Path = Field(description="PEM file on the agent's machine with the certificate and its RSA key.")
    passphrase: SecretRef | None = Field(
        default=None, description="Passphrase of the key, as a reference; left out when it has none."
    )


class Directory(Strict):
    """One Entra tenant, and the application that reads it."""

    tenant: Annotated[str, AfterValidator(_directory)] = Field(
        description="Directory (tenant) ID, or a domain of the tenant."
    )
    client_id: Annotated[str, AfterValidator(_application)] = Field(
        description="Application (client) ID of the app registration in that tenant."
    )
    client_secret: SecretRef | None = Field(
        default=None, description="Its client secret, as a reference: secret://name."
    )
    certificate: Certificate | None = Field(
        default=None, description="Its certificate, instead of a client secret."
    )
    place: Spot | None = Field(
        default=None,
        description="Client and site in Halo that everything of this tenant belongs to, "
        "for a service provider with several; left out, the mapping decides.",
    )

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.client_secret is None) == (self.certificate is None):
            raise ValueError("give either 'client_secret' or 'certificate'")
        return self


class AttributeRule(Strict):
    """A condition on one property of a user; capitals make no difference."""

    attribute: str = Field(min_length=1, description="Property of the user, as in department.")
    values: tuple[str, ...] = Field(
        min_length=1, description="Values that fulfil it; * stands for anything, as in *@contoso.com."
    )


class Users(Strict):
    """Which users are read."""

    groups: tuple[str, ...] = Field(
        default=(),
        description="Names or object IDs of groups: only their members are read, those of nested groups too. "
        "Left out, all users are.",
    )
    exclude_groups: tuple[str, ...] = Field(
        default=(), description="Names or object IDs of groups whose members are not read."
    )
    where: tuple[AttributeRule, ...] = Field(
        default=(), description="Conditions on properties; a user has to fulfil all of them."
    )
    guests: bool = Field(default=False, description="Whether guests of the directory are read too.")
    roles_from: tuple[str, ...] = Field(
        default=(),
        description="Names or object IDs of groups that the attribute 'groups' names for their members, "
        "for a mapping to make roles of.",
    )

    @property
    def named_groups(self) -> tuple[str, ...]:
        """Every group whose members have to be known, once."""
        return tuple(dict.fromkeys((*self.groups, *self.exclude_groups, *self.roles_from)))


class DeviceSource(StrEnum):
    """Who knows the devices."""

    INTUNE = "intune"
    """Devices that Intune manages: serial number, model, owner and more."""
    ENTRA = "entra"
    """Devices that are registered in the directory: name, system and little more."""


class EntraIdSettings(Strict):
    """Which directories are read, by whom, and what of them."""

    directories: tuple[Directory, ...] = Field(
        min_length=1, description="The Entra tenants to read; more than one for a service provider."
    )
    cloud: Cloud | Endpoints = Field(
        default=Cloud.GLOBAL,
        description="global, us_government (GCC High), us_defense (DoD) or china; "
        "or the addresses 'login' and 'graph' of another one.",
    )
    users: Users = Field(default=Users(), description="Which users are read.")
    devices: DeviceSource = Field(
        default=DeviceSource.INTUNE, description="Where assets come from: intune or entra."
    )
    timeout: Span = Field(
        default=timedelta(seconds=60),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long one answer may take, as in 60s.",
    )

    @model_validator(mode="after")
    def _each_tenant_once(self) -> Self:
        tenants = [directory.tenant for directory in self.directories]
        if twice := {tenant for tenant in tenants if tenants.count(tenant) > 1}:
            raise ValueError(f"directories: {', '.join(sorted(twice))} is named twice")
        return self
