"""What every kind of revocation denies, and what it does not."""

from signers import ALL, ED, ES, STRANGER
from topics.base import BEGAN, GONE, GOOD, JTI, MADE, NOW, SECOND, SID, Vectors, claims, headed, ours, uuid7

TIMELESS = {("kid", "logout"), ("kid", "refresh"), ("jti", "logout"), ("sid", "logout")}
IN_FORCE = NOW + 600_000


def entry(scope, effect, before, expires=IN_FORCE):
    return {"scope": scope, "effect": effect, "issued_before": before, "expires_at": expires}


SCOPES = {
    "jti": {"jti": JTI},
    "sid": {"sid": SID},
    "sub": {"sub": "user-1"},
    "client_id": {"client_id": "web"},
    "aud": {"aud": "api"},
    "kid": {"kid": ES.kid},
    "claim": {"claim": {"name": "tenant", "value": "acme"}},
    "all": "all",
}
OTHERS = {
    "jti": {"jti": uuid7(MADE, 9)},
    "sid": {"sid": uuid7(BEGAN, 9)},
    "sub": {"sub": "user-10"},
    "client_id": {"client_id": "user-1"},
    "aud": {"aud": "user-1"},
    "kid": {"kid": ED.kid},
    "claim": {"claim": {"name": "tenant", "value": "user-1"}},
}


def denylist():
    v = Vectors()
    boundaries(v)
    without_sid = claims(sid=GONE)
    for kind in ("sub", "client_id", "aud", "claim", "all"):
        for effect in ("logout", "refresh"):
            for name, before, denied in (("equal to", MADE, False), ("a millisecond after", MADE + 1, True)):
                text = f"{kind} {effect}, no session: {name} the token's own time"
                verdict(v, text, without_sid, kind, denied, [entry(SCOPES[kind], effect, before)])
    verdict(v, "sid logout: another session of the same millisecond", GOOD, "sid", False, [entry(OTHERS["sid"], "logout", NOW)])
    verdict(v, "sid logout: a token without a session", without_sid, "sid", False, [entry(SCOPES["sid"], "logout", NOW)])
    for kind, scope in OTHERS.items():
        for effect in ("logout", "refresh"):
            verdict(v, f"{kind} {effect}: of another value", GOOD, kind, False, [entry(scope, effect, NOW)])
    revocable(v)
    merged(v)
    forgotten(v)
    after_everything_else(v)
    return v


def verdict(v, name, token_claims, kind, denied, entries, **context):
    token = ours(token_claims)
    if denied:
        v.bad(name, token, "revoked", kind, denylist=entries, **context)
    else:
        v.good(name, token, token_claims, denylist=entries, **context)


def boundaries(v):
    for kind, scope in SCOPES.items():
        for effect in ("logout", "refresh"):
            compared = BEGAN if effect == "logout" else MADE
            timeless = (kind, effect) in TIMELESS
            for name, before in (("before", compared - 1), ("equal to", compared), ("after", compared + 1)):
                denied = timeless or before > compared
                what = "the session's start" if effect == "logout" else "the token's own time"
                verdict(v, f"{kind} {effect}: a millisecond {name} {what}" if name != "equal to" else
                        f"{kind} {effect}: equal to {what}", GOOD, kind, denied, [entry(scope, effect, before)])
            if timeless:
                verdict(v, f"{kind} {effect}: from the beginning of time", GOOD, kind, True, [entry(scope, effect, 0)])
    newer = claims(sid=uuid7(NOW, 3))
    verdict(v, "sub logout: a session begun after it", newer, "sub", False, [entry(SCOPES["sub"], "logout", NOW - 1)])
    verdict(v, "sub refresh: an old session, a new token", GOOD, "sub", False, [entry(SCOPES["sub"], "refresh", MADE)])
    verdict(v, "sub logout: an old session, a new token", GOOD, "sub", True, [entry(SCOPES["sub"], "logout", MADE)])


