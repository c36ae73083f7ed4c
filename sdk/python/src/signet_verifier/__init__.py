"""Verifies Signet's access tokens in your own process, in microseconds once a token has been seen, and refuses a revoked one
within milliseconds, with a bound that you choose on how stale that knowledge may be.

`Verifier` is for threads, `AsyncVerifier` for asyncio; `signet_verifier.fastapi` protects FastAPI and Starlette applications.
"""

from ._claims import Claims
from ._clock import Clock, Instant, SystemClock
from ._core import Verified
from ._counters import Counters
from ._follower import Tuning
from ._jws import Header
from ._signal import RevocationSignal
from .errors import CODES, ConnectError, InactiveError, Refused, StaleError, VerifyError
from .policy import AcceptYoungerThan, WhenStale
from .verifier import AsyncVerifier, Verifier

__all__ = [
    "CODES",
    "AcceptYoungerThan",
    "AsyncVerifier",
    "Claims",
    "Clock",
    "ConnectError",
    "Counters",
    "Header",
    "InactiveError",
    "Instant",
    "Refused",
    "RevocationSignal",
    "StaleError",
    "SystemClock",
    "Tuning",
    "Verified",
    "Verifier",
    "VerifyError",
    "WhenStale",
]
