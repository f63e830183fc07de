"""What is done to a value on its way to Halo."""

import pytest
from pydantic import TypeAdapter, ValidationError

from halo_agent.engine.records import Value
from halo_agent.engine.values import transformed
from halo_shared.transformations import Transformation

STEPS: TypeAdapter[tuple[Transformation, ...]] = TypeAdapter(tuple[Transformation, ...])


@pytest.mark.parametrize(
    ("value", "steps", "wished"),
    [
        ("  a  b ", ["trim"], "a b"),
        ("ANNA Ek", ["lower"], "anna ek"),
        ("anna", ["upper"], "ANNA"),
        ("anna-maria ek", ["title"], "Anna-Maria Ek"),
        (("a", " ", "b"), [{"join": "; "}], "a; b"),
        (("b", "a"), ["upper"], "B"),
        ("de", [{"lookup": {"DE": "Germany"}}], "Germany"),
        ("fr", [{"lookup": {"DE": "Germany"}}], "fr"),
        ("fr", [{"lookup": {"DE": "Germany"}, "otherwise": "Abroad"}], "Abroad"),
        ("00123", [{"replace": "^0+"}], "123"),
        ("+46 8-123", [{"replace": r"[^\d+]", "by": ""}], "+468123"),
        ("CN=Anna,OU=IT,DC=x", [{"extract": "ou=([^,]+)"}], "IT"),
        ("CN=Anna,OU=IT,DC=x", [{"extract": "ou=[^,]+"}], "OU=IT"),
        ("CN=Anna", [{"extract": "ou=([^,]+)"}], None),
        ("20240229235959.0Z", [{"date": "ldap"}], "2024-02-29T23:59:59"),
        ("133535520000000000", [{"date": "filetime", "to": "%Y-%m-%d"}], "2024-02-28"),
        ("9223372036854775807", [{"date": "filetime"}], None),
        ("0", [{"date": "filetime"}], None),
        (0, [{"date": "unix"}], None),
        ("2024-02-29", [{"date": "iso", "to": "%d.%m.%Y"}], "29.02.2024"),
        ("29.02.2024", [{"date": "%d.%m.%Y", "to": "%Y-%m-%d"}], "2024-02-29"),
        (None, ["upper"], None),
        (12.0, [{"replace": "^", "by": "#"}], "#12"),
        ("b,a", [{"replace": ",", "by": " "}, "upper", {"lookup": {"B A": "both"}}], "both"),
    ],
)  # fmt: skip
def test_steps_are_taken_in_their_order(value: Value, steps: list[object], wished: Value) -> None:
    assert transformed(value, STEPS.validate_python(steps)) == wished


def test_what_is_no_date_says_so() -> None:
    with pytest.raises(ValueError, match="'soon' is no date in the form ldap"):
        transformed("soon", STEPS.validate_python([{"date": "ldap"}]))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("capitals", "'trim', 'lower', 'upper' or 'title'"),
        ({"look": {}}, "give one of trim, lower, upper, title, {join: ...}"),
        ({"lookup": {}}, "at least 1"),
        ({"replace": "("}, "'\\(' is no regular expression"),
        ({"extract": "a", "group": 2}, "Extra inputs"),
        (7, "give one of trim"),
    ],
)
def test_a_step_that_does_not_exist_is_refused_when_it_is_saved(step: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        STEPS.validate_python([step])
