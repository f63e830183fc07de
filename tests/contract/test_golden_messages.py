"""What was once on the wire is read for ever."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from halo_shared.errors import ProtocolError, UnsupportedVersion
from halo_shared.messages.base import PROTOCOL_VERSION, SUPPORTED_VERSIONS, Message
from halo_shared.messages.codec import seal, unseal
from tests.contract import golden

Json = Any  # Any: as deep as the message is

every_example = pytest.mark.parametrize("example", golden.EXAMPLES, ids=golden.kind_of)

every_older_file = pytest.mark.parametrize(
    "file",
    sorted(file for file in golden.FOLDER.parent.glob("*/*.json") if file.parent != golden.FOLDER),
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)


def decode(data: Json) -> Message:
    """Read as the one family that knows the message."""
    body = json.dumps(data).encode()
    found = []
    for family in golden.FAMILIES:
        try:
            found.append(unseal(body, family))
        except UnsupportedVersion:
            raise
        except ProtocolError:
            continue
    [message] = found
    assert isinstance(message, Message)
    return message


def stored(example: Message) -> Json:
    """What the golden file of this message holds."""
    return json.loads(golden.file_of(golden.kind_of(example)).read_text(encoding="utf-8"))


@every_example
def test_the_file_is_read_as_what_it_meant(example: Message) -> None:
    assert decode(stored(example)) == example


@every_example
def test_nothing_was_renamed_dropped_or_written_otherwise(example: Message) -> None:
    today = json.loads(seal(example, message_id="1").body)

    assert missing_from(today, stored(example)) == []
    assert decode(today) == example


@every_example
def test_a_key_that_a_newer_program_added_is_ignored_at_any_depth(example: Message) -> None:
    for place, data in with_one_more_key(stored(example)):
        assert decode(data) == example, f"after adding a key to {place}"


@every_example
def test_a_newer_version_is_refused(example: Message) -> None:
    data = stored(example) | {"protocol": max(SUPPORTED_VERSIONS) + 1}

    with pytest.raises(UnsupportedVersion):
        decode(data)


def test_every_message_has_an_example_and_a_file() -> None:
    kinds = sorted(golden.kind_of(cls) for cls in golden.message_classes())

    assert sorted(golden.kind_of(example) for example in golden.EXAMPLES) == kinds
    assert sorted(path.stem for path in golden.FOLDER.glob("*.json")) == kinds


@every_example
def test_an_example_leaves_no_field_at_its_default_by_oversight(example: Message) -> None:
    """Else its file would not notice when the field is renamed; a field that came later is not in its file."""
    assert [name for name, value in example if value in (None, (), {}, "") and name in stored(example)] == []


def test_this_program_speaks_what_it_understands() -> None:
    assert PROTOCOL_VERSION in SUPPORTED_VERSIONS
    assert {folder.name for folder in golden.FOLDER.parent.iterdir()} == {
        f"v{version}" for version in SUPPORTED_VERSIONS
    }


@every_older_file
def test_what_an_older_program_says_is_read_and_said_back_in_its_version(file: Path) -> None:
    once = json.loads(file.read_text(encoding="utf-8"))

    message = decode(once)
    today = json.loads(seal(message, message_id="1", version=once["protocol"]).body)

    assert f"v{once['protocol']}" == file.parent.name
    assert missing_from(today, once) == []


def test_a_file_that_exists_is_never_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    (tmp_path / "hello.json").write_text("kept", encoding="utf-8")

    written = golden.write_new()

    assert len(written) == len(golden.EXAMPLES) - 1
    assert (tmp_path / "hello.json").read_text(encoding="utf-8") == "kept"
    assert golden.write_new() == []


def missing_from(today: Json, once: Json, place: str = "") -> list[str]:
    """The places of the golden message that today's does not have, or has otherwise."""
    if isinstance(once, dict) and isinstance(today, dict):
        return [
            found
            for key, value in once.items()
            for found in (
                missing_from(today[key], value, f"{place}.{key}") if key in today else [f"{place}.{key}"]
            )
        ]
    if isinstance(once, list) and isinstance(today, list) and len(once) == len(today):
        return [
            found
            for number, value in enumerate(once)
            for found in missing_from(today[number], value, f"{place}.{number}")
        ]
    return [] if today == once else [place]


def with_one_more_key(data: Json) -> Iterator[tuple[str, Json]]:
    """The message with an unknown key, once for each of its parts that is a model."""
    for place in parts_of(data):
        changed = copy.deepcopy(data)
        part = changed
        for step in place:
            part = part[step]
        part["added_by_a_newer_program"] = {"x": 1}
        yield ".".join(map(str, place)) or "the message", changed


def parts_of(data: Json, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the models are; what is a table of free keys is left out."""
    if isinstance(data, dict):
        if place[-1:] not in {(name,) for name in FREE_KEYS}:
            yield place
        for key, value in data.items():
            if key not in OPAQUE:
                yield from parts_of(value, (*place, key))
    if isinstance(data, list):
        for number, value in enumerate(data):
            yield from parts_of(value, (*place, number))


FREE_KEYS = ("applications", "counts", "cursors", "mapping", "fields", "entities")
"""Tables whose keys are data: an unknown one is no added field."""
OPAQUE = ("settings", "settings_schema")
"""What only the connector understands."""
