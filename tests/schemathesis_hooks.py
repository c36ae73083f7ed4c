"""What schemathesis cannot be told in its configuration."""

import ipaddress
import itertools

import schemathesis

ADDRESSES = itertools.count(int(ipaddress.IPv4Address("10.0.0.1")))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each request comes from an address of its own, as its proxy says: the checks of authentication fail on purpose, and
    the service slows down an address that fails too often. That it does so is tested in tests/api."""
    case.headers["X-Forwarded-For"] = str(ipaddress.IPv4Address(next(ADDRESSES)))
