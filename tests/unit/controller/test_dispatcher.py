"""A run and its job are opened together or not at all."""


from tests.unit.controller.centre import Centre


async def test_first(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    print(run)
