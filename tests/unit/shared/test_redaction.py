"""No secret leaves."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from halo_shared.redaction import HIDDEN, Redactor, SecretRef, scrub, secret_name

CANARY = "c4nary-S3cret"
AWKWARD = 'pä"ss/wörd\\1'


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (f"amqp://halo:{CANARY}@broker/v", "amqp://halo:***@broker/v"),
        (f"amqp://halo:{CANARY}@x@broker/v", "amqp://halo:***@broker/v"),
        (f"amqp://halo:pa/{CANARY}@broker:1/", "amqp://halo:***@broker:1/"),
        (f"redis://:{CANARY}@cache", "redis://:***@cache"),
        (f"Authorization: Bearer {CANARY}", "Authorization: Bearer ***"),
        (f"authorization: basic {CANARY}==", "authorization: basic ***"),
        (f"password={CANARY}", "password=***"),
        (f"password = {CANARY}", "password = ***"),
        (f"PWD={CANARY};Server=db", "PWD=***;Server=db"),
        (f"HALO_CLIENT_SECRET={CANARY}", "HALO_CLIENT_SECRET=***"),
        (f"db_password: {CANARY}", "db_password: ***"),
        (f'password="{CANARY} with spaces"', 'password="***"'),
        (
            f'{{"access_token": "{CANARY}", "expires_in": 3600}}',
            '{"access_token": "***", "expires_in": 3600}',
        ),
        (f"{{'api_key': '{CANARY}'}}", "{'api_key': '***'}"),
        (f"https://halo/auth?token={CANARY}&page=1", "https://halo/auth?token=***&page=1"),
        (f"grant_type=x&client_secret={CANARY}&scope=all", "grant_type=x&client_secret=***&scope=all"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(said: str, wanted: str) -> None:
    assert scrub(said) == wanted


@pytest.mark.parametrize(
    "said",
    [
        "secret://halo-acme is not on this machine",
        "client_secret: secret://halo-acme",
        'client_secret: "secret://halo-acme"',
        "https://halo.example:8443/api/users?page=2",
        "the user name or password was refused",
        "write to someone@example.com",
        "2 tokens were read",
    ],
)
def test_what_is_no_secret_stays_readable(said: str) -> None:
    assert scrub(said) == said


# Stars stand for what is hidden already.
@given(
    secret=st.text(alphabet=st.characters(exclude_characters="*"), min_size=4),
    before=st.text(),
    after=st.text(),
)
def test_a_learnt_secret_never_survives(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.learn(SecretStr(secret))

    assert secret not in redactor.scrub(f"{before}{secret}{after}{secret}")


@pytest.mark.parametrize(
    "said", [json.dumps({"x": AWKWARD}), f"https://halo/?x={quote(AWKWARD, safe='')}", f"plain {AWKWARD}"]
)
def test_a_learnt_secret_is_known_in_other_clothes(said: str) -> None:
    redactor = Redactor()
    redactor.learn(SecretStr(AWKWARD))

    scrubbed = redactor.scrub(said)

    assert HIDDEN in scrubbed
    assert "rd" not in scrubbed


def test_the_longer_of_two_secrets_goes_first() -> None:
    redactor = Redactor()
    for secret in ("abcd", "abcdefgh"):
        redactor.learn(SecretStr(secret))

    assert redactor.scrub("x abcdefgh y") == "x *** y"


def test_what_is_too_short_to_protect_anything_does_not_spoil_every_sentence() -> None:
    redactor = Redactor()
    redactor.learn(SecretStr("a"))
    redactor.learn(SecretStr(""))

    assert redactor.scrub("a banana") == "a banana"


@pytest.mark.parametrize("reference", ["secret://halo-acme", "secret://ldap.bind_1"])
def test_a_reference_names_its_secret(reference: str) -> None:
    assert f"secret://{secret_name(TypeAdapter(SecretRef).validate_python(reference))}" == reference


@pytest.mark.parametrize(
    "value", [CANARY, "secret://", "secret://Upper", "secret://a b", "secret://x\n", "xsecret://x"]
)
def test_a_value_is_no_reference(value: str) -> None:
    with pytest.raises(ValidationError, match="must be a reference such as secret://halo-acme"):
        TypeAdapter(SecretRef).validate_python(value)
