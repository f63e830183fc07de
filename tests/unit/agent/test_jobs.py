"""What the command line and the worker ask for, with a spreadsheet at one side and a Halo at the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.engine.changes import Create, Retire, Update
from halo_agent.jobs.check import check_halo, check_source
from halo_agent.jobs.preview import preview
from halo_agent.settings import Settings
from halo_agent.store.links import open_links
from halo_sandbox.server import Sandbox, running
from halo_shared.clock import SystemClock
from halo_shared.errors import CredentialRefused, UnknownConnector
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from tests.support.builders import REF, tenant_spec
from tests.support.engine import USERS, link_of
from tests.unit.agent.targets.support import Levers, levers

TABLE = """\
id,name,mail
p-1,Anna,anna@acme.example
p-2,Rolf,
,Nobody,nobody@acme.example
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(name="preview", broker_url="", data=tmp_path / "data")


@pytest.fixture
def secrets(settings: Settings) -> LocalSecrets:
    return LocalSecrets(settings.secrets_file, {"HALO_SECRET_HALO_ACME": "sandbox-secret"}, Redactor())


@pytest.fixture
def tenant(sandbox: Sandbox) -> TenantSpec:
    return tenant_spec(url=sandbox.url, requests_per_minute=6000)


@pytest.fixture
def integration(tmp_path: Path) -> IntegrationSpec:
    table = tmp_path / "people.csv"
    table.write_text(TABLE)
    return IntegrationSpec.model_validate(
        {
            "name": "people",
            "connector": "spreadsheet",
            "entities": ["users"],
            "settings": {"path": str(table), "entity": "users", "id_column": "id", "name_column": "name"},
            "mapping": {
                "users": {
                    "identity": "azureoid",
                    "place": {"client": "Acme"},
                    "match": ["emailaddress"],
                    "fields": {"name": "name", "emailaddress": "mail", "jobtitle": "titel"},
                }
            },
            "limits": {"entities": {"users": {"retire": {"count": 0}, "update": {"count": 0}}}},
        }
    )


def write(integration: IntegrationSpec, table: str) -> None:
    """Change what the source holds."""
    Path(str(integration.settings["path"])).write_text(table)


async def test_a_preview_shows_all_that_a_run_would_do_and_writes_nothing(
    tenant: TenantSpec,
    integration: IntegrationSpec,
    settings: Settings,
    secrets: LocalSecrets,
    hands: Levers,
) -> None:
    (site,) = await hands.held("Site")
    await hands.plant(
        "Users", [{"site_id": site["id"], "name": "Anna B", "emailaddress": "anna@acme.example"}]
    )
    before = await hands.held("Users")

    found = await preview(tenant, integration, settings, secrets, SystemClock())

    assert {type(change): change.name for change in found.changes} == {Update: "Anna", Create: "Rolf"}
    assert found.counts[USERS].read == 2
    assert [(problem.kind, problem.name) for problem in found.problems] == [(USERS, "people.csv row 4")]
    assert any("titel" in remark for remark in found.remarks)
    assert [str(excess.action) for excess in found.excesses] == ["update"]
    assert await hands.held("Users") == before
    assert not settings.data.exists()


async def test_a_preview_knows_what_the_agent_remembers_and_leaves_it_as_it_is(
    tenant: TenantSpec,
    integration: IntegrationSpec,
    settings: Settings,
    secrets: LocalSecrets,
    hands: Levers,
) -> None:
    (site,) = await hands.held("Site")
    await hands.plant("Users", [{"site_id": site["id"], "name": "Gone"}])
    gone = next(row for row in await hands.held("Users") if row["name"] == "Gone")
    link = link_of("g-1", gone["id"])
    async with open_links(settings.data / "links.db") as store:
        await store.of(REF, 1).save([link])
    write(integration, TABLE.replace(",Nobody,nobody@acme.example\n", ""))

    found = await preview(tenant, integration, settings, secrets, SystemClock())

    assert [change.name for change in found.changes if isinstance(change, Retire)] == ["Person g-1"]
    async with open_links(settings.data / "links.db") as store:
        assert await store.of(REF, 2).find(USERS, ["g-1", "p-1"]) == {"g-1": link}
        assert [some async for some in store.of(REF, 2).active(USERS)] == [[link]]


async def test_a_source_is_tried_stage_by_stage(integration: IntegrationSpec, secrets: LocalSecrets) -> None:
    steps = [step async for step in check_source(integration, secrets)]

    assert [step.stage for step in steps] == ["settings", "files", "open", "columns", "sample"]
    assert steps[0].found == "valid for connector spreadsheet"


async def test_a_connector_that_is_not_installed_is_named(
    integration: IntegrationSpec, secrets: LocalSecrets
) -> None:
    unknown = integration.model_copy(update={"connector": "abacus"})

    with pytest.raises(UnknownConnector, match="no connector 'abacus'"):
        _ = [step async for step in check_source(unknown, secrets)]


async def test_halo_is_tried_stage_by_stage(tenant: TenantSpec, secrets: LocalSecrets) -> None:
    steps = [step async for step in check_halo(tenant.halo, secrets, SystemClock())]

    assert [step.stage for step in steps][:2] == ["connect to Halo", "log in"]


async def test_a_halo_that_refuses_is_told_after_what_went_well(
    tenant: TenantSpec, settings: Settings
) -> None:
    wrong = LocalSecrets(settings.secrets_file, {"HALO_SECRET_HALO_ACME": "not-the-secret"}, Redactor())
    steps = check_halo(tenant.halo, wrong, SystemClock())

    assert (await anext(steps)).stage == "connect to Halo"
    with pytest.raises(CredentialRefused) as caught:
        await anext(steps)
    assert "not-the-secret" not in str(caught.value)
