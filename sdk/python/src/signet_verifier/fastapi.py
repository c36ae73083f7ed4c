"""FastAPI and Starlette: routes that need a session.

Refusals are problem documents (RFC 9457) with `WWW-Authenticate` (RFC 6750): 401 for a token that is not believed, 403 for one that
does not allow enough, 503 with `Retry-After` where the verifier does not know enough to say. Codes, titles and actions are those of
the service where it refuses for the same reason; `reason` is the name of the check that failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ._core import Verified
from .errors import Refused, StaleError
from .policy import WhenStale
from .verifier import AsyncVerifier, Verifier

AnyVerifier: TypeAlias = Verifier | AsyncVerifier
VerifierSource: TypeAlias = AnyVerifier | Callable[[], AnyVerifier]
"""A verifier, or a function that gives it once the application has started."""


class SessionRefused(HTTPException):
    """A request that was not let in: status, headers and the problem document."""

    def __init__(self, problem: dict[str, Any], challenge: str | None, retry_after: int | None) -> None:
        headers = {"Cache-Control": "no-store"}
        if challenge is not None:
            headers["WWW-Authenticate"] = challenge
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        self.problem = problem
        super().__init__(problem["status"], problem, headers)

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.problem, self.status_code, self.headers, media_type="application/problem+json")


def problem_documents(app: FastAPI) -> None:
    """Has the application answer refusals as problem documents. Without it FastAPI shows the same document as `detail`."""

    async def answer(_request: Request, refused: Exception) -> JSONResponse:
        assert isinstance(refused, SessionRefused)
        return refused.response()

    app.add_exception_handler(SessionRefused, answer)


class RequireSession:
    """A dependency that lets in who presents a good token with all of these scopes, and gives the `Verified`:

        Session = Annotated[Verified, Depends(RequireSession(verifier, scopes=["orders:read"]))]
    """

    def __init__(
        self,
        verifier: VerifierSource,
        *,
        scopes: Iterable[str] = (),
        realm: str = "signet",
        audience: str | Iterable[str] | None = None,
        max_staleness: float | None = None,
        when_stale: WhenStale | None = None,
    ) -> None:
        """The last three are those of `Verifier.verify`, for what is asked here."""
        if isinstance(scopes, str):
            raise TypeError("scopes is a list of scopes")
        self._verifier = verifier
        self._scopes = tuple(scopes)
        self._realm = _quoted(realm)
        self._audience = tuple(audience) if audience is not None and not isinstance(audience, str) else audience
        self._max_staleness = max_staleness
        self._when_stale = when_stale

    async def __call__(self, connection: HTTPConnection) -> Verified:
        """Verifies the request's token, or raises `SessionRefused`."""
        token = self._bearer(connection)
        try:
            verified = await self._verify(token)
        except Refused as refused:
            raise self._refused(refused) from None
        if not verified.claims.scopes.issuperset(self._scopes):
            raise self._insufficient()
        return verified

    async def _verify(self, token: str) -> Verified:
        verifier = self._verifier if isinstance(self._verifier, Verifier | AsyncVerifier) else self._verifier()
        settings: dict[str, Any] = {
            "audience": self._audience,
            "max_staleness": self._max_staleness,
            "when_stale": self._when_stale,
        }
        if isinstance(verifier, AsyncVerifier):
            return await verifier.verify(token, **settings)
        # It may wait for the service, which the event loop must not.
        return await run_in_threadpool(verifier.verify, token, **settings)

    def _bearer(self, connection: HTTPConnection) -> str:
        """The one bearer token of the request: one header, the scheme in any case, one space, and what the verifier reads
        strictly."""
        values = connection.headers.getlist("Authorization")
        if not values:
            raise self._unauthenticated("an access token is needed")
        scheme, space, token = values[0].partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer" or not space:
            raise self._unauthenticated("the Authorization header is not one bearer token")
        return token

    def _unauthenticated(self, detail: str) -> SessionRefused:
        # No error: the request did not try (RFC 6750 §3.1).
        problem = _problem(401, "authentication_required", "A token is needed", detail)
        return SessionRefused(problem, f"Bearer realm={self._realm}", None)

    def _refused(self, refused: Refused) -> SessionRefused:
        detail = str(refused)
        if isinstance(refused, StaleError):
            title = "The verifier is not up to date"
            problem = _problem(503, "stale", title, detail, reason="stale", action="retry")
            return SessionRefused(problem, None, max(1, math.ceil(refused.retry_after)))
        if refused.code == "expired":
            title = "The access token has expired"
            problem = _problem(401, "token_expired", title, detail, reason="expired", action="refresh")
        else:
            title = "The access token is not valid"
            problem = _problem(401, "invalid_token", title, detail, reason=refused.code, action="reauthenticate")
        return SessionRefused(problem, self._challenge("invalid_token", detail), None)

    def _insufficient(self) -> SessionRefused:
        detail, needed = "the token does not have the scope that is needed", " ".join(self._scopes)
        problem = _problem(403, "insufficient_scope", "Insufficient scope", detail, scope=needed)
        return SessionRefused(problem, f"{self._challenge('insufficient_scope', detail)}, scope={_quoted(needed)}", None)

    def _challenge(self, error: str, description: str) -> str:
        return f'Bearer realm={self._realm}, error="{error}", error_description={_quoted(description)}'


class SessionMiddleware:
    """An ASGI middleware that lets nothing through without a good token; the `Verified` is `request.state.session`.

        app.add_middleware(SessionMiddleware, verifier=verifier, scopes=["orders:read"], public=["/livez"])
    """

    def __init__(self, app: ASGIApp, /, verifier: VerifierSource, *, public: Iterable[str] = (), **settings: Any) -> None:
        """`public` are the paths that need no session, compared whole; the other settings are those of `RequireSession`."""
        self._app = app
        self._public = frozenset(public)
        self._require = RequireSession(verifier, **settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._public:
            return await self._app(scope, receive, send)
        try:
            verified = await self._require(HTTPConnection(scope))
        except SessionRefused as refused:
            if scope["type"] == "websocket":
                # Before it is accepted: the server answers the handshake with 403.
                return await send({"type": "websocket.close", "code": 1008, "reason": refused.problem["code"]})
            return await refused.response()(scope, receive, send)
        scope.setdefault("state", {})["session"] = verified
        return await self._app(scope, receive, send)


def _problem(status: int, code: str, title: str, detail: str, **more: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code} | more


def _quoted(text: str) -> str:
    """A quoted string (RFC 9110 §5.6.4) of the characters that RFC 6750 §3 allows; others become `?`."""
    inner = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text)
    return f'"{inner}"'
