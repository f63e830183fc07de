"""Settings say what is wrong with them, and the sample and the README keep up with them."""

from pathlib import Path
from typing import Any

import pytest

from halo_agent.connectors import spreadsheet
from halo_agent.connectors.spreadsheet import CONNECTOR
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_shared.errors import SettingsInvalid
from halo_shared.files import load
from halo_shared.integrations import IntegrationSpec

FOLDER = Path(spreadsheet.__file__).parent
LEAST = {"path": "/srv/assets.csv", "entity": "assets", "id_column": "Tag"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "assets.csv"}, "'assets.csv' must be a full path"),
        ({"entity": "sites"}, "entity"),
        ({"id_column": " "}, "id_column"),
        ({"encoding": "klingon"}, "'klingon' is not a known text encoding"),
        ({"encoding": "hex"}, "'hex' is not a known text encoding"),
        ({"delimiter": "::"}, "delimiter"),
        ({"delimiter": '"'}, "must be a character that separates cells"),
        ({"header_row": 0}, "header_row"),
        ({"inactive": {"column": "Status", "values": []}}, "inactive.values"),
        ({"final_line_end": "maybe"}, "final_line_end"),
        ({"id_colum": "Tag"}, "did you mean 'id_column'"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsInvalid, match="settings of spreadsheet") as refused:
        CONNECTOR.parse({**LEAST, **wrong})

    assert message in refused.value.message


def test_the_least_that_must_be_said() -> None:
    assert CONNECTOR.parse(LEAST) == SpreadsheetSettings.model_validate(LEAST)


def test_every_setting_is_described_in_the_schema_and_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    schema = CONNECTOR.spec.settings_schema

    for model in (schema, schema["$defs"]["InactiveWhen"]):
        assert [name for name, field in model["properties"].items() if not field.get("description")] == []
    assert [name for name in schema["properties"] if f"| `{name}` |" not in readme] == []


def test_the_sample_is_a_whole_integration() -> None:
    spec = load(FOLDER / "sample.yaml", IntegrationSpec)

    given = CONNECTOR.parse(spec.settings)

    assert spec.connector == CONNECTOR.name
    assert isinstance(given, SpreadsheetSettings)
    assert spec.entities == (given.entity,)
    named = {given.id_column, given.name_column, *given.required}
    mapping = spec.mapping[given.entity]
    always = {rule.source for rule in mapping.fields.values() if rule.source and rule.when == "always"}
    assert always <= named
