"""How Halo is to treat what is imported: the switches that go with every write."""

from halo_agent.targets.halo.instance import Instance
from halo_agent.targets.halo.resources import Resource
from halo_agent.targets.halo.wire import Row
from halo_shared.integrations import ImportSwitches


class Switches:
    """The switches of a tenant or integration, as far as this instance has them."""

    def __init__(self, wanted: ImportSwitches, instance: Instance) -> None:
        self._wanted = wanted
        self._instance = instance

    async def hints(self, resource: Resource) -> Row:
        """What is sent with each record; a switch that the instance does not have is left out.

        `_validateonly` is no hint: the writer asks with it before it writes.
        """
        asked = {
            f"_{name}": True for name, on in self._wanted.model_dump(exclude={"validateonly"}).items() if on
        }
        known = await self._instance.properties(resource.schema)
        return {name: on for name, on in asked.items() if not known or name in known}
