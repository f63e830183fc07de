"""The levers behind the sandbox, under /sandbox: no part of Halo, open to whoever can reach it."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request

from halo_sandbox.faults import Fault
from halo_sandbox.instance import Instance
from halo_sandbox.resources import RESOURCES
from halo_sandbox.resources.resource import Resource, View
from halo_sandbox.schema import Document
from halo_sandbox.settings import Switches
from halo_sandbox.storage import Selection

router = APIRouter()


def application(instance: Instance) -> FastAPI:
    app = FastAPI(title="Halo sandbox: controls")
    app.include_router(router)
    app.state.instance = instance
    return app


def _instance(request: Request) -> Instance:
    instance: Instance = request.app.state.instance
    return instance


Here = Annotated[Instance, Depends(_instance)]


@router.get("/switches")
async def switches(instance: Here) -> Switches:
    return instance.switches


@router.put("/switches")
async def turn(wanted: Switches, instance: Here) -> Switches:
    """What is left out goes back to its default."""
    instance.switches = wanted
    return wanted


@router.get("/faults")
async def waiting_faults(instance: Here) -> list[Fault]:
    return instance.faults.waiting()


@router.post("/faults", status_code=201)
async def add_fault(fault: Annotated[Fault, Body()], instance: Here) -> Fault:
    instance.faults.add(fault)
    return fault


@router.delete("/faults", status_code=204)
async def clear_faults(instance: Here) -> None:
    instance.faults.clear()


@router.post("/revoke")
async def revoke_tokens(instance: Here) -> dict[str, int]:
    return {"revoked": instance.tokens.revoke()}


@router.get("/held/{name}")
async def held(name: str, instance: Here) -> list[Document]:
    """Every row of a resource, inactive ones too, with asset fields."""
    resource = _resource(name)
    rows = await instance.storage.select(resource.path, Selection())
    return await resource.present(instance.storage, rows, View(asset_fields=True))


def _resource(name: str) -> Resource:
    for resource in RESOURCES.values():
        if name.lower() in {resource.path.lower(), resource.envelope}:
            return resource
    known = ", ".join(resource.path for resource in RESOURCES.values())
    raise HTTPException(404, f"there is no resource '{name}'; there are {known}")


@router.get("/requests")
async def requests(instance: Here) -> dict[str, object]:
    """What came since the journal was cleared; counts are of all, the list is of the latest."""
    journal = instance.journal
    return {
        "total": journal.counts.total(),
        "counts": dict(journal.counts),
        "requests": [asdict(entry) for entry in journal.entries],
    }


@router.delete("/requests", status_code=204)
async def clear_requests(instance: Here) -> None:
    instance.journal.clear()


@router.post("/reset", status_code=204)
async def reset(instance: Here) -> None:
    """Back to the seed: rows, faults, switches, journal and rate limit."""
    await instance.reset()
