"""Resolving `secret://name` on this machine; the values never leave it."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        return self._learnt(value)

    def of_tenant(self, tenant: str, reference: str) -> SecretStr:
        """As `resolve`, on a machine that works for many: only what stands under the tenant's own name.

        The environment is not looked at, where the names of two tenants could become one.
        """
        name = f"{tenant}.{secret_name(reference)}"
        value = self._from_file(name)
        if value is None:
            raise SecretMissing(
                f"{reference} of tenant {tenant} is not on this machine: add a line '{name}: VALUE' to {self._file}."
            )
        return self._learnt(value)

    def _learnt(self, value: str) -> SecretStr:
        secret = SecretStr(value)
        self._redactor.learn(secret)
        return secret

    def _from_file(self, name: str) -> str | None:
        mode = self._mode()
        if mode is None:
            return None
        # Windows keeps rights elsewhere and always shows 0666 here.
        if mode & 0o077 and os.name != "nt":
            raise SettingsInvalid(
                f"{self._file} can be read by others (mode {mode:04o}); make it yours alone with: chmod 600 {self._file}"
            )
        content = self._content()
        if not isinstance(content, dict) or not isinstance(content.get(name, ""), str):
            raise SettingsInvalid(f"{self._file} must hold lines of the form 'name: value'.")
        return content.get(name) or None

    def _mode(self) -> int | None:
        """Who may do what with the file; None when there is none."""
        try:
            return stat.S_IMODE(self._file.stat().st_mode)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsInvalid(
                f"{self._file} cannot be looked at: {_why(error)}. Give this account the right to read it there, "
                "or 'secrets' another place."
            ) from error

    def _content(self) -> Any:  # Any: whatever people write
        try:
            # The base loader takes every value as the text that it is: 0123 is no number here.
            return yaml.load(self._file.read_text(encoding="utf-8"), yaml.BaseLoader) or {}  # noqa: S506 - makes text only
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            # Without its cause, which quotes the line and the secret in it.
            raise SettingsInvalid(f"{self._file} cannot be read: {_why(error)}.") from None


@dataclass(frozen=True, slots=True)
class TenantSecrets:
    """What one tenant's work may resolve on a machine that works for many: nothing of another tenant, nor of the machine."""

    secrets: LocalSecrets
    tenant: str

    def resolve(self, reference: str) -> SecretStr:
        """The value; raises SecretMissing with the line to add."""
        return self.secrets.of_tenant(self.tenant, reference)


def _why(error: Exception) -> str:
    match error:
        case OSError():
            return error.strerror or type(error).__name__
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
            return f"line {mark.line + 1} is not valid YAML"
        case _:
            return "it is not YAML in UTF-8"
