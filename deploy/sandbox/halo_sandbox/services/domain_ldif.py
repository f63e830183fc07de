"""People, machines and groups as the LDIF that fills an Active Directory domain."""

import base64
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from halo_sandbox.services.ldif import Attributes, entry
from halo_sandbox.services.people import Person

REALM: Final = "EXAMPLE.TEST"
NETBIOS: Final = "EXAMPLE"
BASE: Final = "DC=example,DC=test"
COMPANY: Final = f"OU=Company,{BASE}"
PEOPLE: Final = f"OU=People,{COMPANY}"
GROUPS: Final = f"OU=Groups,{COMPANY}"
MACHINES: Final = f"OU=Machines,{COMPANY}"
READER: Final = f"CN=halo-reader,CN=Users,{BASE}"
EVERYBODY: Final = "all-staff"

NORMAL: Final = 512
DISABLED: Final = 514
WORKSTATION: Final = 4096
SYSTEMS: Final = ("Windows 11 Enterprise", "Windows 10 Pro", "Windows Server 2022 Standard")
LONGEST_LOGIN: Final = 20


def domain_ldif(people: Sequence[Person], machines: int, reader_password: str) -> str:
    """The whole domain beyond what every domain has: units, the reading account, people, machines, groups."""
    dns = {person.uid: person_dn(person) for person in people}
    return "\n".join(
        (
            *_units(people),
            account("halo-reader", reader_password),
            *(_person(person, dns) for person in people),
            *map(_machine, range(machines)),
            *_groups(people, dns),
        )
    )


def unit_dn(department: str) -> str:
    """The organisational unit of a department."""
    return f"OU={_escaped(department)},{PEOPLE}"


def person_dn(person: Person) -> str:
    """Where a person stands; the uid in the name keeps namesakes of one department apart."""
    return f"CN={_escaped(f'{person.cn} ({person.uid})')},{unit_dn(person.department)}"


def group_dn(name: str) -> str:
    """Where the group of this name stands."""
    return f"CN={_escaped(name)},{GROUPS}"


def login(person: Person) -> str:
    """The person's sAMAccountName, for which Active Directory allows twenty characters."""
    if len(person.uid) <= LONGEST_LOGIN:
        return person.uid
    return f"{person.uid[:13]}.{person.employee_number}"


def _escaped(name: str) -> str:
    """A name as a part of a DN (RFC 4514)."""
    return "".join(f"\\{character}" if character in ',+"\\<>;=#' else character for character in name)


def _units(people: Sequence[Person]) -> Iterator[str]:
    departments = dict.fromkeys(person.department for person in people)
    for dn in (COMPANY, PEOPLE, GROUPS, MACHINES, *map(unit_dn, departments)):
        yield entry(dn, [("objectClass", "organizationalUnit")])


def account(name: str, password: str) -> str:
    """An account for a program, outside the company's units."""
    attributes: Attributes = [
        ("objectClass", "user"),
        ("sAMAccountName", name),
        ("userPrincipalName", f"{name}@{REALM.lower()}"),
        ("userAccountControl", str(NORMAL)),
    ]
    value = base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()
    return f"{entry(f'CN={name},CN=Users,{BASE}', attributes)}unicodePwd:: {value}\n"


def _person(person: Person, dns: dict[str, str]) -> str:
    return entry(
        dns[person.uid],
        [
            ("objectClass", "user"),
            ("sAMAccountName", login(person)),
            ("userPrincipalName", f"{person.uid}@{REALM.lower()}"),
            ("displayName", person.cn),
            ("givenName", person.given_name),
            ("sn", person.sn),
            ("mail", person.mail),
            ("title", person.title),
            ("telephoneNumber", person.telephone_number),
            ("mobile", person.mobile),
            ("department", person.department),
            ("company", "Example"),
            ("employeeID", person.employee_number),
            ("manager", dns[person.manager] if person.manager else None),
            ("userAccountControl", str(DISABLED if person.disabled else NORMAL)),
        ],
    )


def _machine(index: int) -> str:
    name = f"WS{index:05d}"
    return entry(
        f"CN={name},{MACHINES}",
        [
            ("objectClass", "computer"),
            ("sAMAccountName", f"{name}$"),
            ("dNSHostName", f"{name.lower()}.{REALM.lower()}"),
            ("operatingSystem", SYSTEMS[index % len(SYSTEMS)]),
            ("operatingSystemVersion", "10.0 (22631)"),
            ("userAccountControl", str(WORKSTATION)),
        ],
    )


def _groups(people: Sequence[Person], dns: dict[str, str]) -> Iterator[str]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for person in people:
        members[f"dept {person.department}"].append(dns[person.uid])
        members[EVERYBODY].append(dns[person.uid])
    for index, (name, their) in enumerate(members.items()):
        yield entry(
            group_dn(name),
            [
                ("objectClass", "group"),
                ("sAMAccountName", f"group-{index}"),
                *(("member", dn) for dn in their),
            ],
        )
