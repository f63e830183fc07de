"""What an entry of the audit log holds, and how a change is told field by field."""

from halo_controller.access.roles import Action, Role
from halo_controller.audit.differences import differences
from halo_controller.audit.nouns import Entry, Fields, Noun
from halo_controller.audit.scrubbing import scrubbed
from tests.support.builders import NOW


def entry(before: Fields | None, after: Fields | None) -> Entry:
    return Entry(
        id=1,
        at=NOW,
        who="jane",
        role=Role.ADMINISTRATOR,
        action=Action.INTEGRATIONS_CHANGE,
        noun=Noun.INTEGRATION,
        name="acme/people",
        tenant="acme",
        before=before,
        after=after,
        request="1",
    )


def changes(before: Fields | None, after: Fields | None) -> list[tuple[str, object, object]]:
    return [(one.field, one.before, one.after) for one in differences(entry(before, after))]


def test_only_what_changed_is_told_and_where() -> None:
    before = {"title": "People", "limits": {"users": {"retire": 5}}, "enabled": False, "entities": ["users"]}
    after = {"title": "People", "limits": {"users": {"retire": 9}}, "enabled": True, "entities": ["users"]}

    assert changes(before, after) == [("limits.users.retire", 5, 9), ("enabled", False, True)]


def test_what_is_new_has_no_before_and_what_is_gone_no_after() -> None:
    assert changes(None, {"name": "jane"}) == [("name", None, "jane")]
    assert changes({"name": "jane"}, None) == [("name", "jane", None)]


def test_nothing_is_told_of_what_said_nothing() -> None:
    assert changes({"pause": None}, {"pause": {"who": "jane"}}) == [("pause.who", None, "jane")]
    assert changes({"pause": None}, {}) == []


def test_secrets_stay_out_and_references_to_them_stay() -> None:
    fields = {
        "settings": {
            "bind_password": "hunter2-canary",
            "servers": [{"api_key": "hunter2-canary"}],
            "url": "ldap://reader:hunter2-canary@dc1",
            "tokens": ["hunter2-canary"],
        },
        "client_secret": "secret://halo-acme",
        "secret_expires": "2027-01-01",
        "requests_per_minute": 50,
    }

    kept = scrubbed(fields)

    assert "hunter2-canary" not in str(kept)
    assert kept["client_secret"] == "secret://halo-acme"
    assert kept["secret_expires"] == "2027-01-01"
    assert kept["requests_per_minute"] == 50
    assert kept["settings"]["url"] == "ldap://reader:***@dc1"
