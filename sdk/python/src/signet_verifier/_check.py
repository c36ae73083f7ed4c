"""The one path from a token's text to a token that is believed: split → header (typ, alg, kid) → key by kid, key.alg == alg →
signature → claims → iss → aud → exp/iat → denied?, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ._claims import Claims, read_claims
from ._denylist import Denylist, TokenScopes, scopes_of
from ._jws import Header, read_header, split
from ._keys import VerifyingKey, is_algorithm
from .errors import VerifyError


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a token, beyond its signature."""

    issuer: str
    audience: tuple[str, ...]
    """At least one of these must be in `aud`."""
    leeway_ms: int
    longest_access_ttl_ms: int | None


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """A token whose signature fits a key of ours: remembered, not yet believed."""

    header: Header
    claims: Claims
    scopes: TokenScopes


def check_token(token: str, keys: Mapping[str, VerifyingKey], revocable_claims: tuple[str, ...]) -> CheckedToken:
    """The steps that depend on nobody's expectations, up to the parsed claims."""
    jws = split(token)
    header = read_header(jws.header)
    if not header.is_type("at+jwt"):
        raise VerifyError("type")
    if header.alg is None or not is_algorithm(header.alg):
        raise VerifyError("algorithm")
    if header.kid is None:
        raise VerifyError("key_id_missing")
    key = keys.get(header.kid)
    if key is None:
        raise VerifyError("key_unknown")
    if key.algorithm != header.alg:
        raise VerifyError("key_algorithm")
    if not key.has_signed(jws):
        raise VerifyError("signature")
    claims = read_claims(jws.payload)
    return CheckedToken(header, claims, scopes_of(claims, key.kid, revocable_claims))


def check_claims(claims: Claims, expected: Expected, now: int) -> None:
    """`iss`, `aud`, `exp` and `iat`, in this order, at `now` in milliseconds."""
    if claims.iss != expected.issuer:
        raise VerifyError("issuer")
    if not any(audience in claims.aud for audience in expected.audience):
        raise VerifyError("audience")
    # "On or after" `exp` is expired (RFC 7519 §4.1.4): at exp + leeway it is no longer good.
    if now >= claims.exp * 1000 + expected.leeway_ms:
        raise VerifyError("expired")
    if claims.iat * 1000 > now + expected.leeway_ms:
        raise VerifyError("issued_in_future")
    lifetime = (claims.exp - claims.iat) * 1000
    ceiling = expected.longest_access_ttl_ms
    if lifetime <= 0 or (ceiling is not None and lifetime > ceiling):
        raise VerifyError("lifetime")


def check_denylist(scopes: TokenScopes, denylist: Denylist) -> None:
    """Whether it has been taken back."""
    denied_by = denylist.denies(scopes)
    if denied_by is not None:
        raise VerifyError("revoked", denied_by)
