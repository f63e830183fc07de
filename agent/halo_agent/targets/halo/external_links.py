"""The ids that Halo's records have in the tool: its external links, of which ours carry the integration's name."""

from collections.abc import Sequence

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.drafts import link
from halo_agent.targets.halo.errors import AnswerLost
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.resources import LINK, Resource
from halo_shared.errors import MappingInvalid


class ExternalLinks:
    """The external links of one integration."""

    def __init__(self, client: HaloClient, lists: Lists, label: str) -> None:
        self._client = client
        self._lists = lists
        self.label = label
        """What `third_party_type` says of them."""

    async def owners(self, resource: Resource, source_id: str) -> Sequence[int]:
        """The records that are linked to this id; there should be one at most."""
        rows = await self._lists.all(LINK, {**self._ours(resource), "third_party_id": source_id})
        return sorted({int(row["halo_id"]) for row in rows if _same(row.get("third_party_id"), source_id)})

    async def all(self, resource: Resource) -> dict[int, str]:
        """The id of each linked record."""
        rows = await self._lists.all(LINK, self._ours(resource))
        return {int(row["halo_id"]): str(row["third_party_id"]) for row in rows}

    async def ensure(self, resource: Resource, halo_id: int, source_id: str, name: str) -> None:
        """Link this record if it is not linked yet: looked up first, and again after a lost answer."""
        while halo_id not in await self.owners(resource, source_id):
            row = {**link(resource.table, source_id, name, self.label), "halo_id": halo_id}
            try:
                await self._client.write(LINK.path, row)
            except AnswerLost:
                continue
            return

    def shown(self, row: wire.Row, source_id: str) -> bool:
        """Whether this row shows that it is linked to this id."""
        return any(
            link.get("third_party_type") == self.label and _same(link.get("third_party_id"), source_id)
            for link in row.get("external_links") or []
        )

    def _ours(self, resource: Resource) -> dict[str, str | int]:
        if resource.table is None:
            raise MappingInvalid(
                f"mapping: Halo keeps no external links of '{resource.path}'; let 'identity' be a field of its own."
            )
        return {"table_id": resource.table, "third_party_type": self.label}


def _same(held: object, wanted: str) -> bool:
    """As Halo's own search compares: capitals tell nothing apart."""
    return str(held).strip().casefold() == wanted.strip().casefold()
