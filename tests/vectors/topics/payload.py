"""Payloads: JSON, duplicate members, what must be there and what may."""

from signers import written
from topics.base import GONE, GOOD, ISSUER, JTI, SECOND, SID, Vectors, claims, more, nested, ours


def payload():
    v = Vectors()
    forms(v)
    duplicates(v)
    optional(v)
    for claim in ("iss", "sub", "aud", "exp", "iat", "jti", "client_id"):
        v.bad(f"{claim} missing", ours(claims(**{claim: GONE})), "claim_missing", claim)
    v.bad("no claims", ours("{}"), "claim_missing", "iss")
    v.bad("a missing claim before another issuer", ours(claims(sub=GONE, iss="https://evil.example")), "claim_missing", "sub")
    v.bad("a malformed claim before another issuer", ours(claims(sub=1, iss="https://evil.example")), "claim_invalid", "sub")
    return v


def forms(v):
    good = written(GOOD)
    for name, text in (
        ("empty", ""),
        ("no JSON", "sub=user-1"),
        ("an array", f"[{good}]"),
        ("a string", '"user-1"'),
        ("a number", "1"),
        ("null", "null"),
        ("two of them", good + good),
        ("a NUL behind it", good + "\0"),
        ("a trailing comma", good[:-1] + ",}"),
        ("cut short", good[:-1]),
        ("a byte order mark", "\ufeff" + good),
        ("a bad escape", more('"x":"\\q"')),
        ("half a surrogate", more('"x":"\\udc00"')),
        ("half a surrogate in a name", more('"\\ud800":1')),
        ("two first halves of a surrogate", more('"x":"\\ud800\\ud800"')),
        ("a number out of range", more('"x":1e999')),
        ("a leading zero", more('"x":01')),
        ("a leading plus", more('"x":+1')),
        ("a point at the end", more('"x":1.')),
        ("a point in front", more('"x":.5')),
        ("a hexadecimal number", more('"x":0x10')),
        ("NaN", more('"x":NaN')),
        ("Infinity", more('"x":Infinity')),
        ("a raw newline in a string", more('"x":"a\nb"')),
        ("a raw tab in a string", more('"x":"a\tb"')),
        ("a literal in capitals", more('"x":True')),
        ("a name without quotes", more("x:1")),
        ("a comment", more("/* x */\"x\":1")),
        ("a bracket closed by a brace", more('"x":[1}')),
        ("bytes that are not UTF-8", more('"x":"\0"').encode().replace(b"\0", b"\xff")),
        ("an overlong encoding", more('"x":"\0"').encode().replace(b"\0", b"\xc0\x80")),
        ("a surrogate in UTF-8", more('"x":"\0"').encode().replace(b"\0", b"\xed\xa0\x80")),
        ("brackets as deep as fits", nested(2700, "")),
        ("open brackets as deep as fits", "[" * 5500),
        ("a custom claim one level too deep", more('"x":' + nested(127, ""))),
        ("a custom claim as deep as fits", more('"x":' + nested(2500, ""))),
        ("cnf one level too deep", more('"cnf":{"x":' + nested(126, "") + "}")),
        ("objects one level too deep", more('"x":' + '{"a":' * 127 + "1" + "}" * 127)),
    ):
        v.bad(f"claims: {name}", ours(text), "claims_malformed")
    # A later check refuses it: a result as deep could not be read out of this file.
    for name, value in (("lists", nested(126, "")), ("objects", '{"a":' * 126 + "1" + "}" * 126)):
        deep = written(claims(exp=SECOND - 60))[:-1] + f',"x":{value}}}'
        v.bad(f"claims: {name} as deep as they may be, and expired", ours(deep), "expired")
    v.good("claims: JSON's own white space", ours(" " + good.replace('":', '" :\t').replace(",", "\r\n,") + "\n"), GOOD)
    v.good("claims: a pair of surrogates", ours(more('"x":"\\ud83d\\ude42"')), claims(x="🙂"))
    v.good("claims: every escape", ours(more('"x":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"')), claims(x='"\\/\b\f\n\r\té'))
    v.good("claims: an escaped name", ours(good.replace('"sub"', '"\\u0073ub"')), GOOD)


