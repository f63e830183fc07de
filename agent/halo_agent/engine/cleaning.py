"""Text that everybody can take: pure.

Python lets half a character stand in a text, as other languages cut it; no database, no network and no Halo does.
"""

from collections.abc import Iterator
from dataclasses import replace

from halo_agent.engine.records import SourceRecord, Value


def is_text(text: str) -> bool:
    """Whether there is no half character in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def cleaned(record: SourceRecord) -> SourceRecord:
    """The record with a question mark for each half character; its id must be text already."""
    if is_text("".join(_texts(record))):
        return record
    return replace(
        record,
        name=as_far_as_text(record.name),
        attributes={as_far_as_text(name): _clean_value(value) for name, value in record.attributes.items()},
        references=tuple(replace(one, value=as_far_as_text(one.value)) for one in record.references),
        software=record.software
        and tuple(
            replace(
                one,
                name=as_far_as_text(one.name),
                version=as_far_as_text(one.version),
                publisher=as_far_as_text(one.publisher),
            )
            for one in record.software
        ),
    )


def _texts(record: SourceRecord) -> Iterator[str]:
    yield record.name
    for name, value in record.attributes.items():
        yield name
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from value
    yield from (one.value for one in record.references)
    yield from (one.line for one in record.software or ())


def _clean_value(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(map(as_far_as_text, value))
    return as_far_as_text(value) if isinstance(value, str) else value


def as_far_as_text(text: str) -> str:
    """The text with a question mark for each half character."""
    return text.encode(errors="replace").decode()
