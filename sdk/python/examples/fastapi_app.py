"""An orders service that refuses a revoked session within milliseconds.

Beside a Signet in development mode (`cargo run -- serve`), in the repository's root:

    uvicorn --app-dir sdk/python/examples fastapi_app:app --port 8000

Settings: SIGNET_ISSUER, SIGNET_AUDIENCE, SIGNET_CLIENT_ID, and SIGNET_CLIENT_SECRET or SIGNET_CLIENT_SECRET_FILE.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from signet_verifier import AsyncVerifier, Verified
from signet_verifier.fastapi import RequireSession, problem_documents


def secret() -> str:
    if value := os.environ.get("SIGNET_CLIENT_SECRET"):
        return value
    return Path(os.environ.get("SIGNET_CLIENT_SECRET_FILE", "data/dev-client-secret")).read_text().strip()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with await AsyncVerifier.connect(
        os.environ.get("SIGNET_ISSUER", "http://127.0.0.1:8080"),
        audience=os.environ.get("SIGNET_AUDIENCE", "api"),
        client_id=os.environ.get("SIGNET_CLIENT_ID", "dev"),
        client_secret=secret(),
        max_staleness=float(os.environ.get("SIGNET_MAX_STALENESS", "30")),
        name="orders",
    ) as verifier:
        app.state.verifier = verifier
        yield


app = FastAPI(lifespan=lifespan)
problem_documents(app)


def verifier() -> AsyncVerifier:
    connected: AsyncVerifier = app.state.verifier
    return connected


Session = Annotated[Verified, Depends(RequireSession(verifier))]
Clerk = Annotated[Verified, Depends(RequireSession(verifier, scopes=["orders:write"]))]


@app.get("/orders")
async def orders(session: Session) -> dict[str, Any]:
    """Needs a session."""
    return {"orders": [], "of": session.claims.sub}


@app.post("/orders", status_code=201)
async def order(session: Clerk) -> dict[str, Any]:
    """Needs a session with the scope `orders:write`."""
    return {"by": session.claims.sub}


@app.get("/events")
async def events(session: Session) -> StreamingResponse:
    """Goes on until the session is revoked."""

    async def ticks() -> AsyncIterator[str]:
        revoked = asyncio.ensure_future(session.revoked())
        try:
            yield "event: hello\ndata: {}\n\n"
            while not (await asyncio.wait({revoked}, timeout=15))[0]:
                yield "event: tick\ndata: {}\n\n"
            yield "event: goodbye\ndata: {}\n\n"
        finally:
            revoked.cancel()

    return StreamingResponse(ticks(), media_type="text/event-stream")


@app.websocket("/echo")
async def echo(socket: WebSocket, session: Session) -> None:
    """Says everything back until the session is revoked."""
    await socket.accept()

    async def talk() -> None:
        async for text in socket.iter_text():
            await socket.send_text(text)

    talking, revoked = asyncio.ensure_future(talk()), asyncio.ensure_future(session.revoked())
    await asyncio.wait({talking, revoked}, return_when="FIRST_COMPLETED")
    if revoked.done():
        await socket.close(1008, "the session has been revoked")
    talking.cancel()
    revoked.cancel()


@app.get("/livez")
async def livez() -> dict[str, Any]:
    """How fresh the verifier's knowledge is."""
    return {"staleness_seconds": verifier().staleness()}
