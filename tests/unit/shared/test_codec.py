"""Messages to bytes and back."""

from uuid import UUID

import pytest
from pydantic import SecretStr

from halo_shared.errors import CredentialRefused, ErrorClass, Unreadable, UnsupportedVersion
from halo_shared.messages.base import Failure, Message
from halo_shared.messages.codec import seal, unseal
from halo_shared.messages.commands import COMMANDS, Cancel
from halo_shared.messages.requests import REQUESTS, LeaseRequest
from halo_shared.redaction import Redactor

CANCEL = Cancel(run="3f2a1b0c9d8e", reason="A person said so.")


def test_a_message_comes_back_as_it_went() -> None:
    envelope = seal(CANCEL, message_id="7")

    assert (envelope.id, envelope.kind) == ("7", "cancel")
    assert unseal(envelope.body, COMMANDS) == CANCEL


def test_a_message_without_a_kind_goes_by_its_class() -> None:
    assert seal(Message(), message_id="7").kind == "Message"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"protocol": "1"}',
        b'{"protocol": [1]}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_message_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not JSON with a protocol version") as caught:
        unseal(body, COMMANDS)

    assert len(caught.value.detail) < 1000


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"protocol": 1, "kind": "cancel", "reason": "x"}', "cancel.run: Field required"),
        (
            b'{"protocol": 1, "kind": "cancel", "run": "XYZ", "reason": "x"}',
            "cancel.run: String should match",
        ),
        (b'{"protocol": 1, "kind": "dance"}', "the message: Input tag 'dance'"),
        (b'{"protocol": 1}', "the message: Unable to extract tag"),
    ],
)
def test_what_is_not_valid_names_the_place(body: bytes, place: str) -> None:
    with pytest.raises(Unreadable, match=f"A message is not valid: {place}"):
        unseal(body, COMMANDS)


def test_a_message_of_another_family_is_unreadable() -> None:
    request = LeaseRequest(agent="a", session=UUID(int=1), run="3f2a1b0c9d8e", ask=UUID(int=2))

    with pytest.raises(Unreadable, match="lease_request"):
        unseal(seal(request, message_id="1").body, COMMANDS)
    assert unseal(seal(request, message_id="1").body, REQUESTS) == request


@pytest.mark.parametrize("version", [0, 3, 99])
def test_another_version_is_refused_whatever_it_says(version: int) -> None:
    with pytest.raises(UnsupportedVersion, match=f"version {version}; this program speaks 1, 2"):
        unseal(b'{"protocol": %d, "anything": []}' % version, COMMANDS)


def test_a_failure_says_what_an_operator_can_do_and_no_secret() -> None:
    redactor = Redactor()
    redactor.learn(SecretStr("c4nary-S3cret"))

    failure = Failure.of(
        CredentialRefused("Halo refused c4nary-S3cret.", detail="POST /token: c4nary-S3cret"), redactor
    )

    assert failure == Failure(
        code="CredentialRefused",
        error_class=ErrorClass.CONFIGURATION,
        message="Halo refused ***.",
        advice="Change the setting named, then run it again.",
        detail="POST /token: ***",
    )


def test_a_failure_of_ours_names_its_class() -> None:
    failure = Failure.of(KeyError("password=hunter22"), Redactor())

    assert (failure.code, failure.error_class, failure.message) == (
        "KeyError",
        ErrorClass.INTERNAL,
        "unexpected KeyError: 'password=***'",
    )
