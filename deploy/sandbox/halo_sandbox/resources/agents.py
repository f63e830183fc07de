"""Agents: the technicians who work in Halo, and the one that an application logs in as."""

from collections.abc import Mapping

from halo_sandbox.resources.resource import Column, Resource

MYSELF: Mapping[str, object] = {
    "id": 1,
    "name": "Halo Integrator",
    "isapiagent": True,
    "is_agent": True,
    "is_admin": False,
    "isdisabled": False,
    "role_list": "Integrations",
}
"""What `/Agent/me` shows: an API-only agent, which no list has."""

AGENT = Resource(
    path="Agent",
    schema="Uname",
    database_table="UNAME",
    first_id=41,
    text=("name", "email", "azureoid", "third_party_guid", "oktaid", "activedirectory_dn"),
    numbers=("isdisabled",),
    columns=(Column("name", "uname", 100, required=True),),
    off="isdisabled",
    shown_by=("includeenabled", "includedisabled"),
    edit_area="admin",
)
"""Any token may see who works here; only an administrator's makes agents."""
