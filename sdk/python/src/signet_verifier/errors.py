"""Every reason to refuse a token, and why a verifier could not be connected.

The names are those of docs/feed.md, "Checks and their names": the same in Rust, TypeScript and Python. No error carries text
of the token: it may be logged and shown.
"""

from __future__ import annotations

_MESSAGES = {
    "too_long": "the token is too long",
    "segments": "the token does not have three segments",
    "base64": "a segment is not canonical base64url",
    "header_malformed": "the header is malformed",
    "header_duplicate": "the header has a duplicate member",
    "header_forbidden": "the header member {member} is not accepted",
    "type": "the token is of another type",
    "algorithm": "the algorithm is not allowed",
    "key_id_missing": "the token names no key",
    "key_unknown": "the key is unknown",
    "key_algorithm": "the key is for another algorithm",
    "signature": "the signature is invalid",
    "claims_malformed": "the claims are malformed",
    "claims_duplicate": "the claims have a duplicate member",
    "claim_missing": "the claim {member} is missing",
    "claim_invalid": "the claim {member} is malformed",
    "issuer": "the token is from another issuer",
    "audience": "the token is for another audience",
    "expired": "the token has expired",
    "issued_in_future": "the token is from the future",
    "lifetime": "the token's lifetime is over the ceiling",
    "revoked": "the token has been revoked",
}

CODES: tuple[str, ...] = tuple(_MESSAGES)
"""The names of all checks, in the order in which they are made."""


class Refused(Exception):
    """Why a token was not believed: a `VerifyError`, a `StaleError` or an `InactiveError`."""

    code: str
    """The name that all verifiers share."""


class VerifyError(Refused):
    """The token is at fault, or has been revoked: 401."""

    def __init__(self, code: str, member: str | None = None) -> None:
        self.code = code
        self.member = member
        """The header member or claim at fault; of `revoked` the kind of cutoff that matched."""
        super().__init__(_MESSAGES[code].format(member=member))


class StaleError(Refused):
    """The verifier does not know enough to vouch for the token: 503 with `Retry-After`. Not the token's fault."""

    code = "stale"

    def __init__(self, staleness: float | None, retry_after: float) -> None:
        self.staleness = staleness
        """How many seconds ago the verifier knew of every revocation; `None`: it never did, or must load a snapshot first."""
        self.retry_after = retry_after
        """In how many seconds it is worth asking again."""
        super().__init__("the verifier has not heard from the service for too long")


class InactiveError(Refused):
    """The service was asked, and does not believe the token: 401."""

    code = "inactive"

    def __init__(self) -> None:
        super().__init__("the service does not believe the token")


class ConnectError(Exception):
    """A verifier could not be connected: a setting that is wrong, or a service that does not answer."""


class FeedError(Exception):
    """A part of the feed was not taken: malformed, too large, or of another version. It says nothing of what was in it."""
