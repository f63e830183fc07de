"""What all tables have in common: one set of metadata, moments in UTC, and definitions that are read once."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    MetaData,
    Text,
    TypeDecorator,
    cast,
    type_coerce,
)
from sqlalchemy.sql.operators import OperatorType

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


READ_ONCE: Final = 20_000
"""Definitions that are remembered as they were read, by their words, at some 16 KiB each.

Who watches all of them reads in a circle: where that is larger than this, nothing is found again.
"""


class Definition(TypeDecorator[BaseModel]):
    """What people wrote, as a model. One that was read before is not read again, for that takes long; it must be frozen."""

    impl = JSON
    cache_ok = True

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__()
        self.model = model

    def column_expression(
        self, column: ColumnElement[Any]
    ) -> ColumnElement[Any]:  # Any: as the library has it
        """As text, which one of the drivers would parse at once."""
        return type_coerce(cast(column, Text), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str], BaseModel]:
        """The text as a model."""
        return partial(_read, self.model)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> Any:
        """What stands inside is looked up as in any JSON."""
        return self.impl_instance.coerce_compared_value(op, value)


@lru_cache(READ_ONCE)
def _read(model: type[BaseModel], text: str) -> BaseModel:
    return model.model_validate_json(text)
