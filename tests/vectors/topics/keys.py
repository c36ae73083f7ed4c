"""Keys for other algorithms, and key sets with keys that must not be used."""

import signers
from signers import ALL, ES, RS, STRANGER, b64, unb64
from topics.base import GOOD, Vectors, headed


def keys():
    v = Vectors()
    for signer in ALL:
        for named in ALL:
            if named is not signer:
                token = headed(signer.header(kid=named.kid), signer)
                v.bad(f"alg {signer.alg} and the kid of a key for {named.alg}", token, "key_algorithm")
    v.bad("no keys", headed(ES.header()), "key_unknown", jwks={"keys": []})
    skipped(v)
    for name, odd in (
        ("of an unknown type", {"kty": "XYZ", "kid": "odd", "use": "sig", "alg": "ES256"}),
        ("of an unknown algorithm", {**STRANGER.jwk, "alg": "ES999"}),
        ("that is a secret", {"kty": "oct", "k": "AAAA", "kid": "odd", "alg": "HS256", "use": "sig"}),
        ("that is a number", 1),
        ("that is null", None),
        ("that is empty", {}),
    ):
        v.good(f"a key {name} beside ours", headed(ES.header()), GOOD, jwks={"keys": [odd, ES.jwk]})
    twice = {"keys": [ES.jwk, {**STRANGER.jwk, "kid": ES.kid}]}
    v.good("of two keys with one kid the first: ours", headed(ES.header()), GOOD, jwks=twice)
    v.bad("of two keys with one kid the first: a stranger's", headed(ES.header(), STRANGER), "signature", jwks=twice)
    members = {**ES.jwk, "x5t": "AAAA", "key_ops": ["verify"], "iat": 1}
    v.good("a key with more members than we need", headed(ES.header()), GOOD, jwks={"keys": [members]})
    bare = {name: value for name, value in ES.jwk.items() if name != "use"}
    v.good("a key that does not say its use", headed(ES.header()), GOOD, jwks={"keys": [bare]})
    v.good("a set with more members than we need", headed(ES.header()), GOOD, jwks={"keys": [ES.jwk], "x": 1})
    return v


def skipped(v):
    """Keys that must not be used, although the signature is theirs."""
    without_alg = {name: value for name, value in ES.jwk.items() if name != "alg"}
    without_kid = {name: value for name, value in ES.jwk.items() if name != "kid"}
    small = signers.rsa_signer("RS256", signers.small_rsa())
    one = signers.rsa_signer("RS256", signers.exponent_one())
    curve = signers.es384(0x6576696C)
    padded = {**RS.jwk, "n": b64(b"\0" + unb64(RS.jwk["n"]))}
    for name, signer, jwk in (
        ("for encryption", ES, {**ES.jwk, "use": "enc"}),
        ("without an algorithm", ES, without_alg),
        ("without a kid", ES, without_kid),
        ("with a kid of odd characters", ES, {**ES.jwk, "kid": "a/b"}),
        ("for another algorithm than ours", ES, {**ES.jwk, "alg": "ES384"}),
        ("of another type than its algorithm's", ES, {**ES.jwk, "alg": "RS256"}),
        ("of another curve than its algorithm's", curve, curve.jwk),
        ("with a coordinate cut short", ES, {**ES.jwk, "x": b64(unb64(ES.jwk["x"])[1:])}),
        ("of RSA with 1,024 bits", small, small.jwk),
        ("of RSA with exponent one", one, one.jwk),
        ("of RSA with an even exponent", RS, {**RS.jwk, "e": b64(b"\x01\x00\x00")}),
        ("of RSA with a leading zero", RS, padded),
    ):
        kid = jwk.get("kid", ES.kid) if isinstance(jwk, dict) else ES.kid
        v.bad(f"a key {name}", headed(signer.header(kid=kid), signer), "key_unknown", jwks={"keys": [jwk]})
