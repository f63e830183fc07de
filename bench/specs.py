"""The one tenant of all benchmarks, and its integrations."""

from typing import Final

from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec, TenantSpec

REF: Final = IntegrationRef("acme", "people")
GROUP: Final = "office"
AGENT: Final = "office-1"


def tenant(url: str) -> TenantSpec:
    """The tenant whose Halo is here."""
    halo = {"url": url, "client_id": "halo-integrator", "client_secret": "secret://halo"}
    return TenantSpec.model_validate({"name": REF.tenant, "halo": halo})


def integration(path: str, name: str = REF.name) -> IntegrationSpec:
    """Users from the table in this file."""
    return IntegrationSpec.model_validate(
        {
            "name": name,
            "connector": "spreadsheet",
            "group": GROUP,
            "entities": ["users"],
            "settings": {"path": path, "entity": "users", "id_column": "uid", "name_column": "cn"},
            "mapping": {
                "users": {
                    "identity": "third_party_guid",
                    "match": ["emailaddress"],
                    "place": {"client": "Acme", "site": "Main"},
                    "fields": {
                        "name": "cn",
                        "firstname": "givenName",
                        "surname": "sn",
                        "emailaddress": "mail",
                        "login": "uid",
                        "phonenumber": "telephoneNumber",
                        "mobilenumber": "mobile",
                        "jobtitle": "title",
                    },
                }
            },
        }
    )
