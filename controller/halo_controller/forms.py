"""Whether settings fit the form that a connector announces for them, its JSON schema. Pure.

What an agent would take must not be refused here: values are read as leniently as pydantic reads them on the agent,
patterns are matched by the same engine, and a form that cannot be read refuses nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from pydantic import TypeAdapter
from pydantic import ValidationError as Unreadable
from pydantic_core import SchemaError as NotAPattern
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry
from referencing.exceptions import Unresolvable

from halo_shared.files import unknown_key

Some = Any  # Any: a JSON value, a part of a JSON schema, or a mistake, whose stub says that all of it may be missing
Form = Mapping[str, Some]

_LENIENT: Final[Mapping[str, TypeAdapter[Some]]] = {
    "integer": TypeAdapter(int),
    "number": TypeAdapter(float),
    "boolean": TypeAdapter(bool),
}
_WORDS: Final = {
    "string": "be text",
    "integer": "be a whole number",
    "number": "be a number",
    "boolean": "be true or false",
    "array": "be a list",
    "object": "hold keys and values",
    "null": "be empty",
}
_PHRASES: Final = {
    "minimum": "be at least {}",
    "maximum": "be at most {}",
    "exclusiveMinimum": "be more than {}",
    "exclusiveMaximum": "be less than {}",
    "minLength": "be at least {} long",
    "maxLength": "be at most {} long",
    "minItems": "hold at least {}",
    "maxItems": "hold at most {}",
    "pattern": "match {}",
    "const": "be {}",
}


def misfits(form: Form, settings: Mapping[str, Some]) -> Sequence[str]:
    """What does not fit: one sentence each, with the setting, what is wrong with it and what is allowed.

    Values are not repeated: one may be a secret that somebody wrote in the wrong place.
    """
    try:
        Draft202012Validator.check_schema(form)
        # A registry of its own: the library's would fetch what a schema refers to from anywhere.
        mistakes = list(_Checker(form, registry=Registry()).iter_errors(settings))
    except (SchemaError, Unresolvable, re.error, RecursionError):
        return ()
    return list(dict.fromkeys(said for mistake in mistakes for said in _sentences(mistake)))


def _sentences(mistake: Some) -> Iterator[str]:
    leaf = best_match([mistake])  # of all that is wrong with a choice what was most likely meant
    place = ".".join(map(str, ("settings", *leaf.absolute_path)))
    match leaf.validator:
        case "required":
            known = leaf.schema.get("properties", {})
            for name in (name for name in leaf.validator_value if name not in leaf.instance):
                yield _with_meaning(f"{place}.{name}: is missing", known.get(name))
        case "additionalProperties" if not leaf.validator_value:
            known = list(leaf.schema.get("properties", {}))
            for name in (name for name in leaf.instance if name not in known):
                yield f"{place}.{name}: {unknown_key(name, known)}"
        case _:
            described = mistake if mistake.absolute_path == leaf.absolute_path else leaf
            yield _with_meaning(f"{place}: must {_rule(leaf)}", described.schema)


def _rule(mistake: Some) -> str:
    allowed = mistake.validator_value
    match mistake.validator:
        case "type":
            return " or ".join(_WORDS[kind] for kind in _listed(allowed))
        case "enum":
            return f"be one of {', '.join(map(str, allowed))}"
        case "anyOf" | "oneOf" if mistake.context:
            ways = groupby(mistake.context, key=lambda one: one.relative_schema_path[0])
            firsts = [next(wrong) for _, wrong in ways]
            return " or ".join(_rule(first) for first in firsts if first.validator_value != "null")
        case rule:
            return _PHRASES.get(rule, f"fit the form's '{rule}'").format(allowed)


def _with_meaning(sentence: str, described: Some) -> str:
    meaning = described.get("description", "") if isinstance(described, Mapping) else ""
    return f"{sentence}. {meaning}".rstrip()


def _type(checker: Some, kinds: Some, value: Some, form: Form) -> Iterator[ValidationError]:
    """As pydantic reads it; a span of time, which is announced as text, may be a number of seconds."""
    lenient = [_LENIENT[kind] for kind in _listed(kinds) if kind in _LENIENT]
    if form.get("format") == "duration":
        lenient.append(_LENIENT["number"])
    # Where values are listed, the list says all.
    if "enum" not in form and not any(_reads(adapter, value) for adapter in lenient):
        yield from Draft202012Validator.VALIDATORS["type"](checker, kinds, value, form)


def _pattern(_checker: Some, pattern: str, value: Some, _form: Form) -> Iterator[ValidationError]:
    """As pydantic matches it, whose expressions are not Python's."""
    try:
        fits = _reads(SchemaValidator(core_schema.str_schema(pattern=pattern)), value)
    except NotAPattern:
        return
    if isinstance(value, str) and not fits:
        yield ValidationError("it does not match")


def _listed(kinds: str | Sequence[str]) -> Sequence[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _reads(reader: TypeAdapter[Some] | SchemaValidator, value: Some) -> bool:
    try:
        reader.validate_python(value)
    except Unreadable:
        return False
    return True


_Checker: Final = extend(Draft202012Validator, {"type": _type, "pattern": _pattern})  # type: ignore[no-untyped-call]  # so its stub says
