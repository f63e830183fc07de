"""Changing a tenant, over the REST API and as a command."""

from pathlib import Path
from typing import Final

from halo_controller.store import integrations
from halo_controller.store.database import Database, open_database
from halo_shared.entities import EntityKind
from halo_shared.identifiers import IntegrationRef
from halo_shared.transport.memory import MemoryTransport
from tests.support.agent_double import Attempt
from tests.support.builders import tenant_spec
from tests.support.commands import Desk
from tests.support.rest import PEOPLE, Json, Office, an_api, definition

PEOPLE_REF: Final = IntegrationRef("acme", "people")
FILE: Final = """\
name: acme
title: Acme plc
halo:
  url: https://acme.example
  client_id: halo-integrator
  client_secret: secret://halo-acme
"""


def acme(**changes: Json) -> dict[str, Json]:
    """Tenant acme as its file would say it, with these keys of its Halo written otherwise."""
    spec = tenant_spec().model_dump(mode="json")
    return spec | {"halo": spec["halo"] | changes}


async def test_a_changed_tenant_is_shown_as_it_is_now(office: Office) -> None:
    before = await office.post("/tenants", acme(), status=201)

    after = await office.put("/tenants/acme", acme(page_size=7) | {"title": "Acme plc"})

    assert (after["spec"]["title"], after["spec"]["halo"]["page_size"]) == ("Acme plc", 7)
    assert after["created_at"] == before["created_at"]
    assert await office.get("/tenants/acme") == after
    assert await office.get("/tenants") == [after]


async def test_a_run_after_the_change_gets_the_new_halo(office: Office) -> None:
    told: list[str] = []

    async def note(attempt: Attempt) -> None:
        told.append(str(attempt.grant.assignment.halo.url))
        await attempt.finished()

    await office.set_up()
    await office.put("/tenants/acme", acme(url="https://elsewhere.example/"))
    async with office.agent(note):
        await office.until(await office.run_people(), status="succeeded")

    assert told == ["https://elsewhere.example/"]


async def test_another_halo_makes_the_next_run_of_its_integrations_read_everything(tmp_path: Path) -> None:
    async with (
        open_database(tmp_path / "controller.db") as database,
        an_api(database, MemoryTransport()) as api,
    ):
        for tenant in ("acme", "other"):
            spec = tenant_spec(tenant).model_dump(mode="json")
            await api.post("/tenants", spec, status=201)
            await api.post(f"/tenants/{tenant}/integrations", definition(group=None), status=201)
            await read_up_to(database, IntegrationRef(tenant, "people"))

        await api.put("/tenants/acme", acme() | {"title": "Acme plc", "zone": "Europe/London"})
        assert (await api.get(PEOPLE))["cursors"] == {"users": "2026"}

        await api.put("/tenants/acme", acme(url="https://elsewhere.example/"))

        assert (await api.get(PEOPLE))["cursors"] == {}
        assert (await api.get("/tenants/other/integrations/people"))["cursors"] == {"users": "2026"}
        async with database.write() as db:  # by an attempt that began before the change
            await integrations.read_up_to(db, [(PEOPLE_REF, 1, {EntityKind.USERS: "2027"})])
        assert (await api.get(PEOPLE))["cursors"] == {}


async def test_what_cannot_be_changed_is_refused(office: Office) -> None:
    await office.post("/tenants", acme(), status=201)

    assert await office.refused(404, "PUT", "/tenants/beta", acme() | {"name": "beta"}) == (
        "There is no tenant 'beta'. The tenants are: acme."
    )
    assert await office.refused(422, "PUT", "/tenants/beta", acme()) == (
        "name: this is the definition of 'acme', and it was sent to 'beta'."
    )


async def test_the_command_reads_the_file_again(office: Office, tmp_path: Path) -> None:
    await office.post("/tenants", acme(), status=201)
    desk = Desk(tmp_path, "amqp://127.0.0.1:1/")
    desk.data = tmp_path / "controller"
    desk.environment["HALO_CONTROLLER_DATA"] = str(desk.data)
    file = desk.write("acme.yaml", FILE)

    said = await desk.type("tenants", "update", file)

    assert (said.code, said.err) == (0, "")
    assert said.out == "Tenant 'acme' updated; the next run of each of its integrations reads everything.\n"
    assert (await office.get("/tenants/acme"))["spec"]["title"] == "Acme plc"


async def read_up_to(database: Database, ref: IntegrationRef) -> None:
    """The first attempt read the users up to 2026."""
    async with database.write() as db:
        fence = await integrations.next_fence(db, ref)
        await integrations.read_up_to(db, [(ref, fence, {EntityKind.USERS: "2026"})])
