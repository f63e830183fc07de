"""Canaries: every secret of the product is a word that stands nowhere else, and is then looked for everywhere."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from halo_sandbox.services.mailbox import PASSWORD, text_of
from tests.support.product import Product
from tests.support.webhooks import SECRET, Receiver, receiving

pytestmark = pytest.mark.timeout(400)

HOLD_SECRETS = {"secrets.yaml", "operator.token"}
"""The files in which they may stand."""
LISTINGS = (
    "runs",
    "log?level=debug",
    "incidents?recovered=true",
    "people",
    "notifications",
    "tenants",
    "agents",
)


def spellings(secret: str) -> set[bytes]:
    """As it may stand in text, JSON or a URL."""
    return {form.encode() for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))}


def found_in(folder: Path, secrets: set[str]) -> list[str]:
    """Every file below this folder, but those meant for it, that holds a secret."""
    known = {form for secret in secrets for form in spellings(secret)}
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file()
        and file.name not in HOLD_SECRETS
        and any(form in file.read_bytes() for form in known)
    ]


async def everything_said(office: Product, receiver: Receiver) -> str:
    """What left the product by any door: API, commands, e-mail, webhook."""
    answers = [json.dumps(await office.ask(f"/{listing}")) for listing in LISTINGS]
    exported = await office.type("halo-controller", "log", "export", "--level", "debug", "--format", "jsonl")
    assert exported.code == 0
    mails = [message.as_string() + text_of(message) for message in office.mailbox.messages]
    hooks = [json.dumps([body, headers]) for _, body, headers in receiver.got]
    assert exported.out
    assert mails
    assert hooks
    return "\n".join([*answers, exported.out, exported.err, *mails, *hooks])


async def test_no_secret_is_found_anywhere_but_where_it_belongs(office: Product, tmp_path: Path) -> None:
    async with receiving() as receiver:
        person = {
            **files.PERSON,
            "channels": [
                {"kind": "email", "address": files.ADDRESS},
                {"kind": "webhook", "url": receiver.url("signed"), "secret": "secret://hook"},
                {"kind": "slack", "url": "secret://chat"},
            ],
        }
        chat = f"{receiver.url('slack')}?key=canary-of-the-chat"
        hidden = office.folder / "controller" / "secrets.yaml"
        hidden.write_text(f"hook: {SECRET}\nchat: {chat}\n", encoding="utf-8")
        hidden.chmod(0o600)
        await office.quietly("people", "add", str(files.write(office.folder, "person", person)))

        broken = await office.enable(files.broken_people("dc=example,dc=org"))
        await office.run(broken)
        await office.run(await office.enable(office.people.integration))
        await until(lambda: _all_came(office, receiver))

        token = (office.folder / "controller" / "operator.token").read_text(encoding="utf-8").strip()
        directory = SecretStr(office.people.password).get_secret_value()
        secrets = {
            PASSWORD,
            SECRET,
            "canary-of-the-chat",
            token,
            directory,
            office.sandbox.settings.client_secret,
        }
        said = await everything_said(office, receiver)
        assert [one for one in secrets if any(form in said.encode() for form in spellings(one))] == []
        assert found_in(office.folder, secrets) == []


async def _all_came(office: Product, receiver: Receiver) -> bool:
    return bool(office.mailbox.messages) and {kind for kind, _, _ in receiver.got} == {"signed", "slack"}
