"""The bodies Halo refuses with: an exception that carries status and body, and one maker per shape."""

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse, Response

DATABASE = "D_Sandbox.dbo"


class Refusal(Exception):
    """An answer other than success; whoever raises it has decided status and body."""

    def __init__(self, status: int, body: object = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body

    def response(self) -> Response:
        if self.body is None:
            return Response(status_code=self.status)
        return JSONResponse(self.body, status_code=self.status)


def exception(message: str) -> Refusal:
    """A .NET exception, serialised as it is: Halo's usual 400."""
    return Refusal(400, dotnet(message))


def dotnet(message: str) -> dict[str, object]:
    return {
        "ClassName": "System.Exception",
        "Message": message,
        "Data": None,
        "InnerException": None,
        "HelpURL": None,
        "StackTraceString": None,
        "RemoteStackTraceString": None,
        "RemoteStackIndex": 0,
        "ExceptionMethod": None,
        "HResult": -2146233088,
        "Source": None,
        "WatsonBuckets": None,
    }


def plain(text: str) -> Refusal:
    """A 400 whose body is one JSON string."""
    return Refusal(400, text)


def model_state(problems: Mapping[str, Sequence[str]]) -> Refusal:
    """A 400 that names each value that could not be read."""
    return Refusal(400, {place: list(messages) for place, messages in problems.items()})


def not_valid(parameter: str, value: str) -> Refusal:
    """A query or path value of the wrong type."""
    return model_state({parameter: [f"The value '{value}' is not valid."]})


def null_refused(table: str, column: str) -> Refusal:
    return exception(
        f"A database error occurred (515) - Cannot insert the value NULL into column '{column}', "
        f"table '{DATABASE}.{table}'; column does not allow nulls. INSERT fails.\r\n"
        "The statement has been terminated."
    )


def truncated(table: str, column: str, kept: str) -> Refusal:
    return exception(
        "A database error occurred (2628) - String or binary data would be truncated in table "
        f"'{DATABASE}.{table}', column '{column}'. Truncated value: '{kept}'.\r\n"
        "The statement has been terminated."
    )


def no_such_column(name: str) -> Refusal:
    return exception(f"A database error occurred (207) - Invalid column name '{name}'.")
