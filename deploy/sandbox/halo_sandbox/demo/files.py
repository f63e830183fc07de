"""The files a customer would write: a tenant, three integrations, an agent's settings, an asset list."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import openpyxl
import yaml

from halo_sandbox.server import Sandbox
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_sandbox.services.people import Person

TENANT: Final = "acme"
GROUP: Final = "office"
AGENT: Final = "office-1"
PEOPLE: Final = f"{TENANT}/people"
MACHINES: Final = f"{TENANT}/machines"
BROKEN: Final = f"{TENANT}/branch-people"

SENDER: Final = "Halo sync <halo@centre.example>"
ADDRESS: Final = "jane@acme.example"

Content = Mapping[str, object]

PERSON: Final[Content] = {
    "name": "jane",
    "title": "Jane Doe, who looks after Acme's Halo",
    "tenant": TENANT,
    "channels": [{"kind": "email", "address": ADDRESS}],
    "zone": "Europe/London",
}

USER_FIELDS: Final = {
    "name": "cn",
    "firstname": "givenName",
    "surname": "sn",
    "emailaddress": "mail",
    "login": "uid",
    "phonenumber": "telephoneNumber",
    "mobilenumber": "mobile",
    "jobtitle": "title",
}


def write(folder: Path, name: str, content: Content) -> Path:
    """One YAML file in this folder."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def tenant(sandbox: Sandbox) -> Content:
    """How to reach the Halo of this demo."""
    return {
        "name": TENANT,
        "title": "Acme Ltd",
        "halo": {
            "kind": "hosted",
            "url": sandbox.url,
            "client_id": sandbox.settings.client_id,
            "client_secret": "secret://halo-acme",
            "requests_per_minute": 3000,
        },
    }


def people_from_directory(url: str, ca_file: Path, base: str, bind_dn: str) -> Content:
    """Users from an LDAP directory."""
    settings = {
        "url": url,
        "ca_file": str(ca_file),
        "base": base,
        "bind_dn": bind_dn,
        "password": "secret://directory",
        "disabled": {"attribute": "employeeType", "values": ["disabled"]},
    }
    return _users("people", "People of the head office", "ldap", settings, USER_FIELDS)


def people_from_domain(domain: PrivateDomain) -> Content:
    """Users from an Active Directory domain: those of the company's units, whatever they are called tomorrow."""
    settings = {
        "domain": domain.realm.lower(),
        "controllers": [domain.address],
        "ca_file": str(domain.ca_file),
        "account": domain.reader,
        "password": "secret://directory",
        "scope": [{"name": "people of the company", "filter": "(employeeID=*)"}],
    }
    fields = USER_FIELDS | {"name": "displayName", "login": "userPrincipalName"}
    return _users("people", "People of the head office", "active-directory", settings, fields)


def people_from_spreadsheet(file: Path) -> Content:
    """Users from a table, where no directory server can be had."""
    settings = {
        "path": str(file),
        "entity": "users",
        "id_column": "uid",
        "name_column": "cn",
        "inactive": {"column": "employeeType", "values": ["disabled"]},
    }
    return _users("people", "People of the head office", "spreadsheet", settings, USER_FIELDS)


def machines(file: Path) -> Content:
    """Assets from a spreadsheet."""
    return {
        "name": "machines",
        "title": "Machines of the head office",
        "connector": "spreadsheet",
        "entities": ["assets"],
        "schedule": {"every": "1h"},
        "settings": {"path": str(file), "entity": "assets", "id_column": "Tag"},
        "mapping": {
            "assets": {
                "identity": "third_party_id_string",
                "match": ["inventory_number"],
                "fields": {
                    "inventory_number": "Tag",
                    "fields.Serial Number": "Serial",
                    "fields.Model": "Model",
                },
                "asset_type": {"from": "Type", "default": "Workstation"},
                "place": {"client": "Acme", "site": "Main"},
            }
        },
    }


def broken_people(base: str) -> Content:
    """Users from a directory that does not listen: broken on purpose."""
    settings = {
        "url": "ldaps://127.0.0.1:1",
        "base": base,
        "bind_dn": f"cn=reader,{base}",
        "password": "secret://directory",
    }
    return _users(
        "branch-people", "People of the branch (broken on purpose)", "ldap", settings, {"name": "cn"}
    )


def branch(people: Content, **narrower: object) -> Content:
    """The broken one with the right address: the branch's people are some of the same source."""
    settings = people["settings"]
    same = dict(settings) if isinstance(settings, Mapping) else {}
    name = BROKEN.split("/")[1]
    return {**people, "name": name, "title": "People of the branch", "settings": same | narrower}


def write_machines(file: Path, number: int) -> None:
    """An asset list as a facilities team keeps it."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Machines", 0)
    sheet.append(["Tag", "Type", "Model", "Serial"])
    for index in range(number):
        kind, model = ("Server", "PowerEdge R650") if index % 10 == 0 else ("Workstation", "Latitude 7440")
        sheet.append([f"ACME-{index:04d}", kind, model, f"SN{index * 7919:08d}"])
    book.save(file)


def write_people(file: Path, people: tuple[Person, ...]) -> None:
    """The same people as in the directory, as a table."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("People", 0)
    sheet.append([*USER_FIELDS.values(), "employeeType"])
    for one in people:
        sheet.append(
            [
                one.cn,
                one.given_name,
                one.sn,
                one.mail,
                one.uid,
                one.telephone_number,
                one.mobile,
                one.title,
                "disabled" if one.disabled else "active",
            ]
        )
    book.save(file)


def _users(name: str, title: str, connector: str, settings: Content, fields: Mapping[str, str]) -> Content:
    return {
        "name": name,
        "title": title,
        "connector": connector,
        "entities": ["users"],
        "settings": settings,
        "mapping": {
            "users": {
                "identity": "third_party_guid",
                "match": ["emailaddress"] if "emailaddress" in fields else [],
                "fields": dict(fields),
                "place": {"client": "Acme", "site": "Main"},
            }
        },
    }
