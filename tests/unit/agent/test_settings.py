"""The agent's settings, from its file and its environment."""

from pathlib import Path

import pytest

from halo_agent.settings import Settings, environment
from halo_shared.errors import SettingsInvalid

WHOLE = """\
name: one
broker_url: amqps://one:canary-5f3a@broker/
data: /var/lib/halo-agent
slots: 4
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.yaml"


def loaded(file: Path, text: str = WHOLE) -> Settings:
    file.write_text(text)
    return Settings.load(file)


def mistakes(file: Path, text: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(file, text)
    return caught.value.message.splitlines()


def test_a_file_says_what_it_says_and_leaves_the_rest_as_usual(file: Path) -> None:
    settings = loaded(file)

    assert (settings.name, settings.broker_url, settings.slots) == (
        "one",
        "amqps://one:canary-5f3a@broker/",
        4,
    )
    assert (settings.spool_limit, settings.log_level) == (200_000, "info")
    assert settings.secrets_file == Path("/var/lib/halo-agent/secrets.yaml")


def test_secrets_may_be_kept_elsewhere(file: Path) -> None:
    assert loaded(file, WHOLE + "secrets: /etc/halo/secrets.yaml").secrets_file == Path(
        "/etc/halo/secrets.yaml"
    )


def test_relative_paths_start_at_the_file_s_folder(file: Path) -> None:
    settings = loaded(file, WHOLE.replace("/var/lib/halo-agent", "state") + "secrets: ../keys.yaml\n")

    assert (settings.data, settings.secrets) == (file.parent / "state", file.parent / "../keys.yaml")


def test_relative_paths_of_the_environment_start_where_the_agent_was_started(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALO_AGENT_DATA", "here")

    assert loaded(file).data == Path("here")


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("HALO_AGENT_NAME", "two", "name"),
        ("HALO_BROKER_URL", "amqp://env/", "broker_url"),
        ("HALO_AGENT_BROKER_URL", "amqp://env/", "broker_url"),
        ("HALO_AGENT_LOG_LEVEL", "debug", "log_level"),
    ],
)
def test_the_environment_wins(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert getattr(loaded(file), name) == value


def test_the_environment_alone_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALO_AGENT_NAME", "one")
    monkeypatch.setenv("HALO_BROKER_URL", "amqp://env/")
    monkeypatch.setenv("HALO_AGENT_SLOTS", "3")

    assert Settings.load(None).slots == 3
    assert environment()["HALO_AGENT_SLOTS"] == "3"


def test_what_is_given_nowhere_is_named_with_the_ways_to_give_it() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Settings.load(None)

    assert caught.value.message.splitlines() == [
        "settings: name: is missing",
        "settings: broker_url: is missing",
        "Give a settings file with --config, or set HALO_AGENT_<NAME> for each.",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("broker_ulr: x", "line 5: broker_ulr: unknown key; did you mean 'broker_url'?"),
        ("slts: 3", "line 5: slts: unknown key; did you mean 'slots'?"),
        (
            "zzz: 3",
            (
                "line 5: zzz: unknown key; known are "
                "name, broker_url, data, secrets, slots, spool_limit, metrics_port, metrics_host, log_level, log_format"
            ),
        ),
        ("spool_limit: 1", "line 5: spool_limit: must be greater than or equal to 1000"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_remedy(file: Path, line: str, expected: str) -> None:
    assert mistakes(file, WHOLE + line) == [f"{file} {expected}"]


def test_every_mistake_is_told(file: Path) -> None:
    assert len(mistakes(file, "name: Not A Name\nslots: 0\nlog_level: loud\n")) == 4


def test_a_mistake_in_the_environment_is_named_by_its_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALO_AGENT_SLOTS", "many")

    (mistake,) = mistakes(file, "name: one\nbroker_url: amqp://x/\n")
    assert "slots: must be a valid integer" in mistake


def test_a_trial_needs_neither_a_name_nor_a_broker(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALO_AGENT_DATA", str(tmp_path))

    assert Settings.for_trying(None).data == tmp_path
    file.write_text(WHOLE)
    assert Settings.for_trying(file).name == "one"


def test_a_trial_tells_mistakes_in_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALO_AGENT_SLOTS", "many")

    with pytest.raises(SettingsInvalid, match="slots: must be a valid integer"):
        Settings.for_trying(None)


def test_the_broker_s_password_is_not_shown(file: Path) -> None:
    settings = loaded(file)

    assert "canary-5f3a" not in f"{settings!r} {settings}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"nowhere\.yaml: cannot be read"):
        Settings.load(tmp_path / "nowhere.yaml")
