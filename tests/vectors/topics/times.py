"""Expiry, issue and lifetime, to the millisecond."""

from topics.base import GOOD, SECOND, Vectors, claims, ours, uuid7


def times():
    v = Vectors()
    exp, iat = GOOD["exp"] * 1000, GOOD["iat"] * 1000
    for leeway in (30_000, 0, 1, 1500):
        said = {"leeway_ms": leeway}
        token = ours(GOOD)
        v.good(f"leeway {leeway} ms: the last millisecond", token, GOOD, now=exp + leeway - 1, expected=said)
        v.bad(f"leeway {leeway} ms: exp has come", token, "expired", now=exp + leeway, expected=said)
        v.bad(f"leeway {leeway} ms: a millisecond past exp", token, "expired", now=exp + leeway + 1, expected=said)
        v.good(f"leeway {leeway} ms: iat is now", token, GOOD, now=iat - leeway, expected=said)
        v.bad(f"leeway {leeway} ms: iat a millisecond ahead", token, "issued_in_future", now=iat - leeway - 1, expected=said)

    def lived(name, token_iat, token_exp, error, **context):
        changed = claims(iat=token_iat, exp=token_exp)
        if error:
            v.bad(name, ours(changed), error, **context)
        else:
            v.good(name, ours(changed), changed, **context)

    lived("expired long ago", SECOND - 86_700, SECOND - 86_400, "expired")
    lived("exp is zero", 0, 0, "expired")
    lived("iat in the year 9999", 253_402_300_799, 253_402_300_799, "issued_in_future")
    lived("the last second of the year 9999", SECOND, 253_402_300_799, "lifetime")
    lived("iat is zero", 0, SECOND + 300, "lifetime")
    lived("exp before iat", SECOND + 20, SECOND + 10, "lifetime")
    lived("exp at iat", SECOND + 10, SECOND + 10, "lifetime")
    lived("a life of one second", SECOND, SECOND + 1, None)
    lived("a life as long as the ceiling", SECOND - 300, SECOND + 3300, None)
    lived("a life a second over the ceiling", SECOND - 301, SECOND + 3300, "lifetime")
    lived("a ceiling of 300 s, met", SECOND - 50, SECOND + 250, None, expected={"longest_access_ttl_ms": 300_000})
    lived("a ceiling a millisecond below", SECOND - 50, SECOND + 250, "lifetime", expected={"longest_access_ttl_ms": 299_999})
    lived("expired before its life is looked at", SECOND - 90_000, SECOND - 60, "expired")
    lived("expired before the future is looked at", SECOND + 100, SECOND - 60, "expired")
    lived("the future before the life", SECOND + 100, SECOND + 90, "issued_in_future")
    earlier = claims(jti=uuid7(0), sid=uuid7(0))
    v.good("the times in jti and sid are not compared with iat", ours(earlier), earlier)
    return v
