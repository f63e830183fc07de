"""The settings of the active_directory connector, which are also its form and its documentation."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from halo_agent.connectors.active_directory.rules import Role, Rule
from halo_shared.durations import Span
from halo_shared.mapping import Strict
from halo_shared.redaction import SecretRef

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.:_-]*[A-Za-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]+$")]


class Security(StrEnum):
    """How the connection is kept from being read on the way."""

    LDAPS = "ldaps"
    STARTTLS = "starttls"
    SEALED = "sealed"
    PLAIN = "plain"


PORTS: Final = {Security.LDAPS: 636, Security.STARTTLS: 389, Security.SEALED: 389, Security.PLAIN: 389}


def _account(text: str) -> str:
    if "@" not in text and "\\" not in text and "=" not in text:
        raise ValueError(
            f"'{text}' does not say of which domain it is: write it as in halo-reader@example.com or EXAMPLE\\halo-reader"
        )
    return text


class Kerberos(Strict):
    """Signing in with Kerberos."""

    principal: str | None = Field(
        default=None,
        description="The account, as in halo-reader@EXAMPLE.COM; for the machine's own account AGENT1$@EXAMPLE.COM. "
        "Left out, the account that the agent runs under signs in (Windows: its service account).",
    )
    keytab: Path | None = Field(
        default=None,
        description="File on the agent's machine with the account's keys; /etc/krb5.keytab holds the machine's own. "
        "Left out, a ticket that is already there is used.",
    )

    @model_validator(mode="after")
    def _whose_keytab(self) -> Self:
        if self.keytab and not self.principal:
            raise ValueError(
                "'keytab' may hold the keys of several accounts: say in 'principal' which one signs in"
            )
        return self


class ActiveDirectorySettings(Strict):
    """Where the domain is, who reads it, and what is read."""

    domain: HostName = Field(
        description="DNS name of the domain, as in example.com. Its controllers are found by it.",
    )
    controllers: tuple[HostName, ...] = Field(
        default=(),
        description="Host names of the controllers to use, tried in this order. "
        "Left out, DNS is asked for those of the domain.",
    )
    site: str | None = Field(
        default=None,
        description="The Active Directory site whose controllers are tried first; it is that of the agent's network.",
    )
    dns_servers: tuple[Address, ...] = Field(
        default=(),
        description="Addresses of the DNS servers that know the domain. Left out, those of the agent's machine are asked.",
    )
    security: Security = Field(
        default=Security.LDAPS,
        description="ldaps: TLS on port 636. starttls: TLS on port 389. sealed: Kerberos encrypts by itself, on port 389, "
        "and no certificate is needed. plain: not encrypted, see 'allow_plain'.",
    )
    allow_plain: bool = Field(
        default=False,
        description="Allow 'security: plain'. The password and everything read then cross the network where anybody on "
        "the way can read them; every run says so.",
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Another port than 636 (ldaps) or 389 (all others)."
    )
    ca_file: Path | None = Field(
        default=None,
        description="File on the agent's machine with the certificate (PEM) of the authority that signed the "
        "controllers' certificates. Left out, the authorities that the machine trusts are used.",
    )
    account: Annotated[str, AfterValidator(_account)] | None = Field(
        default=None,
        description="The account that reads, as in halo-reader@example.com or EXAMPLE\\halo-reader. "
        "It needs to read and nothing else.",
    )
    password: SecretRef | None = Field(
        default=None, description="Password of that account, as a reference: secret://name."
    )
    kerberos: Kerberos | None = Field(
        default=None, description="Sign in with Kerberos instead of account and password."
    )
    scope: tuple[Rule, ...] = Field(
        default=(),
        description="Who and what is read, and where in Halo it belongs: the first rule that catches a record decides. "
        "Left out, everything in the domain is read.",
    )
    contacts: bool = Field(
        default=False,
        description="Read contacts as users, too: people in the address book who cannot sign in.",
    )
    roles: tuple[Role, ...] = Field(
        default=(),
        description="Groups that stand for a role in Halo: the first that a user is a member of, directly or through "
        "other groups, gives the attribute 'role' for the mapping.",
    )
    page_size: int = Field(
        default=500,
        ge=1,
        le=1000,
        description="Entries that a controller hands out at a time; 1000 is the most that Active Directory allows.",
    )
    timeout: Span = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long a controller may take for one answer, as in 30s.",
    )
    full_every: Span = Field(
        default=timedelta(days=1),
        ge=timedelta(minutes=1),
        description="Where the account may not see deleted objects, how often everything is read to find who left.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.kerberos is not None and (self.account or self.password):
            raise ValueError("'kerberos' signs in without 'account' and 'password': leave those two out")
        if self.kerberos is None and not (self.account and self.password):
            raise ValueError("'account' and 'password' are needed together, or 'kerberos' instead of both")
        return self

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security is Security.SEALED and self.kerberos is None:
            raise ValueError("'security: sealed' is Kerberos' own encryption: say 'kerberos', or use ldaps")
        if self.security is Security.PLAIN and not self.allow_plain:
            raise ValueError(
                "with 'security: plain' the password would cross the network in clear: leave 'security' out for ldaps; "
                "only where nobody can listen, set 'allow_plain: true'"
            )
        return self

    @property
    def where(self) -> int:
        """The port of the controllers."""
        return self.port or PORTS[self.security]

    @property
    def who(self) -> str:
        """The account that reads, for messages."""
        if self.kerberos is None:
            return str(self.account)
        return self.kerberos.principal or "the account that the agent runs under"

    @property
    def seconds(self) -> float:
        """The time-out as drivers want it."""
        return self.timeout.total_seconds()
