"""The instance's own API description: exactly what the sandbox has, with every property it knows."""

from functools import cache

from halo_sandbox import schema
from halo_sandbox.resources import RESOURCES, lists
from halo_sandbox.resources.resource import Resource

Json = dict[str, object]

_SCALARS: dict[str, Json] = {
    "text": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "number": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date-time"},
    "guid": {"type": "string", "format": "uuid"},
    "any": {},
}


@cache
def document() -> Json:
    paths: Json = {"/AuthInfo": {"get": _operation()}, "/InstanceInfo": {"get": _operation()}}
    for resource in RESOURCES.values():
        paths |= _paths(resource)
    return {
        "openapi": "3.0.1",
        "info": {"title": "Halo sandbox", "version": "v2"},
        "paths": paths,
        "components": {"schemas": {name: _schema(name) for name in schema.schemas()}},
    }


def _paths(resource: Resource) -> Json:
    rows: Json = {"type": "array", "items": _reference(resource.schema)}
    content = {"application/json": {"schema": rows}}
    parameters = [{"name": name, "in": "query"} for name in lists.parameters(resource)]
    one: Json = {"get": _operation()}
    if resource.deletable:
        one["delete"] = _operation()
    return {
        f"/{resource.path}": {
            "get": {**_operation(), "parameters": parameters},
            "post": {**_operation(), "requestBody": {"content": content}},
        },
        f"/{resource.path}/{{id}}": one,
    }


def _operation() -> Json:
    return {"responses": {"200": {"description": "Success"}}}


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _schema(name: str) -> Json:
    properties = {known: _type(kind) for known, kind in schema.properties(name).items()}
    return {"type": "object", "properties": properties}


def _type(kind: str) -> Json:
    container, _, nested = kind.partition(" of ")
    match container:
        case "list":
            return {"type": "array", "items": _reference(nested) if nested else {}}
        case "object":
            return _reference(nested) if nested else {"type": "object"}
        case _:
            return _SCALARS[kind]
