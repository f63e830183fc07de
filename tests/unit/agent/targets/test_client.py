"""What is asked again, after how long, and what never is."""

from collections.abc import Callable

import httpx
import pytest

from halo_agent.targets.halo.client import ATTEMPTS
from halo_agent.targets.halo.errors import AnswerLost, NotSent
from halo_shared.errors import (
    HaloIntegratorError,
    PermissionMissing,
    RateLimited,
    RecordRefused,
    SettingsInvalid,
    TargetUnavailable,
)
from tests.unit.agent.targets.support import scripted

Answer = httpx.Response | type[httpx.RequestError]


class Script:
    """Answers in this order, and the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        raise answer("broke", request=request)


def json(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


PASSING: list[Answer] = [
    httpx.Response(500),
    httpx.Response(504, text="<html><title>Gateway</title>"),
    httpx.Response(200, text="<html>Please sign in</html>"),
    httpx.Response(200, text=""),
    json({"Message": "(1205) - deadlocked on lock"}, 400),
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
]


@pytest.mark.parametrize("trouble", [*PASSING, httpx.ConnectError, httpx.Response(429)])
async def test_a_question_is_asked_again_while_halo_is_not_there(trouble: Answer) -> None:
    halo = Script(trouble, trouble, json({"id": 1}))
    async with scripted(halo) as there:
        assert await there.client.get("Users/1") == {"id": 1}

    assert there.client.requests == 3
    assert sum(there.clock.slept) >= 2


async def test_asking_again_ends() -> None:
    halo = Script(httpx.Response(500))
    async with scripted(halo) as there:
        with pytest.raises(TargetUnavailable, match=r"not answered for 1\d minutes"):
            await there.client.get("Users/1")

    assert len([one for one in halo.asked if one.url.path == "/api/Users/1"]) <= ATTEMPTS
    assert len(there.ear.heard) == 1  # that Halo is left alone; it never came back


async def test_retry_after_is_obeyed() -> None:
    halo = Script(httpx.Response(429, headers={"retry-after": "17"}), json({}))
    async with scripted(halo) as there:
        await there.client.get("Users")

    assert 17 <= sum(there.clock.slept) <= 20


async def test_more_patience_than_a_run_has_is_left_to_the_next_one() -> None:
    async with scripted(Script(httpx.Response(429, headers={"retry-after": "4000"}))) as there:
        with pytest.raises(RateLimited) as caught:
            await there.client.get("Users")

    assert caught.value.retry_after == 4000
    assert there.client.requests == 1


async def test_a_storm_without_retry_after_is_outwaited_for_minutes() -> None:
    async with scripted(Script(httpx.Response(429))) as there:
        with pytest.raises(RateLimited):
            await there.client.get("Users")

    assert sum(there.clock.slept) > 200


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json("no", 400), RecordRefused),
        (httpx.Response(403), PermissionMissing),
        (httpx.Response(404), RecordRefused),
        (httpx.Response(302, headers={"location": "https://x.example"}), SettingsInvalid),
    ],
)
async def test_a_refusal_is_final(answer: Answer, error: type[HaloIntegratorError]) -> None:
    async with scripted(Script(answer)) as there:
        with pytest.raises(error):
            await there.client.get("Users/1")

    assert there.client.requests == 1


async def test_401_with_a_fresh_token_is_missing_permission_for_that_resource() -> None:
    halo = Script(httpx.Response(401))
    async with scripted(halo) as there:
        with pytest.raises(PermissionMissing, match="write to Asset"):
            await there.client.write("Asset", {"id": 7})

    assert len(halo.asked) == 2


async def test_a_record_that_halo_alone_chokes_on_is_refused_and_the_others_go_on() -> None:
    def halo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500 if request.method == "POST" else 200, json={})

    async with scripted(halo) as there:
        with pytest.raises(RecordRefused, match="Halo answers other requests, and 8 times not this one"):
            await there.client.write("Users", {"id": 7})


@pytest.mark.parametrize("trouble", [*PASSING, json({}), json([]), json({"assets": []}), json("stored")])
async def test_a_new_record_is_sent_once_when_its_answer_is_lost(trouble: Answer) -> None:
    halo = Script(trouble, json({"id": 1}))
    async with scripted(halo) as there:
        with pytest.raises(AnswerLost):
            await there.client.write("Users", {"name": "Anna"})

    assert len(halo.asked) == 1


@pytest.mark.parametrize("trouble", [httpx.ConnectError, httpx.ConnectTimeout, httpx.Response(429)])
async def test_a_new_record_that_never_arrived_is_sent_again(trouble: Answer) -> None:
    halo = Script(trouble, json({"id": 1}, 201))
    async with scripted(halo) as there:
        assert await there.client.write("Users", {"name": "Anna"}) == 1


async def test_a_new_record_that_can_never_be_sent_is_not_lost() -> None:
    async with scripted(Script(httpx.ConnectError)) as there:
        with pytest.raises(NotSent):
            await there.client.write("Users", {"name": "Anna"})

    assert all("Halo cannot be reached" in text for text in there.ear.heard)


@pytest.mark.parametrize("trouble", PASSING)
async def test_a_known_record_is_sent_again(trouble: Answer) -> None:
    halo = Script(trouble, json({"id": 7}, 201))
    async with scripted(halo) as there:
        assert await there.client.write("Users", {"id": 7, "name": "Anna"}) == 7

    assert len(halo.asked) == 2


async def test_a_known_record_keeps_its_id_whatever_the_reply_looks_like() -> None:
    async with scripted(Script(json({}))) as there:
        assert await there.client.write("Users", {"id": 7}) == 7


async def test_records_travel_as_an_array() -> None:
    halo = Script(json({"id": 7}))
    async with scripted(halo) as there:
        await there.client.write("Users", {"id": 7})

    assert halo.asked[0].content == b'[{"id":7}]'
    assert halo.asked[0].headers["content-type"] == "application/json"
    assert halo.asked[0].url == "https://acme.example/api/Users"


async def test_requests_keep_to_the_pace() -> None:
    answer: Callable[[httpx.Request], httpx.Response] = lambda _: json({})  # noqa: E731
    async with scripted(answer, per_minute=60) as there:
        for _ in range(90):
            await there.client.get("Users")

    assert sum(there.clock.slept) >= 30 - 0.001
