"""A service that can be made to lie, tokens of its making, and one way to drive both verifiers."""

from __future__ import annotations

import asyncio
import json
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from signet_verifier import AsyncVerifier, Counters, RevocationSignal, Tuning, Verified, Verifier

T = TypeVar("T")

FAST = Tuning(first_retry=0.02, longest_retry=0.1, key_cooldown=0.3, tick=0.02, stream_wait=0.2, key_max_age=(0.05, 3600.0))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def uuid7(at: int) -> str:
    random = secrets.token_hex(10)
    text = f"{at:012x}7{random[:3]}8{random[3:6]}{random[6:18]}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def eventually(holds: Callable[[], T | Literal[False]], within: float = 10.0) -> T:
    """Waits for what another thread is about to bring about."""
    until = time.monotonic() + within
    while True:
        if value := holds():
            return value
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.005)


class SigningKey:
    """An ES256 key."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())
        public: dict[str, Any] = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = public | {"kid": kid, "alg": "ES256", "use": "sig"}


class Stream:
    """One open stream of the fake service."""

    def __init__(self, query: dict[str, str]) -> None:
        self.query = query
        self.id = secrets.token_hex(8)
        self.outbox: queue.Queue[bytes | None] = queue.Queue()


class FakeService:
    """The feed of docs/feed.md in a thread, telling the truth until a test says otherwise."""

    def __init__(self) -> None:
        self.key = SigningKey("key-1")
        self.published = [self.key]
        self.heartbeat_ms = 50
        self.limits: dict[str, Any] = {
            "longest_access_ttl_ms": 300_000,
            "leeway_ms": 30_000,
            "revocable_claims": ["tenant"],
        }
        self.entries: list[dict[str, Any]] = []
        self.max_age = 300
        self.streams: list[Stream] = []
        self.acks: list[dict[str, Any]] = []
        self.hits: dict[str, int] = {}
        self.status: dict[str, int] = {}
        self.body: dict[str, bytes] = {}
        """Answers to be given in place of the true ones, by path."""
        self.active = True
        self.is_silent = False
        self.greets = True
        self.clock_ahead = 0
        self.known_ahead = 0
        self.hello: Callable[[dict[str, Any]], dict[str, Any]] = lambda hello: hello
        self.on_stream: Callable[[Stream], None] = lambda stream: None
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                service.answer(self, b"")

            def do_POST(self) -> None:
                service.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.drop_streams()
        self.server.shutdown()
        self.server.server_close()

    def token(self, key: SigningKey | None = None, at: int | None = None, **claims: Any) -> str:
        key = key or self.key
        at = now_ms() if at is None else at
        whole = {
            "iss": self.url, "sub": "user-1", "aud": "api", "client_id": "web", "scope": "read write",
            "iat": at // 1000, "exp": at // 1000 + 300, "jti": uuid7(at), "sid": uuid7(at), "tenant": "acme",
        }  # fmt: skip
        headers = {"kid": key.kid, "typ": "at+jwt"}
        return jwt.encode(whole | claims, key.private, algorithm="ES256", headers=headers)

    @property
    def cursor(self) -> str:
        return f"c{len(self.entries)}"

    def stamps(self) -> dict[str, int]:
        now = now_ms() + self.clock_ahead
        return {"as_of": now + self.known_ahead, "server_time": now}

    def revoke(self, scope: Any, effect: str = "logout", ack: bool = False, **members: Any) -> None:
        now = now_ms()
        entry = {"scope": scope, "effect": effect, "issued_before": now + 2000, "expires_at": now + 400_000}
        with self.lock:
            self.entries.append(entry | members)
            batch = {"cursor": self.cursor, "entries": self.entries[-1:]} | self.stamps()
            self.say("revocations", batch | ({"ack": True} if ack else {}))

    def say(self, event: str, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        for stream in self.streams:
            stream.outbox.put(f"id: {self.cursor}\nevent: {event}\ndata: {text}\n\n".encode())

    def drop_streams(self) -> None:
        for stream in self.streams:
            stream.outbox.put(None)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        path = urlsplit(request.path).path
        self.hits[path] = self.hits.get(path, 0) + 1
        if path in self.status:
            return self.reply(request, self.status[path], b"{}")
        if path in self.body:
            return self.reply(request, 200, self.body[path])
        if path == "/.well-known/oauth-authorization-server":
            metadata = {
                "issuer": self.url,
                "jwks_uri": self.url + "/jwks",
                "revocation_feed_uri": self.url + "/feed",
                "introspection_endpoint": self.url + "/introspect",
            }
            return self.reply(request, 200, json.dumps(metadata).encode())
        if path == "/jwks":
            return self.jwks(request)
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return self.reply(request, 401, b"{}")
        if path == "/feed":
            return self.reply(request, 200, json.dumps(self.snapshot()).encode())
        if path == "/feed/ack":
            self.acks.append(json.loads(body))
            return self.reply(request, 204, b"")
        if path == "/introspect":
            return self.reply(request, 200, json.dumps({"active": self.active}).encode())
        if path == "/feed/stream":
            return self.stream(request)
        return self.reply(request, 404, b"{}")

    def snapshot(self) -> dict[str, Any]:
        return {"version": 1, "cursor": self.cursor, "limits": self.limits, "entries": self.entries} | self.stamps()

    def jwks(self, request: BaseHTTPRequestHandler) -> None:
        keys = json.dumps({"keys": [key.jwk for key in self.published]}).encode()
        etag = f'"{hash(keys)}"'
        known = request.headers.get("If-None-Match") == etag
        self.hits["jwks 304"] = self.hits.get("jwks 304", 0) + known
        headers = {"ETag": etag, "Cache-Control": f"public, max-age={self.max_age}"}
        self.reply(request, 304 if known else 200, b"" if known else keys, headers)

    def reply(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        if status not in (204, 304):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def stream(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        query = parse_qs(urlsplit(request.path).query)
        stream = Stream({name: values[0] for name, values in query.items()})
        with self.lock:
            # Whatever is revoked from here on goes to the outbox.
            cursor = self.cursor
            missed = self.entries[int(stream.query.get("cursor", cursor)[1:]) :]
            self.streams.append(stream)
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        hello = {
            "version": 1, "stream_id": stream.id, "cursor": stream.query.get("cursor", cursor),
            "heartbeat_ms": self.heartbeat_ms, "limits": self.limits,
        } | self.stamps()  # fmt: skip
        if self.greets:
            self.event(request, "hello", self.hello(hello))
        if missed:
            self.event(request, "revocations", {"cursor": cursor, "entries": missed} | self.stamps())
        self.on_stream(stream)
        try:
            while True:
                try:
                    chunk = stream.outbox.get(timeout=self.heartbeat_ms / 1000)
                except queue.Empty:
                    if not self.is_silent:
                        self.event(request, "heartbeat", {"cursor": self.cursor} | self.stamps())
                    continue
                if chunk is None:
                    return
                request.wfile.write(chunk)
        finally:
            self.streams.remove(stream)

    def event(self, request: BaseHTTPRequestHandler, event: str, data: Any) -> None:
        text = f"id: {self.cursor}\nevent: {event}\ndata: {json.dumps(data)}\n\n"
        request.wfile.write(text.encode())


class Driven:
    """A verifier of either kind, called the same way. The asyncio kind lives in a loop of its own."""

    def __init__(self, kind: str, issuer: str, settings: dict[str, Any]) -> None:
        self.kind = kind
        if kind == "sync":
            self.verifier: Verifier | AsyncVerifier = Verifier.connect(issuer, **settings)
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.verifier = self.run(AsyncVerifier.connect(issuer, **settings)).result(20)
        except BaseException:
            self.end_loop()
            raise

    def run(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def verify(self, token: str, **settings: Any) -> Verified:
        if isinstance(self.verifier, Verifier):
            return self.verifier.verify(token, **settings)
        verified: Verified = self.run(self.verifier.verify(token, **settings)).result(20)
        return verified

    def revoked(self, verified: Verified) -> Future[str]:
        """What waits for the signal as this kind of program would."""
        if self.kind == "async":

            async def wait() -> str:
                return await verified.revoked()

            return self.run(wait())
        waiting: Future[str] = Future()
        signal: RevocationSignal = verified.revoked()
        threading.Thread(target=lambda: waiting.set_result(signal.wait(20) or "nothing"), daemon=True).start()
        return waiting

    @property
    def counters(self) -> Counters:
        return self.verifier.counters

    def staleness(self) -> float | None:
        return self.verifier.staleness()

    def close(self) -> None:
        if isinstance(self.verifier, Verifier):
            self.verifier.close()
        else:
            self.run(self.verifier.close()).result(20)
            self.end_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Connect = Callable[..., Driven]


@pytest.fixture
def service() -> Iterator[FakeService]:
    service = FakeService()
    yield service
    service.close()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(kind: str, service: FakeService) -> Iterator[Connect]:
    """Connects a verifier of either kind to the fake service and, unless that is sabotaged, waits until it follows the stream;
    closed in the end."""
    opened: list[Driven] = []

    def connect(**settings: Any) -> Driven:
        usual = {"audience": "api", "client_id": "web", "client_secret": "secret", "tuning": FAST}
        opened.append(Driven(kind, settings.pop("issuer", service.url), usual | settings))
        if not service.status and not service.body:
            eventually(lambda: opened[-1].counters.connects)
        return opened[-1]

    yield connect
    for driven in opened:
        driven.close()
