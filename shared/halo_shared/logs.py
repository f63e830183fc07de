"""Log lines: JSON for machines, short lines for a terminal; ids on each, secrets on none."""

import logging
import sys
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from halo_shared.redaction import Redactor

LogFormat = Literal["auto", "json", "text"]
_OF_STRUCTLOG: Final = frozenset({"_record", "_from_structlog"})


def configure(redactor: Redactor, *, level: str = "info", style: LogFormat = "auto") -> None:
    """Send all log lines of this process to standard error.

    `auto` writes text to a terminal and JSON to anything else. Lines of libraries come out in the same form.
    """
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrubber(redactor),
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(pad_event_to=0, pad_level=False, colors=sys.stderr.isatty())
        if text
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _quiet_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; its first word is the stable name of what happened, ids are keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _quiet_libraries() -> None:
    for chatty in ("aio_pika", "httpx", "httpcore", "alembic", "aiosqlite", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # A receiver of traces that is away is worth a line, and not one for each try.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    # What it has to say of a lost connection, it raises too, and we say it in our words.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _scrubber(redactor: Redactor) -> structlog.typing.Processor:
    def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: value if key in _OF_STRUCTLOG else clean(value) for key, value in event.items()}

    def clean(value: Any) -> Any:  # Any: whatever a caller logs
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return redactor.scrub(value)
            case dict():
                return {clean(key): clean(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [clean(item) for item in value]
            case _:
                return redactor.scrub(str(value))

    return scrub
