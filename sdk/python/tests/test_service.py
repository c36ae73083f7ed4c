"""Against the real service: the binary that SIGNET_BIN names, else the one that `cargo build` made."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Driven, eventually

from signet_verifier import StaleError, VerifyError

SDK = Path(__file__).parents[1]
BINARY = Path(os.environ.get("SIGNET_BIN", SDK.parents[1] / "target" / "debug" / "signet")).absolute()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Signet:
    """A service in development mode, in a directory of its own, which can be stopped and started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = (directory / "log").open("wb")
        self.start()
        self.secret = (directory / "data" / "dev-client-secret").read_text().strip()
        self.http = httpx.Client(base_url=self.url, auth=("dev", self.secret), trust_env=False)

    def start(self) -> None:
        assert BINARY.is_file(), f"there is no {BINARY}: run `cargo build`, or set SIGNET_BIN"
        settings = {
            "SIGNET_SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "SIGNET_TOKENS__REVOCABLE_CLAIMS": '["tenant"]',
            "RUST_BACKTRACE": "0",
        }
        self.process = subprocess.Popen(
            [BINARY, "serve"], cwd=self.directory, env=os.environ | settings, stdout=self.log, stderr=self.log
        )
        eventually(self.is_ready, within=30)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(20)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.http.close()
        self.log.close()

    def issue(self, sub: str = "user-1", **members: Any) -> str:
        answer = self.http.post("/v1/sessions", json={"sub": sub} | members)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["access_token"]
        return token

    def revoke(self, scope: Any, **members: Any) -> dict[str, Any]:
        answer = self.http.post("/v1/revocations", json={"scope": scope} | members)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


@pytest.fixture
def signet() -> Iterator[Signet]:
    with tempfile.TemporaryDirectory() as directory:
        service = Signet(Path(directory))
        yield service
        service.close()


def connect(kind: str, signet: Signet, **settings: Any) -> Driven:
    usual: dict[str, Any] = {"audience": "api", "client_id": "dev", "client_secret": signet.secret}
    return Driven(kind, signet.url, usual | settings)


def refusal(driven: Driven, token: str, **settings: Any) -> str:
    try:
        driven.verify(token, **settings)
    except (VerifyError, StaleError) as error:
        return error.code
    return "believed"


def test_a_revocation_is_in_force_when_the_answer_to_who_waits_arrives(kind: str, signet: Signet) -> None:
    with connect(kind, signet) as first, connect(kind, signet) as second:
        for sub in ("user-1", "user-2", "user-3"):
            token = signet.issue(sub)
            signal = first.revoked(first.verify(token))
            assert second.verify(token).claims.sub == sub
            applied = signet.revoke({"sub": sub}, wait="verifiers", timeout_ms=5000)["applied"]["verifiers"]
            verdicts = [refusal(first, token), refusal(second, token)]
            assert (applied["applied"], applied["total"], verdicts) == (2, 2, ["revoked", "revoked"])
            assert signal.result(5) == "sub"
            assert refusal(first, signet.issue(sub)) == "believed", "who signs in again is let in"


def test_every_kind_of_revocation_arrives(kind: str, signet: Signet) -> None:
    with connect(kind, signet) as driven:
        for scope in ["jti", "sid", "client_id", "aud", {"claim": {"tenant": "acme"}}, {"all": True}]:
            token = signet.issue(claims={"tenant": "acme"})
            claims = driven.verify(token).claims
            if isinstance(scope, str):
                value = getattr(claims, scope)
                scope = {scope: value[0] if scope == "aud" else value}
            signet.revoke(scope, wait="verifiers", timeout_ms=5000)
            assert refusal(driven, token) == "revoked", scope
        assert driven.counters.malformed == 0


def test_a_token_is_read_as_it_was_issued(kind: str, signet: Signet) -> None:
    members: dict[str, Any] = {
        "scope": "orders:read orders:write", "amr": ["pwd"], "acr": "1", "auth_time": int(time.time()) - 60,
        "claims": {"tenant": "acme", "nested": {"a": [1, 2.5, None, "é"]}},
    }  # fmt: skip
    with connect(kind, signet) as driven:
        claims = driven.verify(signet.issue(**members)).claims
        assert claims.scopes == {"orders:read", "orders:write"}
        assert (claims.amr, claims.acr, claims.auth_time) == (("pwd",), "1", members["auth_time"])
        assert claims.custom == members["claims"]
        assert refusal(driven, signet.issue(), audience="another") == "audience"


def test_a_key_that_was_revoked_is_refused_and_its_successor_believed(kind: str, signet: Signet) -> None:
    with connect(kind, signet) as driven:
        token = signet.issue()
        kid = driven.verify(token).header.kid
        assert signet.http.post(f"/v1/keys/{kid}/revoke", json={"reason": "leaked"}).status_code == 200
        assert eventually(lambda: refusal(driven, token) in ("revoked", "key_unknown"))
        assert eventually(lambda: refusal(driven, signet.issue()) == "believed")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_is_survived_and_nothing_missed(kind: str, signet: Signet, how: signal.Signals) -> None:
    with connect(kind, signet) as driven:
        before, after = signet.issue("before"), signet.issue("after")
        signet.revoke({"sub": "before"}, wait="verifiers", timeout_ms=5000)
        signet.stop(how)
        assert refusal(driven, before) == "revoked", "what is known is in force while the service is away"
        assert refusal(driven, after) == "believed", "within the bound"
        signet.start()
        # At once, whether the verifier is back or not.
        signet.revoke({"sub": "after"})
        assert eventually(lambda: refusal(driven, after) == "revoked", within=20)
        assert refusal(driven, before) == "revoked"
        assert driven.counters.connects >= 2


