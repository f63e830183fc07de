"""Names that people type."""

from typing import Annotated

import typer

from halo_shared.identifiers import IntegrationRef


def _reference(text: str) -> IntegrationRef:
    try:
        return IntegrationRef.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


RefArgument = Annotated[
    IntegrationRef,
    typer.Argument(metavar="TENANT/NAME", parser=_reference, help="The integration, as in acme/people."),
]

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id, or its first digits.", show_default=False)
]


def path_of_hosted(ref: IntegrationRef) -> str:
    """Where the API keeps what is its host's to say."""
    return f"/tenants/{ref.tenant}/hosted/{ref.name}"


def path_of(ref: IntegrationRef) -> str:
    """Where the API keeps it."""
    return f"/tenants/{ref.tenant}/integrations/{ref.name}"
