"""Roles, the actions there are, and which role each of them needs: all rights are this table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a token was given for."""

    READER = "reader"
    """Looks at what its tenants have."""
    ADMINISTRATOR = "administrator"
    """Does everything for its tenants."""
    OBSERVER = "observer"
    """Looks at everything, of all tenants and of the host, and changes nothing: a scraper, a host's support."""
    OPERATOR = "operator"
    """Does everything, for all tenants and for the host."""

    @property
    def everywhere(self) -> bool:
        """Whether it is for all tenants, and for what belongs to none."""
        return self in {Role.OBSERVER, Role.OPERATOR}

    def has(self, action: "Action") -> bool:
        """Whether it may do this at all."""
        if self is Role.OBSERVER:
            return action.reads
        return _RANKS.index(self) >= _RANKS.index(LEAST[action])

    def gives(self, role: "Role") -> bool:
        """Whether a token of this role may be made by one of its own."""
        return self is Role.OPERATOR or (self is Role.ADMINISTRATOR and not role.everywhere)


_RANKS: Final = (Role.READER, Role.ADMINISTRATOR, Role.OPERATOR)
"""Each may do all that those before it may."""


class Action(StrEnum):
    """What a request does, as `noun.verb`; each route declares one."""

    TENANTS_READ = "tenants.read"
    TENANTS_ADD = "tenants.add"
    TENANTS_CHANGE = "tenants.change"
    TENANTS_CHECK = "tenants.check"
    GROUPS_READ = "groups.read"
    GROUPS_ADD = "groups.add"
    AGENTS_READ = "agents.read"
    AGENTS_ADD = "agents.add"
    AGENTS_DRAIN = "agents.drain"
    AGENTS_RESUME = "agents.resume"
    AGENTS_REMOVE = "agents.remove"
    INTEGRATIONS_READ = "integrations.read"
    INTEGRATIONS_CREATE = "integrations.create"
    INTEGRATIONS_CHANGE = "integrations.change"
    INTEGRATIONS_ENABLE = "integrations.enable"
    INTEGRATIONS_DISABLE = "integrations.disable"
    INTEGRATIONS_PAUSE = "integrations.pause"
    INTEGRATIONS_RESUME = "integrations.resume"
    INTEGRATIONS_ASSIGN = "integrations.assign"
    INTEGRATIONS_LIMIT = "integrations.limit"
    INTEGRATIONS_HOST = "integrations.host"
    """Enable the hosted integrator for one."""
    TIMES_SET = "times.set"
    TIMES_RESET = "times.reset"
    CLASSES_READ = "classes.read"
    CLASSES_CHANGE = "classes.change"
    CATALOGUE_READ = "catalogue.read"
    RUNS_READ = "runs.read"
    RUNS_START = "runs.start"
    RUNS_PREVIEW = "runs.preview"
    RUNS_CANCEL = "runs.cancel"
    RUNS_APPROVE = "runs.approve"
    RUNS_REJECT = "runs.reject"
    RECORDS_READ = "records.read"
    INCIDENTS_READ = "incidents.read"
    INCIDENTS_ACKNOWLEDGE = "incidents.acknowledge"
    PEOPLE_READ = "people.read"
    PEOPLE_ADD = "people.add"
    PEOPLE_CHANGE = "people.change"
    PEOPLE_REMOVE = "people.remove"
    NOTIFICATIONS_READ = "notifications.read"
    NOTIFICATIONS_SEND = "notifications.send"
    SILENCES_READ = "silences.read"
    SILENCES_ADD = "silences.add"
    SILENCES_LIFT = "silences.lift"
    MONITORS_READ = "monitors.read"
    MONITORS_ADD = "monitors.add"
    MONITORS_REMOVE = "monitors.remove"
    TOKENS_READ = "tokens.read"
    TOKENS_ADD = "tokens.add"
    TOKENS_REVOKE = "tokens.revoke"
    AUDIT_READ = "audit.read"
    OPERATION_READ = "operation.read"
    """The house itself: exchanges and queues, strangers, metrics."""

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.endswith(".read")

    @property
    def words(self) -> str:
        """As it stands in a sentence: `start runs`."""
        noun, _, verb = self.partition(".")
        return f"{verb} {_NAMED.get(noun, noun)}"