def duplicates(v):
    for name, members in (
        ("sub twice", '"sub":"user-1"'),
        ("sub twice, once escaped", '"s\\u0075b":"admin"'),
        ("exp twice", '"exp":99999999999'),
        ("aud twice", '"aud":"api"'),
        ("jti twice", f'"jti":"{JTI}"'),
        ("sid twice", f'"sid":"{SID}"'),
        ("iss twice", f'"iss":"{ISSUER}"'),
        ("scope twice", '"scope":"admin"'),
        ("client_id twice", '"client_id":"web"'),
        ("cnf twice", '"cnf":{},"cnf":{}'),
        ("amr twice", '"amr":[],"amr":[]'),
        ("acr twice", '"acr":"1","acr":"1"'),
        ("a custom claim twice", '"tenant":"other"'),
        ("the empty name twice", '"":1,"":1'),
        ("__proto__ twice", '"__proto__":1,"__proto__":1'),
        ("a duplicate in a custom claim", '"x":{"a":1,"a":2}'),
        ("a duplicate in a list", '"x":[1,{"a":1,"a":1}]'),
        ("a duplicate deep in a custom claim", '"x":[[{"y":{"a":1,"\\u0061":2}}]]'),
        ("a duplicate as deep as it may be", '"x":' + nested(125, '{"a":1,"a":1}')),
        ("a duplicate in cnf", '"cnf":{"jkt":"a","jkt":"b"}'),
        ("a duplicate deep in cnf", '"cnf":{"jwk":{"kty":"EC","kty":"EC"}}'),
    ):
        v.bad(name, ours(more(members)), "claims_duplicate")
    v.good(
        "one name at several places is no duplicate",
        ours(more('"x":{"sub":1,"x":{"sub":2}},"y":[{"a":1},{"a":1}]')),
        claims(x={"sub": 1, "x": {"sub": 2}}, y=[{"a": 1}, {"a": 1}]),
    )
    v.good("names that differ in case are no duplicates", ours(more('"SUB":"admin"')), claims(SUB="admin"))


def optional(v):
    full = claims(auth_time=SECOND - 900, amr=["pwd", "otp"], acr="2", cnf={"jkt": "abc", "x": {"y": [1]}})
    v.good("every claim there is", ours(full), full)
    v.good("only what is required", ours(claims(sid=GONE, scope=GONE, tenant=GONE)), claims(sid=GONE, scope=GONE, tenant=GONE))
    for name, extra in (
        ("no members in cnf", {"cnf": {}}),
        ("an empty amr", {"amr": []}),
        ("an empty acr", {"acr": ""}),
        ("custom claims of every type", {"x": None, "y": True, "z": [1, 2.5, {"a": "b"}], "w": {"n": -1}}),
        ("a custom claim with an empty name", {"": 1}),
        ("a subject beyond ASCII", {"sub": "søren 🙂"}),
        ("the longest subject", {"sub": "x" * 255}),
        ("the longest subject beyond ASCII", {"sub": "é" * 127}),
        ("auth_time zero", {"auth_time": 0}),
        ("auth_time in the last second of the year 9999", {"auth_time": 253_402_300_799}),
        ("every unreserved character in client_id", {"client_id": "aZ09-._~"}),
        ("the odd characters of a scope", {"scope": "!#[]~"}),
        ("many audiences", {"aud": [f"a{n}" for n in range(31)] + ["api"]}),
        ("the longest scope", {"scope": "x" * 1024}),
    ):
        v.good(name, ours(claims(**extra)), claims(**extra))
    for name in ("__proto__", "constructor", "toString", "hasOwnProperty"):
        changed = claims(**{name: {"sub": "admin"}})
        v.good(f"a custom claim named {name}", ours(changed), changed)
    for name in ("act", "may_act", "status", "events", "sub_id"):
        v.good(f"{name}, which is not read", ours(claims(**{name: {"a": 1}})), claims(**{name: {"a": 1}}))
