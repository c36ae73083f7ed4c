"""The task that follows, by itself: what only a moment of bad luck would show from outside."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from signet_verifier import ConnectError, SystemClock, Tuning
from signet_verifier._addresses import Addresses
from signet_verifier._core import Core, Settings
from signet_verifier._follower import Follower
from signet_verifier._service import Failed, Service


class Away:
    """A service that does not answer."""

    is_active = None

    async def keys(self, _etag: str | None) -> None:
        raise Failed("away")


def follower() -> Follower:
    """Of a verifier that knows everything now. To be made in an event loop."""
    core = Core(Settings("https://i", ("api",), None, 30_000, "refuse", 0), SystemClock())
    now = core.clock.now()
    assert core.freshness.snapshot(now, now, core.freshness.epoch, now.wall, now.wall)
    return Follower(core, cast(Service, Away()), "v", Tuning())


def test_keys_that_do_not_come_are_waited_for_longer_and_longer() -> None:
    async def waits() -> list[float]:
        one = follower()
        return [await one._fetch_keys() for _ in range(12)]

    waited = asyncio.run(waits())
    assert max(waited[:1]) <= 0.25
    assert all(1.0 <= wait <= 5.0 for wait in waited[6:]), waited
    assert len(set(waited)) > 6, "never the same for two verifiers"


def test_a_verifier_that_is_closed_while_it_leaves_a_stream_is_closed() -> None:
    async def scenario() -> bool:
        one = follower()
        listening, leaving, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def listen() -> Any:
            try:
                listening.set()
                await asyncio.Event().wait()
            finally:
                # A connection takes a moment to close.
                leaving.set()
                await left.wait()

        one._listen = listen  # type: ignore[method-assign]
        following = asyncio.create_task(one._listen_until_due())
        await listening.wait()
        one._wake.set()
        await leaving.wait()
        following.cancel()
        # Its cancellation arrives before the stream has ended.
        await asyncio.sleep(0)
        left.set()
        await asyncio.wait({following})
        return following.cancelled()

    assert asyncio.run(scenario())


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ConnectError) as refused:
        Addresses("https://user:hush@auth.example", None, allow_plain_http=False)
    assert "hush" not in str(refused.value)