_NAMED: Final = {"audit": "the audit log", "operation": "what concerns the whole house"}
"""Nouns that stand otherwise in a sentence."""


LEAST: Final[Mapping[Action, Role]] = {
    Action.TENANTS_READ: Role.READER,
    Action.TENANTS_ADD: Role.OPERATOR,
    # The address and the secret of a Halo, and how often it may be asked: with another address, the agents
    # would carry a secret wherever a tenant's administrator wanted.
    Action.TENANTS_CHANGE: Role.OPERATOR,
    Action.TENANTS_CHECK: Role.ADMINISTRATOR,
    Action.GROUPS_READ: Role.READER,
    Action.GROUPS_ADD: Role.OPERATOR,
    Action.AGENTS_READ: Role.READER,
    Action.AGENTS_ADD: Role.OPERATOR,
    # An agent may serve several tenants.
    Action.AGENTS_DRAIN: Role.OPERATOR,
    Action.AGENTS_RESUME: Role.OPERATOR,
    Action.AGENTS_REMOVE: Role.OPERATOR,
    Action.INTEGRATIONS_READ: Role.READER,
    Action.INTEGRATIONS_CREATE: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_CHANGE: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_ENABLE: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_DISABLE: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_PAUSE: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_RESUME: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_ASSIGN: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_LIMIT: Role.ADMINISTRATOR,
    Action.INTEGRATIONS_HOST: Role.ADMINISTRATOR,
    # When hosted integrations run is decided by their host.
    Action.TIMES_SET: Role.OPERATOR,
    Action.TIMES_RESET: Role.OPERATOR,
    Action.CLASSES_READ: Role.READER,
    Action.CLASSES_CHANGE: Role.OPERATOR,
    Action.CATALOGUE_READ: Role.READER,
    Action.RUNS_READ: Role.READER,
    Action.RUNS_START: Role.ADMINISTRATOR,
    Action.RUNS_PREVIEW: Role.ADMINISTRATOR,
    Action.RUNS_CANCEL: Role.ADMINISTRATOR,
    Action.RUNS_APPROVE: Role.ADMINISTRATOR,
    Action.RUNS_REJECT: Role.ADMINISTRATOR,
    Action.RECORDS_READ: Role.READER,
    Action.INCIDENTS_READ: Role.READER,
    Action.INCIDENTS_ACKNOWLEDGE: Role.ADMINISTRATOR,
    Action.PEOPLE_READ: Role.READER,
    Action.PEOPLE_ADD: Role.ADMINISTRATOR,
    Action.PEOPLE_CHANGE: Role.ADMINISTRATOR,
    Action.PEOPLE_REMOVE: Role.ADMINISTRATOR,
    Action.NOTIFICATIONS_READ: Role.READER,
    Action.NOTIFICATIONS_SEND: Role.ADMINISTRATOR,
    Action.SILENCES_READ: Role.READER,
    Action.SILENCES_ADD: Role.ADMINISTRATOR,
    Action.SILENCES_LIFT: Role.ADMINISTRATOR,
    Action.MONITORS_READ: Role.READER,
    Action.MONITORS_ADD: Role.ADMINISTRATOR,
    Action.MONITORS_REMOVE: Role.ADMINISTRATOR,
    Action.TOKENS_READ: Role.ADMINISTRATOR,
    Action.TOKENS_ADD: Role.ADMINISTRATOR,
    Action.TOKENS_REVOKE: Role.ADMINISTRATOR,
    Action.AUDIT_READ: Role.ADMINISTRATOR,
    Action.OPERATION_READ: Role.OPERATOR,
}
"""The least role that may; the tenant's own things only, but for an operator. An observer may read all."""
