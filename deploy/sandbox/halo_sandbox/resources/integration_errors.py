"""Halo's own log of what an integration could not do; every column of it is NOT NULL."""

from halo_sandbox.resources.resource import Column, Resource

INTEGRATION_ERROR = Resource(
    path="IntegrationError",
    schema="IntegrationError",
    database_table="IntegrationError",
    first_id=80001,
    envelope="errors",
    numbers=("module_id", "detail_id"),
    filters=("module_id", "detail_id"),
    columns=(
        Column("module_id", "IEMSid", required=True),
        Column("detail_id", "IEDetailId", required=True),
        Column("entity_type", "IEEntityType", 100, required=True),
        Column("entity_id", "IEEntityId", required=True),
        Column("entity_name", "IEEntityName", 100, required=True),
        Column("endpoint", "IEEndpoint", 100, required=True),
        Column("error", "IEError", 2000, required=True),
        Column("date", "IEDate", required=True),
    ),
    deletable=True,
)
