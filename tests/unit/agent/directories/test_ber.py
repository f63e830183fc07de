"""Elements that come in pieces, and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_agent.directories import ber, controls, messages


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_a_number_survives(value: int) -> None:
    data = ber.integer(value)
    assert ber.number(data, ber.header(data, 0)) == value


@given(st.binary(max_size=70_000))
def test_bytes_of_any_length_survive(value: bytes) -> None:
    data = ber.octets(value)
    assert ber.whole(data) == len(data)
    assert ber.content(data, ber.header(data, 0)) == value


@given(st.binary(max_size=300), st.data())
def test_an_element_that_is_not_there_yet_is_waited_for(value: bytes, data: st.DataObject) -> None:
    whole = ber.octets(value)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    assert ber.whole(whole[:cut]) is None


@given(st.binary(max_size=60))
def test_what_is_no_message_is_malformed_and_never_anything_else(data: bytes) -> None:
    try:
        if ber.whole(data) is not None:
            number, operation, _ = messages.parts_of(data)
            messages.entry(data, operation)
            assert isinstance(number, int)
    except (ber.Malformed, ValueError):  # ValueError: parts that are too few, or no text
        pass


def test_an_entry_is_read_with_its_values_and_options() -> None:
    attribute = ber.element(
        ber.SEQUENCE, ber.octets("Member;range=0-1"), ber.element(ber.SET, ber.octets("a"), ber.octets("b"))
    )
    operation = ber.element(messages.ENTRY, ber.octets("CN=Å"), ber.element(ber.SEQUENCE, attribute))
    data = messages.message(7, operation)

    number, found, _ = messages.parts_of(data)

    assert number == 7
    assert messages.entry(data, found) == messages.Entry("CN=Å", {"member;range=0-1": [b"a", b"b"]})


def test_an_answer_brings_the_next_page() -> None:
    value = ber.element(ber.SEQUENCE, ber.integer(0), ber.octets(b"next"))
    control = ber.element(ber.SEQUENCE, ber.octets(controls.PAGED), ber.octets(value))
    done = ber.element(
        messages.SEARCH_DONE, ber.integer(4, ber.ENUMERATED), ber.octets(""), ber.octets("enough\n\0")
    )
    data = messages.message(1, done, [control])

    _, operation, found = messages.parts_of(data)
    answer = messages.answer(data, operation, found)

    assert (answer.code, answer.text, controls.next_page(answer)) == (4, "enough", b"next")


def test_a_length_that_nobody_means_is_malformed() -> None:
    with pytest.raises(ber.Malformed):
        ber.whole(b"\x30\x89" + b"\xff" * 9)
