"""People as the LDIF that fills a directory."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from halo_sandbox.services.people import Person

BASE: Final = "dc=example,dc=org"
PEOPLE: Final = f"ou=people,{BASE}"
GROUPS: Final = f"ou=groups,{BASE}"
READER: Final = f"cn=halo-reader,{BASE}"

Attributes = Iterable[tuple[str, str | None]]


def directory_ldif(people: Sequence[Person], reader_password: str) -> str:
    """The whole directory: its branches, the account that reads it, people and their groups."""
    return "\n".join((*_branches(reader_password), *map(_person, people), *_groups(people)))


def person_dn(uid: str) -> str:
    """Where a person stands in the directory."""
    return f"uid={uid},{PEOPLE}"


def group_dn(department: str) -> str:
    """Where the group of a department stands, spelled as the server itself spells it."""
    name = department.replace(",", r"\2C")
    return f"cn={name},{GROUPS}"


def entry(dn: str, attributes: Attributes) -> str:
    """One LDIF record; attributes without a value are left out."""
    lines = [_line("dn", dn)]
    lines += [_line(name, value) for name, value in attributes if value is not None]
    return "\n".join(lines) + "\n"


def _line(name: str, value: str) -> str:
    """`name: value`, or base64 where RFC 2849 asks for it."""
    plain = value.isascii() and value.isprintable() and value == value.strip()
    if plain and not value.startswith((":", "<")):
        return f"{name}: {value}"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}"


def _branches(reader_password: str) -> Iterator[str]:
    yield entry(
        BASE,
        [("objectClass", "organization"), ("objectClass", "dcObject"), ("o", "Example"), ("dc", "example")],
    )  # fmt: skip
    yield entry(PEOPLE, [("objectClass", "organizationalUnit"), ("ou", "people")])
    yield entry(GROUPS, [("objectClass", "organizationalUnit"), ("ou", "groups")])
    yield entry(
        READER,
        [
            ("objectClass", "organizationalRole"),
            ("objectClass", "simpleSecurityObject"),
            ("cn", "halo-reader"),
            ("userPassword", reader_password),
        ],
    )


def _person(person: Person) -> str:
    return entry(
        person_dn(person.uid),
        [
            ("objectClass", "inetOrgPerson"),
            ("uid", person.uid),
            ("cn", person.cn),
            ("sn", person.sn),
            ("givenName", person.given_name),
            ("mail", person.mail),
            ("title", person.title),
            ("telephoneNumber", person.telephone_number),
            ("mobile", person.mobile),
            ("departmentNumber", person.department),
            ("manager", person_dn(person.manager) if person.manager else None),
            ("employeeNumber", person.employee_number),
            # A plain directory has no word for a disabled account; ours keeps it here.
            ("employeeType", "disabled" if person.disabled else "active"),
            # The overlay sees changes only, not what slapadd loads.
            ("memberOf", group_dn(person.department)),
        ],
    )


def _groups(people: Sequence[Person]) -> Iterator[str]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for person in people:
        members[person.department].append(person_dn(person.uid))
    for department, dns in members.items():
        yield entry(
            group_dn(department),
            [("objectClass", "groupOfNames"), ("cn", department), *(("member", dn) for dn in dns)],
        )
