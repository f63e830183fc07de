"""Which properties Halo knows and of what type: reads the rows of a request as Halo would, or refuses.

The table in `names.json` holds names and types only. Halo reads a number out of a string; where it is
not known whether Halo would convert, the sandbox refuses, so that a client never depends on it.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from halo_sandbox import errors

# A Halo record has hundreds of properties, of which the sandbox acts on a few and keeps the rest.
Document = dict[str, Any]
Problems = dict[str, list[str]]


class _Unreadable(Exception):
    """A value that Halo could not convert, in the words of its JSON reader."""


_NAMES = Path(__file__).with_name("names.json")


@cache
def properties(schema: str) -> Mapping[str, str]:
    """Every property of a schema with its type; empty for a schema that is not in the table."""
    kinds = _table().get(schema, {})
    return {name: kind for kind, names in kinds.items() for name in names.split()}


def schemas() -> list[str]:
    return list(_table())


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(_NAMES.read_text(encoding="utf-8"))
    return table


def read_rows(schema: str, body: object) -> list[Document]:
    """The rows of a POST with their values converted; raises the refusal Halo would send."""
    if not isinstance(body, list):
        raise errors.exception(
            f"Cannot deserialize the current JSON value into type 'System.Collections.Generic.List`1"
            f"[{schema}]' because the type requires a JSON array (e.g. [1,2,3])."
        )
    if not body:
        raise errors.exception("Index was out of range. Must be non-negative and less than the size.")
    problems: Problems = {}
    rows = [_read(schema, row, f"[{index}]", problems) for index, row in enumerate(body)]
    if problems:
        raise errors.model_state(problems)
    return rows


def _read(schema: str, row: object, path: str, problems: Problems) -> Document:
    """One object. Unknown properties are left out; null counts as not sent, as it does in Halo."""
    if not isinstance(row, dict):
        problems.setdefault(path, []).append(f"Error converting value {row!r} to type '{schema}'.")
        return {}
    known = properties(schema)
    document: Document = {}
    for name, value in row.items():
        if name not in known or value is None:
            continue
        place = f"{path}.{name}"
        try:
            document[name] = _convert(known[name], value, place, problems)
        except _Unreadable as error:
            problems.setdefault(place, []).append(f"{error}. Path '{place}'.")
    return document


def _convert(kind: str, value: object, place: str, problems: Problems) -> object:
    container, _, nested = kind.partition(" of ")
    if container == "list":
        return _list(nested, value, place, problems)
    if container == "object":
        return _object(nested, value, place, problems)
    return _SCALARS[kind](value)


def _list(nested: str, value: object, place: str, problems: Problems) -> object:
    if not isinstance(value, list):
        raise _Unreadable(f"Error converting value {value!r} to a list")
    if not nested:
        return value
    return [_read(nested, item, f"{place}[{index}]", problems) for index, item in enumerate(value)]


def _object(nested: str, value: object, place: str, problems: Problems) -> object:
    if not isinstance(value, dict):
        raise _Unreadable(f"Error converting value {value!r} to an object")
    return _read(nested, value, place, problems) if nested else value


def whole_number(text: str) -> int | None:
    """The integer this text stands for; None for what only Python would read as one."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def _integer(bits: int, value: object) -> int:
    if isinstance(value, str):
        number = whole_number(value)
        if number is None:
            raise _Unreadable(f"Could not convert string to integer: {value}")
        value = number
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Unreadable(f"Input string '{value}' is not a valid integer")
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise _Unreadable(f"JSON integer {value} is too large or small for an Int{bits}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Unreadable(f"Error converting value {value!r} to type 'System.Double'")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _Unreadable(f"Could not convert string to double: {value}")
    return number


def _boolean(value: object) -> bool:
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _Unreadable(f"Could not convert string to boolean: {value}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Unreadable(f"Error converting value {value!r} to type 'System.String'")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _Unreadable("Unpaired surrogate in a string")
    return value


def _anything(value: object) -> object:
    return _text(value) if isinstance(value, str) else value


def _date(value: object) -> str:
    text = _text(value)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _Unreadable(f"Could not convert string to DateTime: {text}") from None
    return text


def _guid(value: object) -> str:
    text = _text(value)
    try:
        return str(UUID(text))
    except ValueError:
        raise _Unreadable(f"Error converting value {text!r} to type 'System.Guid'") from None


_SCALARS: dict[str, Callable[[object], object]] = {
    "text": _text,
    "int": lambda value: _integer(32, value),
    "long": lambda value: _integer(64, value),
    "number": _number,
    "bool": _boolean,
    "date": _date,
    "guid": _guid,
    "any": _anything,
}
