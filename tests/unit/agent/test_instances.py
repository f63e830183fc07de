"""What was learnt of an instance outlives the attempt, and is of that instance alone."""

from pathlib import Path

from halo_agent.store.instances import open_instances


async def test_a_lesson_is_kept_until_it_is_learnt_anew(tmp_path: Path) -> None:
    async with open_instances(tmp_path / "instances.db") as store:
        assert await store.recall("acme 2.188") == {}
        await store.keep("acme 2.188", "arrays", "each")
        await store.keep("acme 2.188", "arrays", "other")
        await store.keep("globex 2.188", "arrays", "each")

    async with open_instances(tmp_path / "instances.db") as store:
        assert await store.recall("acme 2.188") == {"arrays": "other"}
