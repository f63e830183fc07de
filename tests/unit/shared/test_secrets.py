"""Secrets are found on this machine and shown nowhere."""

from pathlib import Path

import pytest

from halo_shared.errors import SecretMissing, SettingsInvalid
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets, TenantSecrets

CANARY = "canary-5f3a"
REFERENCE = "secret://halo-acme.main"
VARIABLE = "HALO_SECRET_HALO_ACME_MAIN"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.yaml"


def write(file: Path, text: str, *, mode: int = 0o600) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def resolved(file: Path, environment: dict[str, str] | None = None) -> str:
    return LocalSecrets(file, environment or {}, Redactor()).resolve(REFERENCE).get_secret_value()


def test_a_secret_is_read_from_the_file(file: Path) -> None:
    write(file, f"other: x\nhalo-acme.main: {CANARY}\n")

    assert resolved(file) == CANARY


def test_the_environment_wins(file: Path) -> None:
    write(file, "halo-acme.main: from the file\n")

    assert resolved(file, {VARIABLE: "from the environment"}) == "from the environment"


def test_an_empty_variable_is_none(file: Path) -> None:
    write(file, "halo-acme.main: from the file\n")

    assert resolved(file, {VARIABLE: ""}) == "from the file"


@pytest.mark.parametrize("written", ["0123", "1e5", "yes", "2026-01-01", "0x10", "null", "~", "12:30:45"])
def test_a_secret_is_the_text_that_is_written_and_never_a_number_or_a_date(file: Path, written: str) -> None:
    write(file, f"halo-acme.main: {written}\n")

    assert resolved(file) == written


def test_quotes_are_yaml_s(file: Path) -> None:
    write(file, """halo-acme.main: "a: b # 'c'"\n""")

    assert resolved(file) == "a: b # 'c'"


@pytest.mark.parametrize(
    "text", [None, "", "# nothing yet\n", "other: x\n", "halo-acme.main:\n", "halo-acme.main: ''\n"]
)
def test_a_missing_secret_names_both_places(file: Path, text: str | None) -> None:
    if text is not None:
        write(file, text)

    with pytest.raises(SecretMissing) as caught:
        resolved(file)

    assert caught.value.message == (
        f"{REFERENCE} is not on this machine: add a line 'halo-acme.main: VALUE' to {file}, or set {VARIABLE}."
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused_with_the_cure(file: Path, mode: int) -> None:
    write(file, f"halo-acme.main: {CANARY}\n", mode=mode)

    with pytest.raises(SettingsInvalid, match=f"mode 0{mode:o}.*chmod 600 {file}") as caught:
        resolved(file)

    assert CANARY not in str(caught.value)


def test_the_environment_needs_no_file_in_order(file: Path) -> None:
    write(file, "halo-acme.main: x\n", mode=0o644)

    assert resolved(file, {VARIABLE: CANARY}) == CANARY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"a: b\nhalo-acme.main: '{CANARY}\n", r"line \d is not valid YAML"),
        (f"- {CANARY}\n", "must hold lines of the form 'name: value'"),
        (f"halo-acme.main: [{CANARY}]\n", "must hold lines of the form 'name: value'"),
        (f"halo-acme.main: \x01{CANARY}\n", "it is not YAML in UTF-8"),
    ],
    ids=["torn", "a list", "a list of values", "control characters"],
)
def test_a_file_that_is_wrong_is_explained_without_its_content(file: Path, text: str, why: str) -> None:
    write(file, text)

    with pytest.raises(SettingsInvalid, match=why) as caught:
        resolved(file)

    assert str(file) in caught.value.message
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_folder_in_its_place_is_named(file: Path) -> None:
    file.mkdir(mode=0o700)

    with pytest.raises(SettingsInvalid, match="Is a directory"):
        resolved(file)


def test_a_place_that_cannot_be_looked_at_is_named(file: Path) -> None:
    write(file, "halo-acme.main: x\n")

    with pytest.raises(
        SettingsInvalid, match=r"cannot be looked at: Not a directory.*'secrets' another place"
    ):
        resolved(file / "secrets.yaml")


def test_a_resolved_secret_is_never_shown_again(file: Path) -> None:
    redactor = Redactor()
    write(file, f"halo-acme.main: {CANARY}\n")
    secrets = LocalSecrets(file, {}, redactor)

    secret = secrets.resolve(REFERENCE)

    assert redactor.scrub(f"login with {CANARY} failed") == "login with *** failed"
    assert CANARY not in f"{secret} {secret!r} {secrets!r}"


def test_a_tenant_resolves_what_stands_under_its_own_name(file: Path) -> None:
    write(file, f"acme.entra: {CANARY}\nbeta.entra: other\nentra: the machine's\n")

    acme = TenantSecrets(LocalSecrets(file, {}, Redactor()), "acme")

    assert acme.resolve("secret://entra").get_secret_value() == CANARY


@pytest.mark.parametrize("reference", ["secret://beta.entra", "secret://entra", "secret://beta-entra"])
def test_a_tenant_cannot_name_another_s_secret_nor_the_machine_s(file: Path, reference: str) -> None:
    write(file, f"beta.entra: {CANARY}\nentra: {CANARY}\nbeta-entra: {CANARY}\n")
    environment = {f"HALO_SECRET_{name}": CANARY for name in ("ENTRA", "ACME_ENTRA", "BETA_ENTRA")}
    acme = TenantSecrets(LocalSecrets(file, environment, Redactor()), "acme")

    with pytest.raises(SecretMissing, match=r"add a line 'acme\.(beta[.-])?entra: VALUE'"):
        acme.resolve(reference)
