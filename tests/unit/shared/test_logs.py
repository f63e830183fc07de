"""Log lines carry ids and no secrets."""

import json
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import structlog
from pydantic import SecretStr

from halo_shared import logs
from halo_shared.redaction import Redactor

CANARY = "c4nary-S3cret"
Said = Callable[[], str]


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.learn(SecretStr(CANARY))
    return redactor


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Reads what the process has said."""
    return lambda: capsys.readouterr().err


def log_in(password: str) -> None:
    raise ValueError(f"login failed with {password}")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_json_with_ids_time_and_origin(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor)

    with structlog.contextvars.bound_contextvars(run="3f2a1b0c9d8e"):
        logs.get("halo_agent.worker").info("attempt_started", tenant="acme", fence=7)

    [line] = lines(said())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "attempt_started",
        "run": "3f2a1b0c9d8e",
        "tenant": "acme",
        "fence": 7,
        "level": "info",
        "logger": "halo_agent.worker",
    }


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"in the middle: {CANARY}.",
        ["a list", CANARY],
        {"deep": {"deeper": (1, CANARY)}},
        {CANARY: "as a key"},
        ValueError(CANARY),
        CANARY.encode(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_brings_a_secret_out(redactor: Redactor, said: Said, value: object) -> None:
    logs.configure(redactor)

    logs.get("x").warning("said", value=value)

    text = said()
    assert CANARY not in text
    assert "***" in text


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_exception_brings_a_secret_out(redactor: Redactor, said: Said, style: logs.LogFormat) -> None:
    logs.configure(redactor, style=style)

    try:
        log_in(CANARY)
    except ValueError:
        logs.get("x").exception("failed")

    text = said()
    assert CANARY not in text
    assert "ValueError: login failed with ***" in text


def test_lines_of_libraries_come_in_the_same_form(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor)

    try:
        log_in(CANARY)
    except ValueError:
        logging.getLogger("some_library").exception("connecting to amqp://halo:%s@broker", "hunter22")

    [line] = lines(said())
    assert (line["event"], line["logger"], line["level"]) == (
        "connecting to amqp://halo:***@broker",
        "some_library",
        "error",
    )
    assert "ValueError: login failed with ***" in line["exception"]


def test_values_that_are_no_text_stay_what_they_are(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor)

    logs.get("x").info("said", count=3, share=0.5, on=True, none=None, id=UUID(int=1))

    [line] = lines(said())
    assert [line[key] for key in ("count", "share", "on", "none", "id")] == [
        3,
        0.5,
        True,
        None,
        "00000000-0000-0000-0000-000000000001",
    ]


def test_quieter_lines_are_left_out(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor, level="warning")

    logs.get("x").info("quiet")
    logging.getLogger("library").info("quiet")
    logs.get("x").warning("loud")

    assert [line["event"] for line in lines(said())] == ["loud"]


def test_chatty_libraries_are_heard_from_warning_on(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor, level="debug")

    logging.getLogger("httpx").info("HTTP Request: GET ...")

    assert said() == ""


def test_the_broker_s_library_does_not_say_again_what_we_say(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor, level="debug")

    logging.getLogger("aiormq.connection").error("Exception while connecting")

    assert said() == ""


def test_text_has_no_colours_where_nobody_sees_them(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor, style="text")

    logs.get("x").warning("attempt_started", run="3f2a1b0c9d8e")

    assert "\x1b" not in said()


def test_text_is_one_short_line(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor, style="text")

    logs.get("x").info("attempt_started", run="3f2a1b0c9d8e")

    text = said()
    assert text.count("\n") == 1
    assert "attempt_started" in text


def test_configuring_twice_does_not_say_things_twice(redactor: Redactor, said: Said) -> None:
    logs.configure(redactor)
    logs.configure(redactor)

    logs.get("x").info("once")

    assert len(lines(said())) == 1
