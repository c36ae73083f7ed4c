"""The service over HTTP: limits, timeouts, authentication. What comes back is bytes; others read them."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from . import _json
from ._addresses import Addresses, Endpoints
from .errors import FeedError

MAX_DOCUMENT = 1 << 20
"""Metadata, key sets and answers of introspection are far smaller."""
MAX_SNAPSHOT = 1 << 29
"""Millions of entries."""

_REQUEST_SECONDS = 5.0
_SNAPSHOT_SECONDS = 60.0
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})\s*(?:,|$)", re.IGNORECASE)


class Failed(Exception):
    """A request got another answer than it needs: the service is away, ill, or something else answers in its place."""


class Unacceptable(Failed):
    """The service does not take the request as it is: asking the same again is of no use."""


class Forbidden(Failed):
    """The service does not know these credentials, or they lack a permission."""


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """The answer to a request for keys."""

    text: bytes | None
    """`None`: unchanged (304)."""
    etag: str | None
    max_age: float | None


class Service:
    """The service as one verifier speaks to it."""

    def __init__(self, addresses: Addresses, auth: tuple[str, str], tls: ssl.SSLContext | None) -> None:
        self._addresses = addresses
        self._endpoints: Endpoints | None = None
        self._auth = httpx.BasicAuth(*auth)
        # Environment variables (proxies, .netrc) decide nothing about where credentials and revocations travel.
        self._http = httpx.AsyncClient(
            verify=tls if tls else True,
            trust_env=False,
            follow_redirects=False,
            timeout=_REQUEST_SECONDS,
            headers={"User-Agent": "signet-verifier-python"},
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def keys(self, etag: str | None) -> KeyAnswer:
        """The published keys."""
        endpoints = await self._located()
        headers = {"If-None-Match": etag} if etag else {}
        async with self._asking("GET", endpoints.jwks, headers=headers) as response:
            known = response.status_code == 304
            if not known:
                _expect(response, 200)
            text = None if known else await _read(response, MAX_DOCUMENT)
            return KeyAnswer(text, response.headers.get("ETag", etag if known else None), _max_age(response))

    async def snapshot(self) -> bytes:
        """A snapshot of the revocations, in full."""
        endpoints = await self._located()
        async with self._asking("GET", endpoints.feed, within=_SNAPSHOT_SECONDS, auth=self._auth) as response:
            _expect(response, 200)
            return await _read(response, MAX_SNAPSHOT)

    @asynccontextmanager
    async def stream(self, params: Mapping[str, str], silence: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """The feed's events, as bytes as they come; an error if there are none for so many seconds."""
        endpoints = await self._located()
        self._expect_open()
        timeout = httpx.Timeout(_REQUEST_SECONDS, read=silence)
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
        try:
            async with self._http.stream(
                "GET", endpoints.stream, params=params, headers=headers, timeout=timeout, auth=self._auth
            ) as response:
                _expect(response, 200)
                if not response.headers.get("Content-Type", "").lower().startswith("text/event-stream"):
                    raise Failed("the stream of the feed is no event stream")
                yield response.aiter_bytes()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _failure(error) from None

    async def acknowledge(self, stream_id: str, cursor: str, *, leaving: bool = False) -> None:
        """Says that everything up to the cursor is in force here; or that this verifier vouches for nothing any more."""
        endpoints = await self._located()
        body: dict[str, Any] = {"stream_id": stream_id, "cursor": cursor} | ({"leaving": True} if leaving else {})
        async with self._asking("POST", endpoints.ack, json=body, auth=self._auth) as response:
            # 404: that stream has ended; the next connection's cursor says the same.
            if response.status_code != 404:
                _expect(response, 204)

    async def is_active(self, token: str) -> bool:
        """Whether the service believes the token now (RFC 7662 §2)."""
        endpoints = await self._located()
        if endpoints.introspection is None:
            raise Failed("the issuer's metadata has no introspection_endpoint")
        form = {"token": token, "token_type_hint": "access_token"}
        async with self._asking("POST", endpoints.introspection, data=form, auth=self._auth) as response:
            _expect(response, 200)
            answer = _object(await _read(response, MAX_DOCUMENT))
        active = answer.get("active")
        if not isinstance(active, bool):
            raise Failed("the answer of introspection is malformed")
        return active

    async def _located(self) -> Endpoints:
        if self._endpoints is None:
            async with self._asking("GET", self._addresses.metadata) as response:
                _expect(response, 200)
                metadata = _object(await _read(response, MAX_DOCUMENT))
            self._endpoints = self._addresses.endpoints(metadata)
        return self._endpoints

    def _expect_open(self) -> None:
        if self._http.is_closed:
            raise Failed("the verifier has been closed")

    @asynccontextmanager
    async def _asking(
        self, method: str, url: str, *, within: float = _REQUEST_SECONDS, **request: Any
    ) -> AsyncIterator[httpx.Response]:
        """One request with a bound on all of it, not only on each wait for bytes."""
        self._expect_open()
        try:
            async with asyncio.timeout(within), self._http.stream(method, url, **request) as response:
                yield response
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            raise _failure(error) from None


def _failure(error: Exception) -> Failed:
    # The library's text may hold more of the request than should be shown.
    return Failed(f"no answer ({type(error).__name__})")


def _expect(response: httpx.Response, status: int) -> None:
    if response.status_code in (401, 403):
        raise Forbidden(f"the service refused these credentials ({response.status_code})")
    if response.status_code in (400, 404, 410, 422):
        raise Unacceptable(f"an answer with status {response.status_code}")
    if response.status_code != status:
        raise Failed(f"an answer with status {response.status_code}")


async def _read(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise FeedError("an answer is too large")
    return bytes(body)


def _object(text: bytes) -> dict[str, Any]:
    try:
        document = _json.loads(text)
    except ValueError:
        raise Failed("an answer that is not JSON") from None
    if not isinstance(document, dict):
        raise Failed("an answer that is no JSON object")
    return document


def _max_age(response: httpx.Response) -> float | None:
    found = _MAX_AGE.search(response.headers.get("Cache-Control", ""))
    return float(found[1]) if found else None
