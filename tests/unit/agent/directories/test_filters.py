"""Filters as they are written and as they travel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_agent.directories import ber, filters
from halo_agent.directories.filters import FilterInvalid, compiled, escaped


def test_an_equality_is_an_attribute_and_a_value() -> None:
    assert compiled("(cn=Ann)") == b"\xa3\x09\x04\x02cn\x04\x03Ann"


def test_presence_is_the_attribute_alone() -> None:
    assert compiled("(mail=*)") == b"\x87\x04mail"


def test_parts_of_a_text_keep_their_place() -> None:
    assert compiled("(cn=a*b*c)") == b"\xa4\x0f\x04\x02cn\x30\x09\x80\x01a\x81\x01b\x82\x01c"


def test_a_bit_is_asked_for_by_its_rule() -> None:
    rule = b"1.2.840.113556.1.4.803"
    expected = ber.element(
        filters.EXTENSIBLE,
        ber.octets(rule, 0x81),
        ber.octets("userAccountControl", 0x82),
        ber.octets("2", 0x83),
    )
    assert compiled("(userAccountControl:1.2.840.113556.1.4.803:=2)") == expected


def test_filters_join_and_negate() -> None:
    joined = compiled("(&(a=1)(|(b=2)(c=3))(!(d=4)))")
    assert joined[0] == filters.AND
    assert [joined[begin - 2] for _, begin, _ in ber.elements(joined, 2)] == [
        filters.EQUAL, filters.OR, filters.NOT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'(' is missing"),
        ("cn=a", "'(' is missing"),
        ("(cn=a", "')' is missing"),
        ("(cn=a))", "behind the filter's last"),
        ("(&)", "nothing is joined"),
        ("(cn)", "compares nothing"),
        ("(=a)", "compares nothing"),
        (r"(cn=a\b)", "backslash"),
        ("(cn=a(b)", "parenthesis inside a value"),
        ("(!" * 60 + "(a=1)" + ")" * 60, "deeper"),
    ],
)
def test_what_is_no_filter_says_why(text: str, why: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        compiled(text)
    assert why in str(refused.value)


@given(st.text(min_size=1))
def test_any_value_can_be_asked_for(value: str) -> None:
    assert compiled(f"(cn={escaped(value)})") == ber.element(
        filters.EQUAL, ber.octets("cn"), ber.octets(value)
    )


@given(st.text(alphabet="()&|!=*\\:<>~a1", max_size=30))
def test_nonsense_is_refused_and_never_anything_else(text: str) -> None:
    try:
        found = compiled(text)
    except FilterInvalid:
        return
    assert ber.whole(found) == len(found)
