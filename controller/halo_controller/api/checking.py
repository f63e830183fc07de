"""Whether an integration can be carried out by the agents there are. Pure."""

from collections.abc import Sequence

from halo_controller.errors import Invalid
from halo_controller.nouns import Agent
from halo_shared.integrations import IntegrationSpec


def check_connector(spec: IntegrationSpec, agents: Sequence[Agent]) -> None:
    """Raise Invalid when the agents have announced their connectors and this one, an entity or a mapping is not among them.

    The word of the integration's own group counts; before that has spoken, the word of all agents. When no
    agent has spoken yet, anything goes: agents may be installed after their integrations are written down.
    """
    group = [agent for agent in agents if agent.group == spec.group and agent.connectors]
    announced = [known for agent in group or agents for known in agent.connectors]
    if not announced:
        return
    who = f"of group {spec.group} " if group else ""
    offered = [known for known in announced if known.name == spec.connector]
    if not offered:
        names = ", ".join(sorted({known.name for known in announced}))
        raise Invalid(f"connector: no agent {who}has '{spec.connector}'; known are: {names}.")
    entities = {entity for known in offered for entity in known.entities}
    if missing := [entity for entity in spec.entities if entity not in entities]:
        raise Invalid(
            f"entities: connector '{spec.connector}' does not read {', '.join(missing)}; "
            f"it reads: {', '.join(sorted(entities))}."
        )
    described = {entity for known in offered for entity in known.mapping} | spec.mapping.keys()
    if unmapped := [entity for entity in spec.entities if entity not in described]:
        raise Invalid(
            f"mapping: nothing is said about {', '.join(unmapped)}, and connector '{spec.connector}' has no mapping "
            "of its own for it: say in 'mapping' which of Halo's fields are written from what."
        )