def revocable(v):
    def tenant(value):
        return claims(tenant=value)

    def acme(effect="logout"):
        return [entry(SCOPES["claim"], effect, NOW)]

    for name, value, denied in (
        ("an array that contains it", ["other", "acme"], True),
        ("an array that does not", ["other", "acme2"], False),
        ("an array of other types that contains it", [1, None, {"acme": 1}, ["acme"], "acme"], True),
        ("an array with the value one level down", [["acme"]], False),
        ("an object with that member", {"acme": "acme"}, False),
        ("the empty array", [], False),
        ("a number", 1, False),
        ("null", None, False),
        ("another case", "ACME", False),
        ("a longer text", "acme ", False),
    ):
        verdict(v, f"claim: {name}", tenant(value), "claim", denied, acme())
    verdict(v, "claim: not there", tenant(GONE), "claim", False, acme())
    verdict(v, "claim: refresh of an array that contains it", tenant(["acme"]), "claim", True, acme("refresh"))
    verdict(v, "claim: not among the revocable ones", GOOD, "claim", False, acme(), revocable_claims=["team"])
    verdict(v, "claim: the second revocable one", claims(team="blue"), "claim", True,
            [entry({"claim": {"name": "team", "value": "blue"}}, "logout", NOW)], revocable_claims=["tenant", "team"])
    verdict(v, "claim: a value of another claim", claims(team="acme", tenant="x"), "claim", False, acme(),
            revocable_claims=["tenant", "team"])
    verdict(v, "claim: the empty value", tenant(""), "claim", True,
            [entry({"claim": {"name": "tenant", "value": ""}}, "logout", NOW)])
    verdict(v, "aud: one of several", claims(aud=["api", "billing"]), "aud", True, [entry({"aud": "billing"}, "logout", NOW)])
    verdict(v, "aud: none of several", claims(aud=["api", "billing"]), "aud", False, [entry({"aud": "bill"}, "logout", NOW)])
    for signer in ALL:
        token = headed(signer.header(), signer)
        v.bad(f"kid: a token of the {signer.alg} key", token, "revoked", "kid",
              denylist=[entry({"kid": signer.kid}, "logout", 0)])


def merged(v):
    sub, early, late = SCOPES["sub"], BEGAN - 5, BEGAN + 5
    for name, befores in (("later one last", (early, late)), ("later one first", (late, early)), ("later one twice", (late, late))):
        verdict(v, f"merged: the {name}", GOOD, "sub", True, [entry(sub, "logout", before) for before in befores])
    verdict(v, "merged: neither is late enough", GOOD, "sub", False, [entry(sub, "logout", early), entry(sub, "logout", BEGAN)])
    gone, alive = NOW - 60_000, IN_FORCE
    verdict(v, "merged: the later time and the later expiry, of two entries", GOOD, "sub", True,
            [entry(sub, "logout", late, gone), entry(sub, "logout", early, alive)])
    verdict(v, "merged: the same, the other way round", GOOD, "sub", True,
            [entry(sub, "logout", early, alive), entry(sub, "logout", late, gone)])
    verdict(v, "merged: the effects stay apart", GOOD, "sub", False,
            [entry(sub, "refresh", BEGAN + 5), entry(sub, "logout", early)])
    verdict(v, "merged: a refresh beside a logout", GOOD, "sub", True,
            [entry(sub, "logout", early), entry(sub, "refresh", MADE + 1)])
    verdict(v, "merged: kinds stay apart", GOOD, "sub", False,
            [entry({"sub": "api"}, "logout", NOW), entry({"aud": "user-1"}, "logout", NOW), entry({"client_id": "acme"}, "logout", NOW)])
    verdict(v, "one among many", GOOD, "sid", True,
            [entry({"sid": uuid7(BEGAN + n, 5)}, "logout", NOW) for n in range(50)] + [entry(SCOPES["sid"], "logout", 1)])
    verdict(v, "none among many", GOOD, "sid", False,
            [entry({"sid": uuid7(BEGAN + n, 5)}, "logout", NOW) for n in range(50)])


def forgotten(v):
    for kind in ("sub", "sid", "jti", "all"):
        scope = SCOPES[kind]
        verdict(v, f"{kind}: in force for another millisecond", GOOD, kind, True, [entry(scope, "logout", NOW, NOW + 1)])
        verdict(v, f"{kind}: expired two seconds ago", GOOD, kind, False, [entry(scope, "logout", NOW, NOW - 2000)])


def after_everything_else(v):
    entries = [entry("all", "logout", NOW + 1)]
    v.bad("expired before revoked", ours(claims(exp=SECOND - 60)), "expired", denylist=entries)
    v.bad("another audience before revoked", ours(claims(aud="x")), "audience", denylist=entries)
    v.bad("the lifetime before revoked", ours(claims(exp=SECOND + 9000)), "lifetime", denylist=entries)
    v.bad("the signature before revoked", headed(ES.header(), STRANGER), "signature", denylist=entries)
