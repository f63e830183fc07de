"""Tenant and integration files: their short forms, their defaults, and what they refuse."""

from datetime import timedelta

import pytest

from halo_shared import files
from halo_shared.entities import EntityKind
from halo_shared.errors import SettingsInvalid
from halo_shared.integrations import IntegrationSpec, TenantKind, TenantSpec
from halo_shared.limits import EntityLimits, Limit, Limits
from halo_shared.mapping import FieldRule, When

TENANT = """\
name: acme
halo:
  url: https://acme.example
  client_id: halo-integrator
  client_secret: secret://halo-acme
"""

INTEGRATION = """\
name: people
connector: ldap
entities: [users]
mapping:
  users:
    identity: azureoid
    place: {client: Acme}
    match: [emailaddress]
    fields:
      emailaddress: mail
      inactive: {value: false, when: create}
"""

ASSETS = """\
  assets:
    identity: fields.Source Id
    place: {client: Acme, site: Depot}
    fields: {fields.Serial Number: serial}
"""


def integration(text: str = INTEGRATION) -> IntegrationSpec:
    return files.parse(text, IntegrationSpec, name="people.yaml")


def refused(text: str, model: type[IntegrationSpec] | type[TenantSpec] = IntegrationSpec) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        files.parse(text, model, name="f.yaml")
    return str(caught.value)


def test_a_tenant_needs_only_this_much() -> None:
    tenant = files.parse(TENANT, TenantSpec, name="acme.yaml")

    assert tenant.halo.kind is TenantKind.HOSTED
    assert (tenant.halo.requests_per_minute, tenant.halo.page_size) == (50, 100)


@pytest.mark.parametrize(
    ("instead_of", "written", "sentence"),
    [
        ("secret://halo-acme", "hunter22", "f.yaml line 5: halo.client_secret: must be a reference such as secret://halo-acme"),
        ("https://acme.example", "acme.example", "f.yaml line 3: halo.url: must be a valid URL"),
        ("name: acme", "name: Acme Ltd", "f.yaml line 1: name: String should match pattern"),
    ],
)  # fmt: skip
def test_what_a_tenant_file_may_not_say(instead_of: str, written: str, sentence: str) -> None:
    said = refused(TENANT.replace(instead_of, written), TenantSpec)

    assert said.startswith(sentence)
    assert "hunter22" not in said


def test_an_integration_needs_only_this_much() -> None:
    spec = integration()

    assert (spec.group, spec.schedule, spec.deadline) == (None, None, timedelta(hours=6))
    assert spec.limits.of(EntityKind.USERS).retire == Limit(count=500, percent=20, from_population=100)


def test_the_short_form_of_a_rule() -> None:
    assert integration().mapping[EntityKind.USERS].fields == {
        "emailaddress": FieldRule(source="mail"),
        "inactive": FieldRule(value=False, when=When.CREATE),
    }


def test_a_site_is_main_unless_it_is_named() -> None:
    place = integration().mapping[EntityKind.USERS].place
    assert place is not None
    assert place.site == "Main"


def test_limits_that_are_not_named_have_the_defaults() -> None:
    limits = Limits(entities={EntityKind.USERS: EntityLimits(retire=Limit(count=5))})

    assert limits.of(EntityKind.USERS).retire == Limit(count=5)
    assert limits.of(EntityKind.USERS).update == limits.of(EntityKind.SITES).update == Limit()


def test_assets_with_a_type() -> None:
    spec = integration(f"{INTEGRATION}{ASSETS}    asset_type: {{from: chassis, default: Workstation}}\n")

    asset_type = spec.mapping[EntityKind.ASSETS].asset_type
    assert asset_type is not None
    assert (asset_type.source, asset_type.default) == ("chassis", "Workstation")


def test_what_a_file_said_travels_unchanged() -> None:
    spec = integration(f"{INTEGRATION}schedule: {{every: 900s}}\n")

    assert IntegrationSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("instead_of", "written", "sentence"),
    [
        ("emailaddress: mail", "emailaddress: {}", "line 10: mapping.users.fields.emailaddress: give either 'from' (an attribute of the source), 'value' (a constant) or 'template'"),
        ("emailaddress: mail", "emailaddress: {from: mail, value: x}", "line 10: mapping.users.fields.emailaddress: give either 'from'"),
        ("emailaddress: mail", "emailaddress: {form: mail}", "line 10: mapping.users.fields.emailaddress.form: unknown key; did you mean 'from'?"),
        ("emailaddress: mail", "emailaddress: {from: mail, when: never}", "line 10: mapping.users.fields.emailaddress.when: must be 'always', 'create' or 'empty'"),
        ("emailaddress: mail", "emailaddress: {from: mail, blank: drop}", "line 10: mapping.users.fields.emailaddress.blank: must be 'keep' or 'clear'"),
        ("[emailaddress]", "[phone]", "line 5: mapping.users: match: 'phone' is not among the mapped fields (emailaddress, inactive)"),
        ("emailaddress: mail", "azureoid: mail", "line 5: mapping.users: match: 'emailaddress' is not among"),
        ("inactive:", "azureoid:", "line 5: mapping.users: fields: 'azureoid' is the identity, which is always the source's own id"),
        ("match: [emailaddress]", "useusers_site: true\n    retire: {status_id: 4}", "line 1: mapping.users: retire.status_id, useusers_site can be said of assets only"),
        ("entities: [users]", "entities: []", "line 3: entities: must hold at least 1"),
        ("entities: [users]", "entities: [user]", "line 3: entities.0: must be 'clients', 'sites', 'users', 'technicians' or 'assets'"),
        ("name: people", "name: people\nschedule: {every: 0s}", "line 2: schedule.every: must be greater than or equal to 1 second"),
        ("name: people", "name: people\nschedule: {every: often}", "line 2: schedule.every: 'often' is not a span of time"),
        ("name: people", "name: people\ndeadline: 0s", "line 2: deadline: must be greater than or equal to 1 second"),
        ("name: people", "name: people\nlimits: {entities: {users: {retire: {percent: 120}}}}", "line 2: limits.entities.users.retire.percent: must be less than or equal to 100"),
        ("name: people", "name: people\nlimits: {entities: {users: {retire: {count: -1}}}}", "line 2: limits.entities.users.retire.count: must be greater than or equal to 0"),
    ],
)  # fmt: skip
def test_what_an_integration_file_may_not_say(instead_of: str, written: str, sentence: str) -> None:
    assert INTEGRATION.count(instead_of) == 1

    assert f"f.yaml {sentence}" in refused(INTEGRATION.replace(instead_of, written))


def test_assets_without_a_type() -> None:
    assert refused(INTEGRATION + ASSETS) == (
        "f.yaml line 1: mapping.assets: 'asset_type' is needed, as in asset_type: {default: Workstation}"
    )
