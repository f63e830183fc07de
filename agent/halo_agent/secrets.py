"""Resolving `secret://name` on this machine; the values never leave it."""

import stat
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import SecretStr

from halo_shared.errors import SecretMissing, SettingsInvalid
from halo_shared.redaction import Redactor, secret_name


class LocalSecrets:
    """Secrets from the environment and from a file that only its owner may read."""

    def __init__(self, file: Path, environment: Mapping[str, str], redactor: Redactor) -> None:
        self._file = file
        self._environment = environment
        self._redactor = redactor

    def resolve(self, reference: str) -> SecretStr:
        """The value, which no log or event will show from now on; raises SecretMissing naming both places."""
        name = secret_name(reference)
        variable = "HALO_SECRET_" + name.upper().replace("-", "_").replace(".", "_")
        value = self._environment.get(variable) or self._from_file(name)
        if value is None:
            raise SecretMissing(
                f"{reference} is not on this machine: add a line '{name}: VALUE' to {self._file}, "
                f"or set {variable}."
            )
        secret = SecretStr(value)
        self._redactor.learn(secret)
        return secret

    def _from_file(self, name: str) -> str | None:
        if not self._file.exists():
            return None
        mode = stat.S_IMODE(self._file.stat().st_mode)
        # Windows keeps rights elsewhere and always shows 0666 here.
        if mode & 0o077 and not _without_modes(self._file):
            raise SettingsInvalid(
                f"{self._file} can be read by others (mode {mode:04o}); make it yours alone with: chmod 600 {self._file}"
            )
        try:
            content = yaml.safe_load(self._file.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsInvalid(f"{self._file} cannot be read: {type(error).__name__}.") from error
        if not isinstance(content, dict):
            raise SettingsInvalid(f"{self._file} must hold lines of the form 'name: value'.")
        value = content.get(name)
        return None if value is None else str(value)


def _without_modes(file: Path) -> bool:
    return file.drive != ""
