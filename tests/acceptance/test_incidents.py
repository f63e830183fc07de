"""What people hear of a run with refused records, told with real commands, a real broker and a real mail server."""

from pathlib import Path

import pytest
import yaml

from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from halo_sandbox.services.mailbox import text_of
from tests.acceptance.test_promises import people_in_csv, table
from tests.support.product import Product

pytestmark = pytest.mark.timeout(400)


async def test_ten_refused_records_are_one_incident_one_email_and_ten_rows_in_halo(
    office: Product, tmp_path: Path
) -> None:
    tenant = yaml.safe_load(office.files["tenant"].read_text(encoding="utf-8"))
    tenant["halo"]["error_log"] = {"module_id": 42}
    await office.quietly("tenants", "update", str(files.write(office.folder, "with-list", tenant)))
    await office.quietly("people", "add", str(office.files["jane"]))
    names = [f"refused-{number}" for number in range(10)]
    await office.fault(kind="bad_row", row=1, path="/api/users", times=1000)
    ref = await office.enable(people_in_csv(tmp_path, table(*names)))
    run = await office.run(ref)

    (incident,) = await office.ask("/incidents")
    assert (incident["errors"], incident["failures"], incident["cause"]["place"]) == (10, 1, "users")
    listed = await office.held("IntegrationError")
    assert len(listed) == 10
    assert {row["module_id"] for row in listed} == {42}
    mail = await office.mail(1)
    assert "10 times" in text_of(mail)

    story = await office.type("halo-controller", "log", "story", run["id"])
    assert "10 users failed: RecordRefused" in story.out, story.out

    await office.well_again()
    await office.run(ref)
    recovery = await office.mail(2)
    assert recovery["Subject"] == f"Re: {mail['Subject']}"
    assert await office.ask("/incidents") == []


async def test_a_trial_message_arrives_or_says_why_not(office: Product) -> None:
    await office.quietly("people", "add", str(office.files["jane"]))
    sent = await office.type("halo-controller", "notifications", "test", "jane")
    assert (sent.code, "2.0.0 queued" in sent.out) == (0, True), sent
    await until(lambda: _came(office))

    office.mailbox.refusals[files.ADDRESS] = "550 5.1.1 no such user"
    refused = await office.type("halo-controller", "notifications", "test", "jane", "--json")
    assert (refused.code, "550 5.1.1 no such user" in refused.out) == (1, True), refused


async def _came(office: Product) -> bool:
    return len(office.mailbox.messages) == 1
