"""The tables, as SQLAlchemy Core knows them. Migrations in `migrations/` bring a database to this shape."""

from halo_controller.store.tables.base import Moment, metadata
from halo_controller.store.tables.estate import agents, announcements, groups, halo_checks, strangers, tenants
from halo_controller.store.tables.house import audit, leaders, outbox, tokens
from halo_controller.store.tables.runs import attempts, events, record_keys, records, runs, stages
from halo_controller.store.tables.schedules import (
    hosted_classes,
    hostings,
    integrations,
    occurrences,
    schedules,
    standings,
)
from halo_controller.store.tables.watching import incidents, notifications, people, silences, told

__all__ = [
    "Moment",
    "agents",
    "announcements",
    "attempts",
    "audit",
    "events",
    "groups",
    "halo_checks",
    "hosted_classes",
    "hostings",
    "incidents",
    "integrations",
    "leaders",
    "metadata",
    "notifications",
    "occurrences",
    "outbox",
    "people",
    "record_keys",
    "records",
    "runs",
    "schedules",
    "silences",
    "stages",
    "standings",
    "strangers",
    "tenants",
    "tokens",
    "told",
]
