"""The command line, as a person uses it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from halo_agent import cli
from halo_agent.cli import output
from halo_agent.engine.changes import Adopt, Create, Decision, Retire, Skip, Update
from halo_agent.jobs.preview import Preview, Problem
from halo_shared.errors import AmbiguousMatch, RecordUnreadable
from halo_shared.runs import Tally
from tests.support.builders import excess
from tests.support.engine import USERS, held, link_of, wish_for

INTEGRATION = """\
name: people
connector: spreadsheet
entities: [users]
settings: {path: FOLDER/people.csv, entity: users, id_column: id}
mapping:
  users:
    identity: azureoid
    place: {client: Acme}
    fields: {emailaddress: mail}
"""
TENANT = """\
name: acme
halo: {url: "https://halo.invalid", client_id: x, client_secret: "secret://halo-acme"}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in an empty folder; answers with exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HALO_AGENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_COLOR", "1")

    def ran(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["halo-agent", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return ran


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An integration and its tenant."""
    (tmp_path / "people.yaml").write_text(INTEGRATION.replace("FOLDER", str(tmp_path)))
    (tmp_path / "acme.yaml").write_text(TENANT)
    (tmp_path / "people.csv").write_text("id,mail\na-1,anna@acme.example\n")
    return tmp_path


@pytest.mark.parametrize("command", [(), ("run",), ("check",), ("preview",), ("version",)])
def test_every_command_explains_itself(run: Run, command: tuple[str, ...]) -> None:
    code, said, _ = run(*command, "--help")

    assert code == 0
    assert "Usage: halo-agent" in said
    if command:
        assert "Example: halo-agent" in said


def test_without_a_command_it_shows_what_there_is(run: Run) -> None:
    _, out, err = run()

    assert all(command in out + err for command in ("run", "check", "preview", "version"))


def test_it_knows_its_version(run: Run) -> None:
    assert run("version") == (0, "0.1.0\n", "")


def test_a_wrong_file_is_told_with_its_line(run: Run, files: Path) -> None:
    (files / "people.yaml").write_text(INTEGRATION + "entitles: [users]\n")

    code, _, said = run("check", "people.yaml")

    assert code == 2
    assert said == "people.yaml line 10: entitles: unknown key; did you mean 'entities'?\n"


def test_a_file_that_is_not_there_is_told(run: Run) -> None:
    code, _, said = run("check", "nowhere.yaml")

    assert (code, said) == (2, "nowhere.yaml: cannot be read: No such file or directory\n")


def test_wrong_settings_of_a_connector_are_told(run: Run, files: Path) -> None:
    (files / "people.yaml").write_text(INTEGRATION.replace("id_column", "id_colum"))

    code, _, said = run("check", "people.yaml")

    assert code == 2
    assert "id_colum: unknown key; did you mean 'id_column'?" in said


def test_an_agent_without_settings_is_told_what_it_needs(run: Run) -> None:
    code, _, said = run("run")

    assert code == 2
    assert "settings: name: is missing" in said
    assert "--config" in said


def test_a_missing_secret_is_told_with_both_places(run: Run, files: Path) -> None:
    code, _, said = run("preview", "people.yaml", "--halo", "acme.yaml")

    assert code == 2
    assert "secret://halo-acme is not on this machine" in said
    assert "HALO_SECRET_HALO_ACME" in said
    assert str(files / "data" / "secrets.yaml") in said


def test_a_check_shows_its_stages(run: Run, files: Path) -> None:
    code, said, _ = run("check", "people.yaml")

    assert code == 0
    assert said.splitlines()[0] == "spreadsheet (people)"
    assert "✓ settings" in said
    assert "✓ sample" in said


def test_a_halo_that_is_not_there_is_no_fault_of_the_file(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALO_SECRET_HALO_ACME", "x")
    text = TENANT.replace("https://halo.invalid", "http://127.0.0.1:9")
    (files / "acme.yaml").write_text(text)

    code, _, said = run("check", "people.yaml", "--halo", "acme.yaml")

    assert code == 3
    assert "Halo cannot be reached at 127.0.0.1" in said


def built(*decisions: Decision, **more: object) -> Preview:
    """A preview of these decisions."""
    values: dict[str, object] = {
        "changes": [one for one in decisions if isinstance(one, Create | Update | Retire)],
        "skips": [one for one in decisions if isinstance(one, Skip)],
        "counts": {USERS: Tally(read=9, unchanged=4)},
        "excesses": (),
        "problems": (),
        "remarks": (),
    }
    return Preview(**(values | more))  # type: ignore[arg-type]  # the values above


WHOLE = built(
    Create(
        wish_for("N-1", always={"title": "[red]Head[/]"}, when_empty={"phone": 12}), reason="not in Halo yet"
    ),
    Update(
        wish_for("A-1"),
        held(5, title="Hand", room=None),
        {"title": "Head", "room": ("1", "2")},
        reason="same emailaddress (a@x)",
        reactivate=True,
    ),
    Retire(USERS, "g-1", 6, "Gone :smile:", reason="no longer at its source", hash=""),
    Skip(USERS, "s-1", "Twin", AmbiguousMatch("2 records in Halo have the same address.")),
    Adopt(link_of("k-1", 9), reason="same; nothing differs"),
    excesses=(excess(),),
    problems=(Problem(USERS, "row 7", RecordUnreadable("row 7: it has no id")),),
    remarks=("The mapping of users reads nmae.",),
)


def test_a_preview_reads_as_a_diff(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_preview(WHOLE, as_json=False)

    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        "entity name field in Halo would be why",
        "create users Person N-1 azureoid N-1 not in Halo yet",
        "phone 12",
        "title [red]Head[/]",
        "update users Person A-1 title Hand Head same emailaddress (a@x)",
        "room 1, 2",
        "inactive yes no",
        "retire users Gone :smile: inactive no yes no longer at its source",
        "skipped users: Twin: 2 records in Halo have the same address.",
        "failed users: row 7: it has no id",
        "The mapping of users reads nmae.",
        "1 to create, 1 to retire, 1 to update; 4 in step already. Nothing was written.",
        (
            "This run would be held for approval: it would deactivate 212 of 1,200 users in Halo "
            "and may deactivate 40 without approval."
        ),
    ]


def test_a_preview_without_changes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_preview(built(), as_json=False)

    assert capsys.readouterr().out == "nothing to write; 4 in step already. Nothing was written.\n"


def test_a_preview_for_machines_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_preview(WHOLE, as_json=True)

    said = json.loads(capsys.readouterr().out)
    assert [(one["action"], one["source_id"]) for one in said["changes"]] == [
        ("create", "n-1"),
        ("update", "a-1"),
        ("retire", "g-1"),
    ]
    assert said["changes"][1]["fields"][0] == {"field": "title", "before": "Hand", "after": "Head"}
    assert said["skipped"][0]["reason"] == "2 records in Halo have the same address."
    assert said["failed"] == [{"entity": "users", "name": "row 7", "reason": "row 7: it has no id"}]
    assert said["counts"]["users"]["unchanged"] == 4
    assert said["held_for"][0]["found"] == 212
    assert said["remarks"] == ["The mapping of users reads nmae."]


def test_a_record_that_cannot_be_mapped_is_told_with_its_name() -> None:
    unmapped = Problem(USERS, "Bo", RecordUnreadable("title: 'soon' is no date"), "skipped")
    unread = Problem(USERS, "row 7", RecordUnreadable("row 7: it has no id"))

    assert (unmapped.text, unread.text) == ("Bo: title: 'soon' is no date", "row 7: it has no id")
