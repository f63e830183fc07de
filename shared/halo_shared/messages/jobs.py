"""Jobs: what the controller puts into a group's queue for its agents to compete for."""

from datetime import datetime
from typing import Literal

from halo_shared.identifiers import IntegrationName, RunId, Slug, TenantId
from halo_shared.messages.base import Message


class SyncJob(Message):
    """Start an attempt at this run. It carries no definition: that comes with the lease, fresh."""

    kind: Literal["sync"] = "sync"
    run: RunId
    tenant: TenantId
    integration: IntegrationName
    connector: Slug
    queued_at: datetime


Job = SyncJob
