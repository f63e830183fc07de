"""The settings of the ldap connector, which are also its form and its documentation."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from halo_shared.durations import Span
from halo_shared.mapping import Strict
from halo_shared.redaction import SecretRef

HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
PORTS: Final = {"ldap": 389, "ldaps": 636}
ATTRIBUTES: Final = (
    "uid",
    "givenName",
    "sn",
    "displayName",
    "mail",
    "telephoneNumber",
    "mobile",
    "title",
    "departmentNumber",
    "employeeNumber",
    "manager",
)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in PORTS or not HOST.fullmatch(parts.hostname or "") or not _port_is_valid(parts):
        raise ValueError(
            f"'{text}' is not the address of a directory: write ldaps://host or ldap://host, "
            "and :port behind it when it is neither 636 nor 389"
        )
    if parts.username or parts.path.strip("/") or parts.query:
        raise ValueError(
            f"'{text}' says too much: only host and port belong here; "
            "what to read is said by 'base', 'filter' and 'attributes', and who reads it by 'bind_dn'"
        )
    return text.rstrip("/")


def _port_is_valid(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:  # not a number, or none that a port can have
        return False


def _balanced(text: str) -> str:
    """The filter, whose parentheses close what they open; one inside a value is written \\28 or \\29."""
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth <= 0 and position < len(text) - 1:
            break
    else:
        if depth == 0 and text:
            return text
    raise ValueError(
        f"'{text}' is not a filter: it needs one pair of parentheses around all of it, and each closed again, "
        r"as in (&(objectClass=inetOrgPerson)(mail=*)); a parenthesis inside a value is written \28 or \29"
    )


AttributeName = Annotated[str, StringConstraints(pattern=r"^(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)$")]


class DisabledWhen(Strict):
    """How the directory marks an account that is out of use."""

    attribute: AttributeName = Field(description="The attribute that says so, as in employeeType.")
    values: tuple[str, ...] = Field(
        min_length=1,
        description="The values that mean that the account is out of use, in any case of letters.",
    )


class LdapSettings(Strict):
    """Where the directory is, who reads it, and what is read."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Address of the directory: ldaps://host (port 636), or ldap://host (port 389) with StartTLS. "
        "Another port is written behind it: ldaps://host:1636.",
    )
    starttls: bool = Field(
        default=True,
        description="With ldap://, encrypt the connection before the password is sent. ldaps:// is encrypted anyway.",
    )
    allow_plain: bool = Field(
        default=False,
        description="Allow ldap:// without StartTLS. The password and everything read then cross the network "
        "where anybody on the way can read them.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="File on the agent's machine with the certificate (PEM) of the authority that signed the "
        "directory's certificate. Left out, the authorities that the machine trusts are used. "
        "On Windows the authority must be in the machine's certificate store as well.",
    )
    bind_dn: str = Field(
        min_length=1,
        description="DN of the account that reads the directory, as in cn=halo-reader,dc=example,dc=org. "
        "It needs to read and nothing else.",
    )
    password: SecretRef = Field(
        description="Password of that account, as a reference: secret://name.",
    )
    base: str = Field(
        min_length=1,
        description="DN of the branch to read, with everything below it, as in ou=people,dc=example,dc=org.",
    )
    filter: Annotated[str, AfterValidator(_balanced)] = Field(
        default="(objectClass=inetOrgPerson)",
        description="LDAP filter that says which entries are users.",
    )
    id_attribute: AttributeName = Field(
        default="entryUUID",
        description="Attribute that identifies a user for ever. It must never change, not even when the user is "
        "renamed or moved: entryUUID for OpenLDAP, nsUniqueId for 389 Directory Server.",
    )
    name_attribute: AttributeName = Field(
        default="cn",
        description="Attribute that holds what people call the user; it stands in messages.",
    )
    attributes: tuple[AttributeName, ...] = Field(
        default=ATTRIBUTES,
        description="Attributes to read, under the names that the directory itself uses. Name what the mapping "
        "needs and no more. The DN is always read, and so are the other attributes named here.",
    )
    page_size: int = Field(
        default=500,
        ge=1,
        le=10_000,
        description="Entries that the directory hands out at a time; lower it when the directory allows less.",
    )
    timeout: Span = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long the directory may take for one answer, as in 30s.",
    )
    disabled: DisabledWhen | None = Field(
        default=None,
        description="How an account that is out of use is known, as in {attribute: employeeType, values: [disabled]}. "
        "One that an administrator locked (pwdAccountLockedTime 000001010000Z) always counts as out of use.",
    )

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if not (self.encrypted or self.allow_plain):
            raise ValueError(
                "with 'starttls: false' the password of bind_dn would cross the network in clear: "
                "leave 'starttls' out, or use ldaps:// in 'url'; "
                "only where nobody can listen, set 'allow_plain: true'"
            )
        return self

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.url.startswith("ldaps://") or self.starttls

    @property
    def upgrades(self) -> bool:
        """Whether a connection starts in clear and is encrypted by StartTLS."""
        return self.url.startswith("ldap://") and self.starttls

    @property
    def host(self) -> str:
        """The name that the directory's certificate must have."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """The port, said or not."""
        parts = urlsplit(self.url)
        return parts.port or PORTS[parts.scheme]

    @property
    def seconds(self) -> float:
        """The time-out as drivers want it."""
        return self.timeout.total_seconds()