def test_a_service_that_is_away_makes_it_stale_and_back_again_fresh(kind: str, signet: Signet) -> None:
    with connect(kind, signet, max_staleness=6.0) as driven:
        token = signet.issue()
        assert refusal(driven, token) == "believed"
        signet.stop()
        assert eventually(lambda: refusal(driven, token) == "stale", within=20)
        assert refusal(driven, token, when_stale="introspect") == "stale", "there is nobody to ask"
        assert refusal(driven, token, when_stale="accept") == "believed"
        signet.start()
        assert eventually(lambda: refusal(driven, token) == "believed", within=20)


def test_where_the_policy_is_to_ask_the_service_is_asked(kind: str, signet: Signet) -> None:
    with connect(kind, signet, max_staleness=0, when_stale="introspect") as driven:
        token, other = signet.issue(), signet.issue("user-2")
        assert refusal(driven, token) == "believed"
        signet.revoke({"sub": "user-1"}, wait="verifiers", timeout_ms=5000)
        assert refusal(driven, token) == "revoked", "the feed is quicker than the answer is forgotten"
        assert refusal(driven, other) == "believed"
        assert driven.counters.introspected == 2


class Program:
    """The FastAPI example under uvicorn."""

    def __init__(self, signet: Signet) -> None:
        self.port = free_port()
        settings = {
            "SIGNET_ISSUER": signet.url,
            "SIGNET_CLIENT_SECRET": signet.secret,
            "SIGNET_MAX_STALENESS": "6",
            "PYTHONPATH": str(SDK / "src"),
        }
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(SDK / "examples"), "fastapi_app:app"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--log-level", "warning"], env=os.environ | settings
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)
        eventually(self.is_up, within=30)

    def is_up(self) -> bool:
        assert self.process.poll() is None
        try:
            return self.http.get("/livez").status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(20)


def test_the_example_refuses_a_revoked_session_ends_its_streams_and_says_503_when_stale(signet: Signet) -> None:
    program = Program(signet)
    try:
        token = signet.issue(scope="orders:write")
        bearer = {"Authorization": f"Bearer {token}"}
        assert program.http.get("/orders").status_code == 401
        assert program.http.post("/orders", headers=bearer).status_code == 201
        reader = {"Authorization": f"Bearer {signet.issue('user-2')}"}
        assert program.http.post("/orders", headers=reader).status_code == 403

        with program.http.stream("GET", "/events", headers=bearer, timeout=20) as events:
            lines = events.iter_lines()
            assert next(lines) == "event: hello"
            signet.revoke({"sub": "user-1"}, wait="verifiers", timeout_ms=5000)
            assert "event: goodbye" in list(lines)
        assert program.http.get("/orders", headers=bearer).json()["reason"] == "revoked"

        assert program.http.get("/orders", headers=reader).status_code == 200
        signet.stop()
        stale = eventually(lambda: (it := program.http.get("/orders", headers=reader)).status_code == 503 and it, 20)
        assert int(stale.headers["Retry-After"]) >= 1
        signet.start()
        eventually(lambda: program.http.get("/orders", headers=reader).status_code == 200, within=20)
    finally:
        program.close()


def readme_blocks(language: str) -> list[tuple[str, str]]:
    """The blocks in this language, each with the output that stands below it."""
    text = (SDK / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("code", "output"), readme_blocks("python"))
def test_the_readmes_python_runs_and_prints_what_it_says(signet: Signet, code: str, output: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code.replace("http://127.0.0.1:8080", signet.url)],
        cwd=signet.directory, env=os.environ | {"PYTHONPATH": str(SDK / "src")}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == output


def test_the_readmes_shell_lines_run_as_pasted(signet: Signet) -> None:
    [(code, output)] = readme_blocks("sh")
    (signet.directory / "sdk").symlink_to(SDK.parent)
    settings = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(SDK / "src"),
        # What the example takes from its default where the service is where the README says.
        "SIGNET_ISSUER": signet.url,
    }
    mine = code.replace("http://127.0.0.1:8080", signet.url).replace("8000", str(free_port()))
    done = subprocess.run(
        ["bash", "-mc", mine], cwd=signet.directory, env=os.environ | settings, capture_output=True, text=True, timeout=90
    )
    number = re.compile(r"[0-9.e-]+(?=})")
    assert number.sub("N", done.stdout) == number.sub("N", output), done.stderr


def test_the_package_holds_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=SDK, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("signet_verifier-*.whl")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, directory], check=True)
        held = {path.name for path in Path(directory, "signet_verifier").iterdir()}
    assert held == {path.name for path in (SDK / "src" / "signet_verifier").iterdir() if path.name != "__pycache__"}
    assert "py.typed" in held
