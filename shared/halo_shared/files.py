"""Files that people write: read strictly, with the line of every mistake."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from halo_shared.errors import SettingsInvalid

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = tuple[int | str, ...]
JsonSchema = dict[str, Any]  # Any: as deep as the models are


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Read a YAML file as this model; raises SettingsInvalid naming file, line, key and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error}") from error
    return parse(text, model, name=str(path))


def parse(text: str, model: type[ModelT], *, name: str) -> ModelT:
    """Read YAML text as this model; `name` stands for the file in error messages."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsInvalid(f"{name} line {line}: is not valid YAML: {error.problem}") from error
    if not isinstance(data, dict):
        raise SettingsInvalid(f"{name}: must hold keys and values, as in 'name: people'")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(explain(error, model, name=name, node=node))) from error


def explain(
    error: ValidationError, model: type[BaseModel], *, name: str, node: yaml.Node | None = None
) -> list[str]:
    """One sentence per mistake: where it is, what is wrong, what would be right."""
    sentences = []
    for mistake in error.errors(include_url=False):
        location = _of_the_file(mistake["loc"])
        place = f"{name} line {_line(node, location)}" if node else name
        key = ".".join(str(part) for part in location) or "the file"
        sentences.append(
            f"{place}: {key}: {_remedy(mistake['type'], mistake['msg'], location, model)}"
        )
    return sentences


def _remedy(kind: str, message: str, location: Location, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        return "unknown key" + (
            f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}"
        )
    if kind == "missing":
        return "is missing"
    return message.removeprefix("Value error, ")


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


def _of_the_file(location: Location) -> Location:
    """Without the marks that pydantic adds for unions and validators, which no file holds."""
    return tuple(part for part in location if isinstance(part, int) or not part.endswith("]"))


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
