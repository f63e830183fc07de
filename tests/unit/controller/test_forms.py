"""Forms as any agent may announce them, sound or not."""

from typing import Any

import pytest

from halo_controller.forms import misfits

Json = Any  # Any: a part of a JSON schema


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"type": "nonsense"},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "(?=x)"}}},
        {"patternProperties": {"(": {}}},
        {"$ref": "#"},
        {"$ref": "#/$defs/none"},
        {"$ref": "http://127.0.0.1:1/form.json"},
    ],
)
def test_a_form_that_cannot_be_read_refuses_nothing(form: Json) -> None:
    assert list(misfits(form, {"a": "b"})) == []


@pytest.mark.parametrize(
    ("of_a", "value", "sentence"),
    [
        ({"exclusiveMinimum": 0}, 0, "settings.a: must be more than 0."),
        ({"exclusiveMaximum": 1}, 1, "settings.a: must be less than 1."),
        ({"maxItems": 1}, [1, 2], "settings.a: must hold at most 1."),
        ({"type": ["integer", "null"]}, "x", "settings.a: must be a whole number or be empty."),
        ({"const": "b"}, "c", "settings.a: must be b."),
        ({"uniqueItems": True}, [1, 1], "settings.a: must fit the form's 'uniqueItems'."),
        ({"pattern": "^b$", "description": "Just b."}, "b\n", "settings.a: must match ^b$. Just b."),
    ],
)
def test_a_rule_is_said_in_words(of_a: Json, value: Json, sentence: str) -> None:
    assert list(misfits({"properties": {"a": of_a}}, {"a": value})) == [sentence]


def test_a_value_is_never_repeated() -> None:
    rules = {"pattern": "^secret://", "enum": ["secret://a"], "maxLength": 3}

    said = misfits({"properties": {"password": rules}}, {"password": "hunter2"})

    assert len(said) == 3
    assert "hunter2" not in "".join(said)
