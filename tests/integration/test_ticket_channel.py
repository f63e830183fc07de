"""Tickets in Halo: one per incident, noted, closed on recovery, and a new one when the note is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from halo_controller.incidents import recorder
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.notifier import Notifier, trial
from halo_controller.notifications.nouns import Notification, NotificationState, Occasion
from halo_controller.notifications.postroom import open_postroom
from halo_controller.notifications.sender import Sender
from halo_controller.store import incidents, notifications, people, tenants
from halo_controller.store.database import Database, open_database
from halo_sandbox.server import Sandbox, running
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from tests.support.builders import tenant_spec
from tests.support.clock import ManualClock
from tests.support.http import client_of
from tests.support.incidents import person, sighting

Json = Any  # Any: what the sandbox holds


class Desk:
    """A controller's notifying half, and the Halo that it opens tickets in."""

    def __init__(self, database: Database, sandbox: Sandbox, clock: ManualClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self._sandbox = sandbox
        self._folder = folder

    async def see(self) -> None:
        async with self.database.write() as db:
            await recorder.see(db, [sighting(self.clock.now())])

    async def incident(self) -> Incident:
        async with self.database.read() as db:
            return (await incidents.every(db))[0]

    async def round(self, *, secret: str | None = None) -> list[Notification]:
        """Decide, write, send; all messages, the oldest first."""
        await Notifier(self.database, self.clock).tick()
        given = secret or self._sandbox.settings.client_secret
        secrets = LocalSecrets(self._folder / "none", {"HALO_SECRET_TICKETS": given}, Redactor())
        async with open_postroom(None, secrets, self.clock) as postroom:
            await Sender(self.database, postroom, self.clock).tick()
        async with self.database.read() as db:
            return list(reversed(await notifications.every(db)))

    async def held(self, resource: str) -> list[Json]:
        return list(await self._ask("GET", f"held/{resource}"))

    async def fault(self, **fault: Json) -> None:
        await self._ask("POST", "faults", fault)

    async def close(self, ticket: Json) -> None:
        """As an agent of the service desk does it."""
        settings = self._sandbox.settings
        async with client_of(self._sandbox.url) as http:
            form = {
                "grant_type": "client_credentials",
                "client_id": settings.client_id,
                "client_secret": settings.client_secret,
                "scope": "all",
            }
            token = (await http.post("/auth/token", data=form, params={"tenant": settings.tenant})).json()
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            note = {"ticket_id": ticket["id"], "outcome": "Note", "note": "closed by hand", "new_status": 9}
            (await http.post("/api/Actions", json=[note], headers=headers)).raise_for_status()

    async def _ask(self, method: str, path: str, body: Json = None) -> Json:
        async with client_of(self._sandbox.url) as http:
            reply = await http.request(method, f"/sandbox/{path}", json=body)
        return reply.raise_for_status().json() if reply.content else None


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    async with running() as sandbox, open_database(tmp_path / "controller.db") as database:
        channel = {
            "kind": "ticket",
            "client_id": sandbox.settings.client_id,
            "client_secret": "secret://tickets",
        }
        async with database.write() as db:
            await tenants.add(db, tenant_spec(url=sandbox.url), clock.now())
            await people.add(db, person("helpdesk", channels=[channel]))
        yield Desk(database, sandbox, clock, tmp_path)


async def test_a_ticket_is_opened_noted_and_closed(desk: Desk) -> None:
    await desk.see()
    (opening,) = await desk.round()
    assert opening.state is NotificationState.SENT, opening.result
    (ticket,) = await desk.held("tickets")
    assert "acme/people: The tool to read from is not available" in ticket["summary"]
    assert "What to do: " in ticket["details"]

    desk.clock.move(90_000)
    await desk.see()
    await desk.round()
    (note,) = await desk.held("actions")
    assert (note["ticket_id"], note["hiddenfromuser"]) == (ticket["id"], True)
    assert "Still so" in note["note"]

    desk.clock.move(60)
    async with desk.database.write() as db:
        await recorder.end(db, await desk.incident(), "A run went through.", desk.clock.now())
    *_, over = await desk.round()
    assert (over.topics[0].occasion, over.result) == (Occasion.RECOVERED, f"ticket {ticket['id']} closed")
    (closed,) = await desk.held("tickets")
    assert closed["hasbeenclosed"]


async def test_a_note_that_is_refused_makes_a_new_ticket(desk: Desk) -> None:
    await desk.see()
    await desk.round()
    (first,) = await desk.held("tickets")
    await desk.close(first)

    desk.clock.move(90_000)
    *_, reminder = await desk.round()
    _, second = await desk.held("tickets")
    assert f"ticket {second['id']} opened, since ticket {first['id']} takes no note" in reminder.result

    desk.clock.move(60)
    async with desk.database.write() as db:
        await recorder.end(db, await desk.incident(), "A run went through.", desk.clock.now())
    *_, over = await desk.round()
    assert over.result == f"ticket {second['id']} closed"


async def test_a_ticket_whose_answer_was_lost_is_not_opened_twice(desk: Desk) -> None:
    await desk.fault(kind="drop", method="POST", path="/api/Tickets")
    await desk.see()
    (kept,) = await desk.round()
    assert kept.state is NotificationState.WAITING

    desk.clock.move(60)
    (sent,) = await desk.round()
    assert sent.state is NotificationState.SENT
    assert len(await desk.held("tickets")) == 1


async def test_a_wrong_secret_waits_and_says_what_to_check(desk: Desk) -> None:
    await desk.see()
    (kept,) = await desk.round(secret="not-the-right-one")
    assert kept.state is NotificationState.WAITING
    assert "Check client_id and client_secret of the channel" in kept.result
    assert "not-the-right-one" not in kept.result


async def test_a_trial_opens_a_ticket_and_closes_it(desk: Desk) -> None:
    async with desk.database.write() as db:
        helpdesk = await people.get(db, "helpdesk")
        await notifications.add(db, trial(helpdesk, helpdesk.channels[0], "a test", desk.clock.now()))
    (sent,) = await desk.round()
    assert sent.state is NotificationState.SENT, sent.result
    (ticket,) = await desk.held("tickets")
    assert ticket["hasbeenclosed"]
