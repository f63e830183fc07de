"""Files that people write: read strictly, with the line of every mistake."""

import difflib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from halo_shared.errors import SettingsInvalid

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = tuple[int | str, ...]
JsonSchema = dict[str, Any]  # Any: as deep as the models are


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Read a YAML file as this model; raises SettingsInvalid naming file, line, key and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{path}: cannot be read: it is not UTF-8 text ({error.reason})") from error
    return parse(text, model, name=str(path))


def parse(text: str, model: type[ModelT], *, name: str) -> ModelT:
    """Read YAML text as this model; `name` stands for the file in error messages."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsInvalid(f"{name} line {line}: is not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{name}: is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise SettingsInvalid(f"{name}: must hold keys and values, as in 'name: people'")
    if repeated := list(_repeated_keys(node)):
        raise SettingsInvalid("\n".join(f"{name} line {line}: {key}: stands twice" for line, key in repeated))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(explain(error, model, name=name, node=node))) from error


def explain(
    error: ValidationError, model: type[BaseModel], *, name: str, node: yaml.Node | None = None
) -> list[str]:
    """One sentence per mistake: where it is, what is wrong, what would be right."""
    mistakes = [(_in_the_file(mistake, node), mistake) for mistake in error.errors(include_url=False)]
    sentences = []
    for location, group in groupby(mistakes, key=lambda pair: pair[0]):
        if any(_is_below(other, location) for other, _ in mistakes):
            continue  # the consequence of a mistake further down, which is told by itself
        place = f"{name} line {_line(node, location)}" if node else name
        key = ".".join(map(str, location))
        # Each way to read a value that was tried and failed is a mistake of its own to pydantic.
        first, *others = (_remedy(mistake, location, model) for _, mistake in group)
        remedy = " or ".join((first, *(other.removeprefix("must be ") for other in others)))
        sentences.append(": ".join(part for part in (place, key, remedy) if part))
    return sentences


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say of a key that is none of those that are known."""
    close = difflib.get_close_matches(key, known, n=1)
    return "unknown key" + (f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}")


def _remedy(mistake: ErrorDetails, location: Location, model: type[BaseModel]) -> str:
    match mistake["type"]:
        case "extra_forbidden":
            return unknown_key(str(location[-1]), _keys_at(model, location[:-1]))
        case "missing":
            return "is missing"
        case "model_type" | "dict_type":
            return "must hold keys and values"
        case "too_short":
            return f"must hold at least {mistake['ctx']['min_length']}"
        case _:
            return mistake["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that are allowed at this place, as far as the models tell."""
    schema = model.model_json_schema()
    here: JsonSchema = _resolve(schema, schema)
    for part in location:
        properties: JsonSchema = here.get("properties", {})
        below = properties.get(str(part)) or here.get("additionalProperties") or here.get("items")
        here = _resolve(below if isinstance(below, dict) else {}, schema)
    return list(here.get("properties", {}))


def _resolve(here: JsonSchema, schema: JsonSchema) -> JsonSchema:
    options: list[JsonSchema] = [here, *here.get("anyOf", ())]
    references = [option["$ref"] for option in options if "$ref" in option]
    if not references:
        return here
    found: JsonSchema = schema["$defs"][references[0].rsplit("/", 1)[1]]
    return found


def _in_the_file(mistake: ErrorDetails, node: yaml.Node | None) -> Location:
    """Where the mistake is, without the marks that pydantic adds for unions and validators."""
    location = tuple(part for part in mistake["loc"] if not str(part).endswith("]"))
    if node is None:
        return location
    known = len(location) - 1 if mistake["type"] == "missing" else len(location)
    held: Location = ()
    for part in location[:known]:
        if found := _child(node, part):
            held, node = (*held, part), found[1]
    # What came from elsewhere, as from the environment, stands nowhere in the file.
    return (held or location[:known]) + location[known:]


def _is_below(location: Location, place: Location) -> bool:
    return len(location) > len(place) and location[: len(place)] == place


def _line(node: yaml.Node | None, location: Location) -> int:
    """The line of the innermost key of this place that stands in the file."""
    line = 1
    for part in location:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that YAML's library would let the last of win, with their lines."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield key.start_mark.line + 1, str(key.value)
            seen.add(str(key.value))
            yield from _repeated_keys(value)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
