"""The JSON schema of every kind of event, for whoever consumes them without this package."""

import json
from importlib.resources import files
from typing import Any, Final

from halo_shared.messages.events import (
    EventBase,
    Finished,
    Logged,
    Outcomes,
    Progress,
    RecordEvent,
    Started,
    StatusChanged,
)

Schema = dict[str, Any]  # Any: as JSON schemas nest

MODELS: Final[dict[str, type[EventBase]]] = {
    "started": Started,
    "progress": Progress,
    "record": RecordEvent,
    "outcomes": Outcomes,
    "log": Logged,
    "finished": Finished,
    "status": StatusChanged,
}


def of_model(kind: str) -> Schema:
    """The schema as today's models say it; unknown keys are allowed, since later versions add some."""
    schema = MODELS[kind].model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def published(kind: str) -> str:
    """The file of this package that holds the schema."""
    return files(__name__).joinpath(f"{kind}.json").read_text(encoding="utf-8")


def text(schema: Schema) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
