"""Public keys: from JWKs (RFC 7517) to keys that check signatures, and the set of them that a verifier holds. No I/O."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt.algorithms
from jwt.exceptions import PyJWTError

from . import _ids, _json
from ._jws import CompactJws, base64url
from .errors import FeedError


@dataclass(frozen=True, slots=True)
class _Algorithm:
    """How one `alg` of ours is checked. Nothing outside this file tells algorithms apart."""

    members: Mapping[str, Any]
    """What the JWK must say."""
    parameters: tuple[str, ...]
    signature_bytes: int | None
    """How long every signature is; `None` where the key decides."""
    jose: Any
    """PyJWT's algorithm: an untyped family of classes with `from_jwk` and `verify`."""


_EC = {"kty": "EC", "crv": "P-256"}
_OKP = {"kty": "OKP", "crv": "Ed25519"}
_RSA = {"kty": "RSA"}
_SHA256 = jwt.algorithms.ECAlgorithm.SHA256

# A closed set: `none`, every HMAC and whatever else there is are refused.
_ALGORITHMS: Final[Mapping[str, _Algorithm]] = {
    "ES256": _Algorithm(_EC, ("x", "y"), 64, jwt.algorithms.ECAlgorithm(_SHA256)),
    "EdDSA": _Algorithm(_OKP, ("x",), 64, jwt.algorithms.OKPAlgorithm()),
    "RS256": _Algorithm(_RSA, ("n", "e"), None, jwt.algorithms.RSAAlgorithm(_SHA256)),
    "PS256": _Algorithm(_RSA, ("n", "e"), None, jwt.algorithms.RSAPSSAlgorithm(_SHA256)),
}


def is_algorithm(name: str) -> bool:
    """Whether the name is exactly that of an algorithm of ours."""
    return name in _ALGORITHMS


class VerifyingKey:
    """A public key. It belongs to exactly one algorithm (RFC 8725 §3.1)."""

    __slots__ = ("_key", "algorithm", "kid")

    def __init__(self, kid: str, algorithm: str, key: Any) -> None:
        self.kid = kid
        self.algorithm = algorithm
        # None where the parameters are no key (a point beside the curve): it has made no signature.
        self._key = key

    def has_signed(self, jws: CompactJws) -> bool:
        """Whether it made the signature."""
        algorithm = _ALGORITHMS[self.algorithm]
        if algorithm.signature_bytes not in (None, len(jws.signature)) or self._key is None:
            return False
        return bool(algorithm.jose.verify(jws.signing_input, self._key, jws.signature))


def read_jwks(text: bytes) -> dict[str, VerifyingKey]:
    """The usable keys of a published set by `kid`; the others are skipped: an odd key beside good ones must not break the whole
    set. Of two with one `kid` the first.

    Raises `FeedError` if it is no key set.
    """
    try:
        document = _json.loads(text)
    except ValueError:
        raise FeedError("not a JWK set") from None
    published = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(published, list):
        raise FeedError("not a JWK set")
    usable: dict[str, VerifyingKey] = {}
    for key in map(_read_jwk, published):
        if key is not None:
            usable.setdefault(key.kid, key)
    return usable


class KeySet:
    """The keys that a verifier holds: swapped whole, less those that were dropped for good."""

    def __init__(self, keys: Iterable[VerifyingKey] = ()) -> None:
        self._lock = threading.Lock()
        self._dropped: set[str] = set()
        # Swapped together, so that a reader's version belongs to its keys.
        self._current: tuple[int, dict[str, VerifyingKey]] = (0, {key.kid: key for key in keys})
        self.is_loaded = bool(self._current[1])

    @property
    def current(self) -> tuple[int, Mapping[str, VerifyingKey]]:
        """A number that changes whenever the set does, and the keys by `kid`."""
        return self._current

    def accept(self, text: bytes) -> None:
        """Takes a fetched set in place of the one before.

        Raises `FeedError` if it is no key set, or holds no key of use; the one before stays.
        """
        keys = read_jwks(text)
        if not keys:
            raise FeedError("a JWK set without a key that can be used")
        with self._lock:
            self._swap(keys)
            self.is_loaded = True

    def drop(self, kids: Iterable[str]) -> None:
        """Takes compromised keys out for good, whatever a cache in between still serves."""
        with self._lock:
            self._dropped.update(kids)
            if not self._dropped.isdisjoint(self._current[1]):
                self._swap(self._current[1])

    def _swap(self, keys: Mapping[str, VerifyingKey]) -> None:
        remaining = {kid: key for kid, key in keys.items() if kid not in self._dropped}
        self._current = (self._current[0] + 1, remaining)


def _read_jwk(jwk: Any) -> VerifyingKey | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    kid, name = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str) or not _ids.is_key_id(kid) or not isinstance(name, str):
        return None
    algorithm = _ALGORITHMS.get(name)
    if algorithm is None or any(jwk.get(member) != value for member, value in algorithm.members.items()):
        return None
    parameters = {member: jwk.get(member) for member in algorithm.parameters}
    if not _parameters_fit(parameters):
        return None
    try:
        key = algorithm.jose.from_jwk({**algorithm.members, **parameters})
    except (PyJWTError, ValueError):
        key = None
    return VerifyingKey(kid, name, key)


def _parameters_fit(parameters: Mapping[str, Any]) -> bool:
    for member, text in parameters.items():
        decoded = base64url(text) if isinstance(text, str) else None
        if decoded is None or not _parameter_fits(member, decoded):
            return False
    return True


def _parameter_fits(member: str, value: bytes) -> bool:
    if member in ("x", "y"):
        return len(value) == 32
    if member == "n":
        return 256 <= len(value) <= 1024 and value[0] != 0
    # An odd exponent above 1 (RFC 7518 §3.3; 1 would make every message a signature).
    return 1 <= len(value) <= 4 and value[0] != 0 and value[-1] % 2 == 1 and value != b"\x01"
