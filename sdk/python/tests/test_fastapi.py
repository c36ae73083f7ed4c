"""Routes that need a session, in front of the fake service."""

# No postponed annotations here: FastAPI could not look up those that name local variables.

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from conftest import FAST, FakeService, SigningKey, eventually, now_ms
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.websockets import WebSocketDisconnect

from signet_verifier import AsyncVerifier, Verified, Verifier
from signet_verifier.fastapi import RequireSession, SessionMiddleware, problem_documents

Ask = Callable[..., Any]


def application(source: Any, **settings: Any) -> FastAPI:
    app = FastAPI()
    problem_documents(app)

    @app.get("/orders")
    async def orders(
        session: Annotated[Verified, Depends(RequireSession(source, scopes=["read"], realm="orders", **settings))],
    ) -> str:
        return session.claims.sub

    @app.post("/orders")
    async def order(
        session: Annotated[Verified, Depends(RequireSession(source, scopes=["read", "admin"], **settings))],
    ) -> str:
        return session.claims.sub

    @app.websocket("/socket")
    async def socket(socket: WebSocket, session: Annotated[Verified, Depends(RequireSession(source))]) -> None:
        await socket.accept()
        await socket.send_text(session.claims.sub)
        await socket.send_text(await session.revoked())
        await socket.close()

    return app


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, service: FakeService) -> Iterator[TestClient]:
    settings: Any = {
        "audience": "api", "client_id": "web", "client_secret": "secret", "max_staleness": 0.5, "tuning": FAST,
    }  # fmt: skip
    if request.param == "sync":
        with Verifier.connect(service.url, **settings) as verifier, TestClient(application(verifier)) as client:
            yield client
        return
    connected: list[AsyncVerifier] = []

    async def connect() -> None:
        connected.append(await AsyncVerifier.connect(service.url, **settings))

    # The client runs everything in one loop from here to its end.
    with TestClient(application(lambda: connected[0])) as client:
        assert client.portal is not None
        client.portal.call(connect)
        yield client
        client.portal.call(connected[0].close)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_good_token_is_let_in(client: TestClient, service: FakeService) -> None:
    answer = client.get("/orders", headers=bearer(service.token()))
    assert (answer.status_code, answer.json()) == (200, "user-1")
    answer = client.get("/orders", headers={"Authorization": f"bEARER {service.token()}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic d2ViOnNlY3JldA==")],
        [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer a.b.c")],
    ],
)
def test_who_presents_no_one_token_is_asked_for_one(client: TestClient, headers: list[tuple[str, str]]) -> None:
    answer = client.get("/orders", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="orders"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "authentication_required"


def test_a_token_that_is_not_believed_is_told_why(client: TestClient, service: FakeService) -> None:
    token = service.token()
    assert client.get("/orders", headers=bearer(token)).status_code == 200
    service.revoke({"sub": "user-1"})
    answer = eventually(lambda: (it := client.get("/orders", headers=bearer(token))).status_code == 401 and it)
    assert answer.json() == {
        "type": "about:blank", "title": "The access token is not valid", "status": 401,
        "detail": "the token has been revoked", "code": "invalid_token", "reason": "revoked", "action": "reauthenticate",
    }  # fmt: skip
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="orders", error="invalid_token", error_description="the token has been revoked"'
    )
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_expired_token_is_to_be_refreshed(client: TestClient, service: FakeService) -> None:
    answer = client.get("/orders", headers=bearer(service.token(at=now_ms() - 331_000)))
    assert (answer.status_code, answer.json()["code"], answer.json()["action"]) == (401, "token_expired", "refresh")


@pytest.mark.parametrize("token", ["a.b.c", "", " a.b.c", "é", "a b"])
def test_nonsense_is_a_401(client: TestClient, token: str) -> None:
    answer = client.get("/orders", headers={"Authorization": f"Bearer {token}".encode("latin-1")})
    assert answer.status_code == 401


