"""What a mapping may say, and how it is completed by a default."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from halo_shared.entities import EntityKind
from halo_shared.mapping import NEVER_MATCH, EntityMapping, FieldRule, Mapping, MatchField

GUIDE = Path(__file__).parents[3] / "docs" / "mapping.md"
DEFAULT = EntityMapping.model_validate(
    {
        "identity": "third_party_guid",
        "match": ["emailaddress"],
        "fields": {"emailaddress": "mail", "name": "cn"},
        "dontupdatesite": True,
    }
)


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_every_example_of_the_guide_is_valid(example: str) -> None:
    mappings: dict[EntityKind, EntityMapping] = TypeAdapter(Mapping).validate_python(yaml.safe_load(example))

    assert mappings


def test_the_guide_has_examples() -> None:
    assert len(examples()) >= 5


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"place": {}}, "give 'client' (for all), or 'table', 'rules' or 'names'"),
        ({"place": {"client": ""}}, "at least 1 character"),
        ({"place": {"rules": [{"attribute": "ou", "client": "A"}]}}, "give exactly one of equals, contains"),
        (
            {"place": {"rules": [{"attribute": "ou", "equals": "a", "ends": "b", "client": "A"}]}},
            "it has equals, ends",
        ),
        ({"place": {"rules": [{"attribute": "ou", "matches": "(", "client": "A"}]}}, "no regular expression"),
        ({"fields": {"name": {"template": "no attribute"}}}, "names no attribute: use 'value'"),
        ({"fields": {"name": {"from": "cn", "template": "{cn}"}}}, "give either 'from'"),
        ({"match": [{"field": "emailaddress", "within": "site"}]}, "Input should be 'client'"),
        ({"match": ["phone"]}, "match: 'phone' is not among the mapped fields"),
        ({"scope": [{"attribute": "ou"}]}, "it has none"),
        ({"asset_type": {"rules": []}}, "default"),
        ({"update_only": True}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_saved(part: dict[str, object], said: str) -> None:
    whole = {"identity": "third_party_guid", "fields": {"emailaddress": "mail"}}
    with pytest.raises(ValidationError, match=re.escape(said)):
        EntityMapping.model_validate({**whole, **part})


def test_short_forms() -> None:
    mapping = EntityMapping.model_validate(
        {"identity": "x", "fields": {"name": "{a} {b}", "mail": "m"}, "match": ["mail"]}
    )

    assert mapping.fields == {"name": FieldRule(template="{a} {b}"), "mail": FieldRule(source="m")}
    assert mapping.match == (MatchField(field="mail"),)
    assert mapping.fields["name"].attributes == ("a", "b")


def test_what_a_file_does_not_say_is_the_connector_s() -> None:
    given = EntityMapping.model_validate(
        {"place": {"client": "Acme"}, "fields": {"name": "displayName", "title": "title"}}
    )
    whole = given.over(DEFAULT)

    assert (whole.identity, whole.match, whole.dontupdatesite) == (
        "third_party_guid",
        DEFAULT.match,
        True,
    )
    assert {field: rule.source for field, rule in whole.fields.items()} == {
        "emailaddress": "mail",
        "name": "displayName",
        "title": "title",
    }
    assert whole.place == given.place
    assert whole.never_match == NEVER_MATCH


def test_it_is_the_same_after_a_journey() -> None:
    given = EntityMapping.model_validate(
        {"place": {"client": "Acme"}, "match": [{"field": "name", "within": "client"}]}
    )
    arrived = EntityMapping.model_validate_json(given.model_dump_json())

    assert arrived == given
    assert arrived.over(DEFAULT) == given.over(DEFAULT)


def test_a_mistake_that_shows_only_when_it_is_whole_is_said_then() -> None:
    given = EntityMapping.model_validate({"match": ["phone"]})

    assert not given.complete
    with pytest.raises(ValidationError, match="match: 'phone' is not among the mapped fields"):
        given.over(DEFAULT)
