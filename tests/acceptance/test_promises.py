"""What an operator relies on, told as timelines with real commands, a real broker and kills."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from halo_shared.messages.codec import Envelope
from halo_shared.topology import EVENTS, REQUESTS, Address, to_group
from halo_shared.transport.amqp import AmqpTransport
from tests.support.product import Product

# Many real programs start here, one after the other; a busy machine takes its time.
pytestmark = pytest.mark.timeout(400)


def people_in_csv(folder: Path, text: str, **settings: object) -> files.Content:
    """An integration that reads this text as a table of people."""
    file = folder / "staff.csv"
    file.write_text(text, encoding="utf-8")
    content = files.people_from_spreadsheet(file)
    mapping = {"users": {**content["mapping"]["users"], "fields": {"name": "cn", "emailaddress": "mail"}}}  # type: ignore[index]  # a file's content
    return {
        **content,
        "name": "staff",
        "mapping": mapping,
        "settings": {"path": str(file), "entity": "users", "id_column": "uid", **settings},
    }


def table(*uids: str) -> str:
    return "uid,cn,mail\n" + "".join(f"{uid},{uid.title()},{uid}@example.org\n" for uid in uids)


async def names(office: Product, *, active: bool = True) -> Counter[str]:
    """The people that Halo holds, each as often as it holds them."""
    return Counter(user["name"] for user in await office.held("users") if user["inactive"] is not active)


class TestRuns:
    async def test_answers_that_are_lost_make_no_duplicates(self, office: Product) -> None:
        ref = await office.enable(people_in_csv(office.folder, table("ann", "bob", "cem")))
        await office.fault(kind="drop", times=2, method="POST", path="/api/users")

        run = await office.run(ref)

        assert run["status"] == "succeeded"
        assert await names(office) == Counter({"Ann": 1, "Bob": 1, "Cem": 1})

    async def test_a_drained_agent_finishes_what_it_has(self, office: Product) -> None:
        ref = await office.enable(office.people.integration)
        await office.fault(kind="slow", seconds=0.2, times=1000, method="POST", path="/api/users")
        await office.quietly("run", "now", ref)
        await until(lambda: _holds_some(office))

        office.programs["agent"].terminate()
        run = await office.until_ended(ref)

        assert run["status"] == "succeeded"
        assert await asyncio.to_thread(office.programs["agent"].wait, 20) == 0

    async def test_a_cancelled_run_ends_and_says_so(self, office: Product) -> None:
        ref = await office.enable(office.people.integration)
        await office.fault(kind="slow", seconds=60, times=1000, method="POST", path="/api/users")
        await office.quietly("run", "now", ref)
        running = await office.until_status(ref, "running")

        await office.quietly("runs", "cancel", running["id"], "--reason", "wrong file")
        run = await office.until_ended(ref)

        assert run["status"] == "cancelled"
        assert "wrong file" in run["failure"]["message"]


class TestAbsence:
    async def test_half_a_table_retires_nobody(self, office: Product) -> None:
        ref = await office.enable(people_in_csv(office.folder, table("ann", "bob", "cem")))
        await office.run(ref)

        (office.folder / "staff.csv").write_text('uid,cn,mail\nann,Ann,ann@example.org\nbob,"Bo')
        run = await office.run(ref)

        assert run["counts"]["users"]["retired"] == 0
        assert run["status"] == "partial"
        assert await names(office) == Counter({"Ann": 1, "Bob": 1, "Cem": 1})

    async def test_a_whole_table_retires_who_is_gone_and_brings_back_who_returns(
        self, office: Product
    ) -> None:
        ref = await office.enable(people_in_csv(office.folder, table("ann", "bob", "cem")))
        await office.run(ref)

        (office.folder / "staff.csv").write_text(table("ann", "cem"))
        gone = await office.run(ref)
        (office.folder / "staff.csv").write_text(table("ann", "bob", "cem"))
        back = await office.run(ref)

        assert (gone["counts"]["users"]["retired"], back["counts"]["users"]["updated"]) == (1, 1)
        assert await names(office) == Counter({"Ann": 1, "Bob": 1, "Cem": 1})

    async def test_too_many_leavers_hold_the_run_until_somebody_agrees(self, office: Product) -> None:
        content = {
            **people_in_csv(office.folder, table("ann", "bob", "cem", "dan")),
            "limits": {"entities": {"users": {"retire": {"count": 1}}}},
        }
        ref = await office.enable(content)
        await office.run(ref)
        (office.folder / "staff.csv").write_text(table("ann", "bob"))

        await office.quietly("run", "now", ref)
        held = await office.until_status(ref, "held")
        before = await names(office)
        shown = await office.type("halo-controller", "runs", "show", held["id"])
        await office.quietly("runs", "approve", held["id"])
        run = await office.until_ended(ref)

        assert sum(before.values()) == 4, "a held run writes nothing"
        assert "deactivate 2 of 4 users" in shown.out
        assert f"runs approve {held['id']}" in shown.out
        assert (run["status"], run["counts"]["users"]["retired"]) == ("succeeded", 2)


class TestBadInput:
    async def test_a_wrong_password_names_the_account_and_what_to_change(self, office: Product) -> None:
        await office.revoke_tokens()
        (office.folder / "secrets.yaml").write_text("halo-acme: wrong-secret\n")
        ref = await office.enable(people_in_csv(office.folder, table("ann")))

        run = await office.run(ref)

        assert (run["status"], run["failure"]["error_class"]) == ("failed", "configuration")
        assert office.sandbox.settings.client_id in run["failure"]["message"]
        assert "wrong-secret" not in json.dumps(run)

    async def test_an_unknown_connector_is_refused_with_those_there_are(self, office: Product) -> None:
        file = files.write(office.folder, "odd", {**office.people.integration, "connector": "abacus"})

        said = await office.type("halo-controller", "integrations", "create", files.TENANT, str(file))

        assert said.code == 2
        assert "abacus" in said.err
        assert "spreadsheet" in said.err

    async def test_a_wrong_key_is_named_with_its_line(self, office: Product) -> None:
        file = office.folder / "people.yaml"
        file.write_text(
            file.read_text().replace("  users:\n    identity:", "  users:\n    matsch: []\n    identity:")
        )
        line = file.read_text().splitlines().index("    matsch: []") + 1

        said = await office.type("halo-controller", "integrations", "create", files.TENANT, str(file))

        assert said.code == 2
        assert (
            f"people.yaml line {line}: mapping.users.matsch: unknown key; did you mean 'match'?" in said.err
        )

    async def test_a_second_controller_on_the_same_data_is_refused(self, office: Product) -> None:
        said = await office.type("halo-controller", "serve", "--port", "0")

        assert said.code == 2
        assert "Another controller works on" in said.err

    async def test_what_cannot_be_read_is_buried_counted_and_visible(self, office: Product) -> None:
        async with AmqpTransport(office.environment["HALO_BROKER_URL"], name="stranger") as transport:
            for address in (
                Address(EVENTS.name, "a.b.c.d"),
                Address(REQUESTS.name, "requests"),
                to_group(files.GROUP),
            ):
                await transport.publish(Envelope("1", "junk", b"not json"), address)
            await transport.publish(
                Envelope("2", "hello", b'{"protocol": 99}'), Address(REQUESTS.name, "requests")
            )

        async def four_are_buried() -> bool:
            queues = (await office.ask("/topology"))["queues"]
            return any(queue["name"] == "buried" and queue["depth"] == 4 for queue in queues)

        await until(four_are_buried)
        health = await office.type("halo-controller", "health")
        assert "buried" in health.out


async def _holds_some(office: Product) -> bool:
    return bool(await office.held("users"))