def test_a_strangers_signature_is_a_401(client: TestClient, service: FakeService) -> None:
    answer = client.get("/orders", headers=bearer(service.token(SigningKey("key-1"))))
    assert (answer.status_code, answer.json()["reason"]) == (401, "signature")


def test_a_token_that_does_not_allow_enough_is_a_403_that_names_the_scope(
    client: TestClient, service: FakeService
) -> None:
    for scope in ("read write", "admin", "readadmin read", "READ ADMIN"):
        answer = client.post("/orders", headers=bearer(service.token(scope=scope)))
        assert answer.status_code == 403, scope
        assert answer.json()["code"] == "insufficient_scope"
        assert answer.headers["WWW-Authenticate"].endswith('error="insufficient_scope", '
            'error_description="the token does not have the scope that is needed", scope="read admin"')  # fmt: skip
    answer = client.post("/orders", headers=bearer(service.token(scope="admin x read")))
    assert answer.status_code == 200


def test_a_stale_verifier_is_a_503_that_says_when_to_come_again(client: TestClient, service: FakeService) -> None:
    token = service.token()
    service.status = {"/feed/stream": 500}
    service.drop_streams()
    answer = eventually(lambda: (it := client.get("/orders", headers=bearer(token))).status_code == 503 and it)
    assert int(answer.headers["Retry-After"]) >= 1
    assert "WWW-Authenticate" not in answer.headers
    assert (answer.json()["code"], answer.json()["action"]) == ("stale", "retry")


def test_a_websocket_is_let_in_and_learns_that_it_must_end(client: TestClient, service: FakeService) -> None:
    with client.websocket_connect("/socket", headers=bearer(service.token())) as socket:
        assert socket.receive_text() == "user-1"
        service.revoke({"sub": "user-1"})
        assert socket.receive_text() == "sub"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket"):
        pass


def test_without_the_handler_the_status_and_headers_are_the_same(service: FakeService) -> None:
    app = FastAPI()

    @app.get("/orders")
    async def orders(session: Annotated[Verified, Depends(RequireSession(lambda: verifier))]) -> None: ...

    with Verifier.connect(
        service.url, audience="api", client_id="web", client_secret="secret", tuning=FAST
    ) as verifier:
        answer = TestClient(app).get("/orders")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="signet"')
    assert answer.json()["detail"]["code"] == "authentication_required"


def test_the_middleware_lets_nothing_through_but_what_is_public(service: FakeService) -> None:
    async def home(request: Request) -> PlainTextResponse:
        session = getattr(request.state, "session", None)
        return PlainTextResponse(session.claims.sub if session else "nobody")

    app = Starlette(routes=[Route("/", home), Route("/livez", home)])
    with Verifier.connect(
        service.url, audience="api", client_id="web", client_secret="secret", tuning=FAST
    ) as verifier:
        app.add_middleware(SessionMiddleware, verifier=verifier, public=["/livez"], scopes=["read"])
        client = TestClient(app)
        assert client.get("/livez").text == "nobody"
        assert client.get("/livez/").status_code == 401
        assert client.get("/").json()["code"] == "authentication_required"
        assert client.get("/nothing").status_code == 401
        assert client.get("/", headers=bearer(service.token(scope="x"))).status_code == 403
        assert client.get("/", headers=bearer(service.token())).text == "user-1"
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket"):
            pass


def test_a_realm_cannot_leave_its_quotes(service: FakeService) -> None:
    require = RequireSession(lambda: None, realm='a", error="x\r\nSet-Cookie: b\\')  # type: ignore[arg-type, return-value]
    assert require._realm == '"a?, error=?x??Set-Cookie: b?"'


def test_scopes_are_a_list_and_no_text() -> None:
    with pytest.raises(TypeError):
        RequireSession(lambda: None, scopes="read write")  # type: ignore[arg-type, return-value]
