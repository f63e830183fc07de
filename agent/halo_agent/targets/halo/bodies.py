"""What Halo's error bodies say, in a sentence: it has half a dozen shapes for them."""

import json
import re
from typing import Final

_SENTENCES: Final = (
    (
        re.compile(r"Cannot insert the value NULL into column '([^']+)', table '(?:[^']*\.)?([^'.]+)'"),
        r"its database needs a value in column '\1' of table '\2': map a field that fills it",
    ),
    (
        re.compile(r"data would be truncated in table '(?:[^']*\.)?([^'.]+)', column '([^']+)'"),
        r"the value for column '\2' of table '\1' is too long: shorten it at its source",
    ),
    (
        re.compile(r"String or binary data would be truncated"),
        "one of the values is too long for its column: shorten it at its source",
    ),
    (
        re.compile(r"Violation of (?:UNIQUE|PRIMARY) KEY constraint '([^']+)'|Cannot insert duplicate key"),
        "another record holds the same value where values must be unique",
    ),
    (
        re.compile(r"conflicted with the FOREIGN KEY constraint .*?column '([^']+)'", re.DOTALL),
        r"the record that column '\1' points at does not exist",
    ),
    (re.compile(r"Invalid column name '([^']+)'"), r"it has no column '\1'"),
)


def explain(text: str) -> str:
    """What a body says, in words without a full stop; empty when it says nothing."""
    try:
        body = json.loads(text)
    except ValueError:
        return _page(text) if text.lstrip().startswith("<") else _database(text)
    return _explain(body)


def refused_row(body: object) -> str:
    """What an answer of success says against the one record that was sent; empty when it says nothing of the kind."""
    row = body[0] if isinstance(body, list) and body else body
    if isinstance(row, dict) and row.keys() & {"error", "errorMessage", "Message"}:
        return _explain(row)
    return ""


def _explain(body: object) -> str:
    match body:
        case (
            str(message)
            | {"Message": str(message)}
            | {"errorMessage": str(message)}
            | {"error_description": str(message)}
            | {"error": str(message)}
        ):
            return _database(message)
        case {"error": dict(inner)}:
            return _explain(inner)
        case dict():
            return "; ".join(_field_problem(place, said) for place, said in body.items())
        case _:
            return ""


def _page(html: str) -> str:
    title = re.search(r"<title[^>]*>\s*(.*?)\s*</title>", html, re.IGNORECASE | re.DOTALL)
    shown = f" ('{title[1]}')" if title else ""
    return f"a web page{shown} came instead of data, perhaps from a proxy or a sign-in page in front of Halo"


def _database(message: str) -> str:
    """The first line, or what the database error in it asks for."""
    for pattern, sentence in _SENTENCES:
        if found := pattern.search(message):
            return found.expand(sentence)
    return next(iter(message.strip().splitlines()), "").rstrip(". ")


def _field_problem(place: str, said: object) -> str:
    """One entry of a ModelState: `[0].site_id` and why its value cannot be read."""
    messages = said if isinstance(said, list) else [said]
    text = " ".join(re.sub(r"\s*Path '.*$", "", str(message), flags=re.DOTALL) for message in messages)
    field = re.sub(r"^\[\d+\]\.?", "", place)
    return f"field '{field}': {text.rstrip('. ')}" if field else text.rstrip(". ")
