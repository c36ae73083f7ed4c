"""The addresses of a service: which URLs will do, and what lies where."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import _ids
from .errors import ConnectError

_METADATA = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the service is asked for what."""

    jwks: str
    feed: str
    introspection: str | None

    @property
    def stream(self) -> str:
        """The feed's events."""
        return self.feed + "/stream"

    @property
    def ack(self) -> str:
        """Where events are acknowledged."""
        return self.feed + "/ack"


class Addresses:
    """An issuer, and where it is reached.

    Raises `ConnectError` for what is no URL of an issuer, and for plain http to another machine: credentials and revocations
    could be read and changed on the way.
    """

    def __init__(self, issuer: str, base_url: str | None, *, allow_plain_http: bool) -> None:
        if not _ids.is_issuer(issuer):
            raise ConnectError("the issuer is not a URL")
        self._allow_plain_http = allow_plain_http
        self._issuer = issuer
        self._base = base_url.rstrip("/") if base_url else None
        self._check(self._base or issuer)

    @property
    def metadata(self) -> str:
        """Where the issuer's metadata is (RFC 8414 §3.1: the well-known string stands between host and path)."""
        if self._base:
            return self._base + _METADATA
        url = urlsplit(self._issuer)
        return f"{url.scheme}://{url.netloc}{_METADATA}{url.path.rstrip('/')}"

    def endpoints(self, metadata: Mapping[str, Any]) -> Endpoints:
        """What the metadata names; below the base URL, where one was given."""
        if metadata.get("issuer") != self._issuer:
            raise ConnectError("the metadata is that of another issuer")
        if self._base:
            base = self._base
            return Endpoints(
                base + "/.well-known/jwks.json", base + "/v1/revocations", base + "/oauth2/introspect"
            )
        introspection = metadata.get("introspection_endpoint")
        return Endpoints(
            self._named(metadata, "jwks_uri"),
            self._named(metadata, "revocation_feed_uri"),
            None if introspection is None else self._named(metadata, "introspection_endpoint"),
        )

    def _named(self, metadata: Mapping[str, Any], name: str) -> str:
        url = metadata.get(name)
        if not isinstance(url, str):
            raise ConnectError(f"the issuer's metadata has no {name}")
        self._check(url)
        return url

    def _check(self, text: str) -> None:
        try:
            url = urlsplit(text)
            host = url.hostname
        except ValueError:
            host = None
        if not host or url.scheme not in ("http", "https") or url.username or url.query or url.fragment:
            # Without the text: it may hold a password.
            raise ConnectError("an address of the issuer is not a URL (http or https, no user, query or fragment)")
        if url.scheme == "http" and not self._allow_plain_http and not _is_this_machine(host):
            raise ConnectError(
                f"{text} is plain http to another machine: credentials and revocations could be read and changed on the way"
            )


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
