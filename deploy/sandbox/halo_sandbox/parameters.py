"""Query parameters as Halo reads them: names in any case, and a value of the wrong type is a 400."""

from collections.abc import Iterable
from datetime import UTC, datetime

from halo_sandbox import errors
from halo_sandbox.schema import whole_number


class Parameters:
    """The query of one request. An empty value counts as not given."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values = {name.lower(): value for name, value in pairs}

    def text(self, name: str) -> str | None:
        return self._values.get(name) or None

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        number = whole_number(value)
        if number is None or abs(number) >= 2**31:
            raise errors.not_valid(name, value)
        return number

    def boolean(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise errors.not_valid(name, value)
        return value.lower() == "true"

    def moment(self, name: str) -> datetime | None:
        """A date in UTC; one without an offset is taken as UTC."""
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise errors.not_valid(name, value) from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
