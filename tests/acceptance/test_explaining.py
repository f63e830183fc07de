"""What an operator asks when something looks odd: what would it do, what became of her, do only this one."""

import csv
import json
from pathlib import Path

import pytest

from halo_sandbox.demo import files
from tests.support.product import Product

# Many real programs start here, one after the other; a busy machine takes its time.
pytestmark = pytest.mark.timeout(400)


def staff(folder: Path, text: str) -> files.Content:
    """An integration that reads this text as a table of people, and may retire one at a time."""
    file = folder / "staff.csv"
    file.write_text(text, encoding="utf-8")
    content = files.people_from_spreadsheet(file)
    mapping = {"users": {**content["mapping"]["users"], "fields": {"name": "cn", "emailaddress": "mail"}}}  # type: ignore[index]  # a file's content
    return {
        **content,
        "name": "staff",
        "mapping": mapping,
        "settings": {"path": str(file), "entity": "users", "id_column": "uid"},
        "limits": {"entities": {"users": {"retire": {"count": 1}}}},
    }


def table(**people: str) -> str:
    return "uid,cn,mail\n" + "".join(f"{uid},{name},{uid}@example.org\n" for uid, name in people.items())


async def names(office: Product) -> set[str]:
    return {user["name"] for user in await office.held("users") if not user["inactive"]}


async def test_a_preview_one_record_and_what_became_of_it(office: Product) -> None:
    ref = await office.enable(staff(office.folder, table(ann="Ann Lee", bob="Bob Ray", cid="Cid Orr")))
    difference = office.folder / "plan.csv"

    seen = await office.type("halo-controller", "run", "preview", ref, "--csv", str(difference))

    assert seen.code == 0, seen.err
    assert "Ann Lee" in seen.out
    assert not {"Ann Lee", "Bob Ray"} & await names(office), "a preview writes nothing"
    with difference.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["after"] for row in rows if row["field"] == "name"} == {"Ann Lee", "Bob Ray", "Cid Orr"}

    synced = await office.type("halo-controller", "records", "sync", ref, "ann@example.org")

    assert synced.code == 0, synced.out + synced.err
    steps = list(dict.fromkeys(line.split(" ")[0] for line in synced.out.splitlines()))
    assert [step for step in steps if step in STEPS] == list(STEPS)
    assert {"Ann Lee", "Bob Ray"} & await names(office) == {"Ann Lee"}

    found = await office.type("halo-controller", "records", "find", "ANN@example.org", "--json")
    (record, planned) = json.loads(found.out)
    assert (record["outcome"]["result"], planned["outcome"]["planned"]) == ("created", True)
    shown = await office.type("halo-controller", "records", "show", str(record["id"]))
    assert "placed by" in shown.out


async def test_a_held_run_says_whom_it_would_touch_and_the_limit_can_be_changed(office: Product) -> None:
    file = office.folder / "staff.csv"
    people = staff(office.folder, table(ann="Ann Lee", bob="Bob Ray", cid="Cid Orr"))
    ref = await office.enable(people)
    await office.run(ref)
    file.write_text(table(ann="Ann Lee"), encoding="utf-8")
    await office.quietly("run", "now", ref)
    held = await office.until_status(ref, "held")
    told = await office.type("halo-controller", "runs", "show", held["id"])
    assert "What it would write" in told.out
    assert "would retire  users   bob" in told.out
    assert f"halo-controller integrations limits {ref} --entity users --retire-count 2" in told.out
    listed = await office.type("halo-controller", "runs", "list")
    assert f"{held['id']} waits for you" in listed.out
    limited = await office.type("halo-controller", "integrations", "limits", ref, "--retire-count", "2")
    assert f"Run {held['id']} is still held" in limited.err
    await office.quietly("runs", "reject", held["id"])
    assert (await office.run(ref))["status"] == "succeeded"
    assert {"Ann Lee", "Bob Ray"} & await names(office) == {"Ann Lee"}

    here = await office.type(
        "halo-agent",
        "sync-one",
        str(files.write(office.folder, "staff", people)),
        "ann",
        "--halo",
        str(office.files["tenant"]),
    )
    assert here.code == 0, here.err
    assert here.out.splitlines()[-1].startswith("guard")


STEPS = ("read", "scope", "map", "match", "plan", "guard", "result")
