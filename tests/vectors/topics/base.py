"""What all topics share: one issuer and audience, the present, a good token, and the list that vectors go to."""

from signers import ES, JWKS, written

ISSUER = "https://auth.example"
SECOND = 1_800_000_000
NOW = SECOND * 1000
DEFAULTS = {
    "now": NOW,
    "expected": {"issuer": ISSUER, "audience": ["api"], "leeway_ms": 30_000, "longest_access_ttl_ms": 3_600_000},
    "jwks": JWKS,
    "denylist": [],
    "revocable_claims": ["tenant"],
}


def uuid7(ms, fill=1):
    """A UUIDv7 (RFC 9562 §5.7) of this millisecond."""
    text = (ms.to_bytes(6, "big") + bytes([0x70 | fill >> 4]) + bytes([fill, 0x80 | fill & 0x3F]) + bytes([fill] * 7)).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


MADE = NOW - 50_000
BEGAN = NOW - 900_000
JTI = uuid7(MADE, 1)
SID = uuid7(BEGAN, 2)
GOOD = {
    "iss": ISSUER,
    "sub": "user-1",
    "aud": "api",
    "exp": SECOND + 250,
    "iat": SECOND - 50,
    "jti": JTI,
    "sid": SID,
    "client_id": "web",
    "scope": "read write",
    "tenant": "acme",
}
GONE = object()


def claims(**changes):
    merged = {**GOOD, **changes}
    return {name: value for name, value in merged.items() if value is not GONE}


def ours(payload):
    """Signed as the issuer would."""
    return ES.token(ES.header(), payload)


def headed(header, signer=ES):
    return signer.token(header, GOOD)


def more(members):
    """A good payload with these members, written as they stand, behind the others."""
    return written(GOOD)[:-1] + "," + members + "}"


def nested(depth, inside="null"):
    return "[" * depth + inside + "]" * depth


class Vectors:
    """The vectors of one file."""

    def __init__(self):
        self.vectors = []

    def good(self, name, token, result, **context):
        self.add(name, token, {"claims": result}, context)

    def bad(self, name, token, error, member=None, **context):
        self.add(name, token, {"error": error} | ({"member": member} if member else {}), context)

    def add(self, name, token, result, context):
        for member, value in context.items():
            if member == "expected":
                context[member] = {**DEFAULTS["expected"], **value}
        self.vectors.append({"name": name, "token": token, **context, "result": result})
