"""Issuer and audience."""

import json

from topics.base import GOOD, Vectors, claims, ours


def parties():
    v = Vectors()
    for iss in (
        "https://auth.example/", "https://AUTH.example", "https://auth.example:443", "http://auth.example",
        "https://auth.example.evil.example", "https://evil.example", "auth.example", "https://auth.exampl",
        "https://auth.example#", "https://auth.example/%20",
    ):
        v.bad(f"iss {iss}", ours(claims(iss=iss)), "issuer")
    for aud in ("other", "API", "api ", "api/", "apis", "ap", ["other", "third"], "api,other", "*", " api"):
        v.bad(f"aud {json.dumps(aud)}", ours(claims(aud=aud)), "audience")
    for aud in (["api"], ["api", "other"], ["other", "api"]):
        v.good(f"aud {json.dumps(aud)}", ours(claims(aud=aud)), claims(aud=aud))
    two = {"audience": ["billing", "api"]}
    v.good("one of several expected audiences", ours(GOOD), GOOD, expected=two)
    v.bad("none of several expected audiences", ours(claims(aud=["a", "b"])), "audience", expected=two)
    v.bad("another issuer is expected", ours(GOOD), "issuer", expected={"issuer": "https://other.example"})
    v.bad("the issuer before the audience", ours(claims(iss="https://evil.example", aud="x")), "issuer")
    v.bad("the audience before the times", ours(claims(aud="x", exp=1, iat=0)), "audience")
    return v
