"""Makes the vectors beside it. Running it again changes nothing: keys, times and signatures are fixed.

Usage: .tools/venv/bin/python tests/vectors/make.py [--check]

With --check nothing is written, and the exit code says whether the files are what would be written.
"""

import hmac
import json
import pathlib
import sys

import signers
from signers import ALL, ED, ES, JWKS, PS, RS, STRANGER, b64, unb64, written

HERE = pathlib.Path(__file__).parent
SECOND = 1_800_000_000
NOW = SECOND * 1000
ISSUER = "https://auth.example"
LIMIT = 8192
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


def structure():
    v = Vectors()
    token = ours(GOOD)
    header, payload, signature = token.split(".")
    v.good("an ordinary token", token, GOOD)
    segments(v, token, header, payload, signature)
    lengths(v, token)
    spellings(v, header, payload, signature)
    for name, text in (
        ("Bearer and a blank before the token", f"Bearer {token}"),
        ("a blank before the token", f" {token}"),
        ("a newline after the token", f"{token}\n"),
        ("a letter beyond ASCII", f"{header}.{payload}é.{signature}"),
        ("a full-width letter in place of its sibling", token.replace("A", "Ａ", 1)),
    ):
        v.bad(name, text, "base64")
    return v


def segments(v, token, header, payload, signature):
    for name, text in (
        ("the empty token", ""),
        ("one segment", header),
        ("two segments", f"{header}.{payload}"),
        ("four segments", f"{token}.{signature}"),
        ("five segments, as of a JWE", f"{token}.{signature}.{signature}"),
        ("a dot at the end", f"{token}."),
        ("a dot in front", f".{token}"),
        ("three dots", "..."),
        ("the JSON serialization", json.dumps({"payload": payload, "signatures": []})),
    ):
        v.bad(name, text, "segments")
    v.bad("three empty segments", "..", "header_malformed")
    v.bad("an empty header", f".{payload}.{signature}", "header_malformed")
    v.bad("an empty payload", f"{header}..{signature}", "signature")
    v.bad("an empty signature", f"{header}.{payload}.", "signature")


def lengths(v, token):
    v.bad("one byte too long", "a" * (LIMIT + 1), "too_long")
    v.bad("as long as it may be, and no token", "a" * LIMIT, "segments")
    v.bad("a good token and too much behind it", token + "A" * LIMIT, "too_long")
    v.bad("too long in bytes, not in letters", "é" * (LIMIT // 2 + 1), "too_long")
    room = LIMIT - len(ours({**GOOD, "x": ""}))
    filled = {**GOOD, "x": "y" * (room * 3 // 4)}
    while len(ours(filled)) < LIMIT:
        filled["x"] += "y"
    largest = ours(filled)
    while len(largest) > LIMIT:
        filled["x"] = filled["x"][:-1]
        largest = ours(filled)
    v.good("as long as it may be", largest, filled)


def spellings(v, header, payload, signature):
    for name, extra in (
        ("padding", "="),
        ("double padding", "=="),
        ("a blank", " "),
        ("a newline", "\n"),
        ("the plus of plain base64", "+"),
        ("the slash of plain base64", "/"),
        ("a percent escape", "%20"),
        ("a NUL", "\0"),
    ):
        v.bad(f"{name} after the header", f"{header}{extra}.{payload}.{signature}", "base64")
        v.bad(f"{name} after the payload", f"{header}.{payload}{extra}.{signature}", "base64")
        v.bad(f"{name} after the signature", f"{header}.{payload}.{signature}{extra}", "base64")
    v.bad("a blank within the signature", f"{header}.{payload}.{signature[:9]} {signature[9:]}", "base64")
    for place, name in enumerate(("header", "payload", "signature")):
        open_ended = ES.token(unpadded(ES.header()), unpadded(GOOD)).split(".")
        last = open_ended[place]
        open_ended[place] = last[:-1] + chr(ord(last[-1]) + 1)
        v.bad(f"trailing bits of the {name} that are not zero", ".".join(open_ended), "base64")
        short = [header, payload, signature]
        short[place] = short[place][: len(short[place]) // 4 * 4 + 1 - (4 if len(short[place]) % 4 < 1 else 0)]
        v.bad(f"a length of the {name} that base64 does not have", ".".join(short), "base64")
    v.bad("base64 before JSON: a broken signature behind a broken header", f"{b64('{')}.{payload}.=", "base64")


def unpadded(value):
    """JSON of a length whose base64 leaves bits over; white space is allowed."""
    text = written(value)
    return text + " " if len(text) % 3 == 0 else text


def header():
    v = Vectors()
    types(v)
    algorithms(v)
    key_ids(v)
    references(v)
    header_forms(v)
    return v


def types(v):
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"):
        v.good(f"typ {typ}", headed(ES.header(typ=typ)), GOOD)
    for typ in (
        "JWT", "", "rt+jwt", "at+jwt2", "at+jw", "logout+jwt", "id+jwt", "at+jwt ", " at+jwt", "application/",
        "application/jwt", "application/application/at+jwt", "text/at+jwt", "at+jwt; charset=utf-8", "at+\u0131wt",
    ):
        v.bad(f"typ {json.dumps(typ)}", headed(ES.header(typ=typ)), "type")
    v.bad("typ missing", headed({"alg": "ES256", "kid": ES.kid}), "type")
    for typ in (None, 1, ["at+jwt"]):
        v.bad(f"typ of the JSON {json.dumps(typ)}", headed(ES.header(typ=typ)), "header_malformed")


def algorithms(v):
    for signer in ALL:
        v.good(f"alg {signer.alg}", headed(signer.header(), signer), GOOD)
    for alg in (
        "none", "None", "nOnE", "", "HS256", "HS512", "ES384", "ES512", "ES256K", "RS384", "RS1", "PS512", "Ed25519",
        "eddsa", "es256", "ES256 ", "ES256\0", "dir", "constructor", "__proto__",
    ):
        v.bad(f"alg {json.dumps(alg)}", headed(ES.header(alg=alg)), "algorithm")
    unsigned = headed(ES.header(alg="none")).rsplit(".", 1)[0] + "."
    v.bad("alg none, unsigned", unsigned, "algorithm")
    for secret in (ED, ES):
        mixed = {"alg": "HS256", "kid": secret.kid, "typ": "at+jwt"}
        signing_input = f"{b64(written(mixed))}.{b64(written(GOOD))}"
        tag = hmac.digest(unb64(secret.jwk["x"]), signing_input.encode(), "sha256")
        v.bad(f"HS256 with the {secret.alg} public key as secret", f"{signing_input}.{b64(tag)}", "algorithm")
    v.bad("alg missing", headed({"kid": ES.kid, "typ": "at+jwt"}), "algorithm")
    for alg in (None, 1, ["ES256"], {"ES256": 1}, True):
        v.bad(f"alg of the JSON {json.dumps(alg)}", headed(ES.header(alg=alg)), "header_malformed")
    v.bad("the type before the algorithm", headed(ES.header(typ="JWT", alg="none")), "type")


def key_ids(v):
    v.bad("kid missing", headed({"alg": "ES256", "typ": "at+jwt"}), "key_id_missing")
    v.bad("the algorithm before the kid", headed({"alg": "none", "typ": "at+jwt"}), "algorithm")
    for kid in ("", "../../../dev/null", "*", "0", "null", "__proto__", "constructor", "toString"):
        v.bad(f"kid {json.dumps(kid)}", headed(ES.header(kid=kid)), "key_unknown")
    for name, kid in (
        ("and a blank", ES.kid + " "),
        ("and padding", ES.kid + "="),
        ("cut short", ES.kid[:42]),
        ("in capitals", ES.kid.upper()),
        ("of 4,000 letters", "k" * 4000),
    ):
        v.bad(f"kid {name}", headed(ES.header(kid=kid)), "key_unknown")
    v.bad("a stranger's key", headed(STRANGER.header(), STRANGER), "key_unknown")
    for kid in (None, 0, 1.5, [ES.kid], False):
        name = json.dumps(kid).replace(ES.kid, "our kid")
        v.bad(f"kid of the JSON {name}", headed(ES.header(kid=kid)), "header_malformed")


def references(v):
    for member, value in (
        ("jwk", STRANGER.jwk),
        ("jku", "https://evil.example/jwks.json"),
        ("x5u", "https://evil.example/cert.pem"),
        ("x5c", ["MIIB"]),
        ("x5t", "AAAA"),
        ("x5t#S256", "AAAA"),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("crit", ["exp"]),
        ("crit", []),
        ("crit", None),
        ("b64", False),
        ("b64", True),
    ):
        name = json.dumps(value)[:14]
        token = headed(ES.header(**{member: value}), STRANGER if member == "jwk" else ES)
        v.bad(f"{member} {name}", token, "header_forbidden", member)
    both = headed(ES.header(crit=["exp"], jwk=STRANGER.jwk))
    v.bad("of two forbidden members the first in the list", both, "header_forbidden", "jwk")
    v.bad("a forbidden member before the type", headed(ES.header(typ="JWT", jku="x")), "header_forbidden", "jku")
    for member in ("cty", "nonce", "x", "__proto__"):
        v.good(f"{member}, which says nothing to us", headed(ES.header(**{member: {"a": [1, None]}})), GOOD)


def header_forms(v):
    good = written(ES.header())

    def first(members):
        return "{" + members + "," + good[1:]

    for name, text in (
        ("alg twice", first('"alg":"ES256"')),
        ("alg twice, once none", first('"alg":"none"')),
        ("alg twice, once escaped", first('"\\u0061lg":"none"')),
        ("kid twice", first('"kid":"other"')),
        ("typ twice", first('"typ":"at+jwt"')),
        ("a forbidden member twice", first('"jku":1,"jku":1')),
        ("an unknown member twice", first('"x":1,"x":1')),
        ("__proto__ twice", first('"__proto__":1,"__proto__":1')),
        ("a duplicate below", first('"x":{"a":1,"a":2}')),
        ("a duplicate in a list below", first('"x":[[{"a":1,"a":2}]]')),
    ):
        v.bad(f"header: {name}", headed(text), "header_duplicate")
    for name, text in (
        ("no JSON", "alg=ES256"),
        ("an array", f"[{good}]"),
        ("a string", '"ES256"'),
        ("null", "null"),
        ("two of them", good + good),
        ("cut short", good[:-1]),
        ("a byte order mark", "\ufeff" + good),
        ("a comment", "/**/" + good),
        ("single quotes", good.replace('"', "'")),
        ("a trailing comma", good[:-1] + ",}"),
        ("half a surrogate", first('"x":"\\ud800"')),
        ("a number out of range", first('"x":1e999')),
        ("nested beyond measure", first('"x":' + "[" * 1000 + "]" * 1000)),
        ("open brackets", "[" * 3000),
        ("bytes that are not UTF-8", b'{"\xff":1}'),
        ("white space that is not JSON's", good[:-1] + "\u00a0}"),
    ):
        v.bad(f"header: {name}", headed(text), "header_malformed")
    v.good("header: JSON's own white space", headed(good.replace(",", " \t\r\n,") + "\n"), GOOD)
    v.good("header: escaped names", headed(good.replace('"alg"', '"\\u0061l\\u0067"')), GOOD)


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


def signature():
    v = Vectors()
    for signer in ALL:
        token = headed(signer.header(), signer)
        start, raw = token.rsplit(".", 1)[0], unb64(token.rsplit(".", 1)[1])
        for name, other in (
            ("of zeros", bytes(len(raw))),
            ("with its first bit flipped", bytes([raw[0] ^ 0x80]) + raw[1:]),
            ("with its last bit flipped", raw[:-1] + bytes([raw[-1] ^ 1])),
            ("cut short", raw[:-1]),
            ("with a byte behind it", raw + b"\0"),
            ("with a byte before it", b"\0" + raw),
            ("without its first byte", raw[1:]),
        ):
            v.bad(f"{signer.alg}: a signature {name}", f"{start}.{b64(other)}", "signature")
        changed = signer.token(signer.header(), claims(sub="user-2"))
        borrowed = f"{changed.rsplit('.', 1)[0]}.{b64(raw)}"
        v.bad(f"{signer.alg}: the signature of another token", borrowed, "signature")
    ecdsa(v)
    v.bad("a stranger's signature under our kid", headed(ES.header(), STRANGER), "signature")
    v.bad("RS256: signed with PSS", swapped(RS, signers.pss), "signature")
    v.bad("PS256: signed with PKCS #1 v1.5", swapped(PS, signers.pkcs1_v1_5), "signature")
    v.bad("the signature before the claims", ES.token(ES.header(), "{")[:-8] + "AAAAAAAA", "signature")
    return v


def ecdsa(v):
    start, signature_text = ours(GOOD).rsplit(".", 1)
    raw = unb64(signature_text)
    r, s = raw[:32], raw[32:]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    flipped = (order - int.from_bytes(s, "big")).to_bytes(32, "big")
    for name, other in (
        ("r zero", bytes(32) + s),
        ("s zero", r + bytes(32)),
        ("r and s the order of the group", order.to_bytes(32, "big") * 2),
        ("all bits set", b"\xff" * 64),
        ("r and s exchanged", s + r),
        ("in DER", der(r, s)),
        ("twice", raw * 2),
    ):
        v.bad(f"ES256: {name}", f"{start}.{b64(other)}", "signature")
    v.good("ES256: the other signature of the same message", f"{start}.{b64(r + flipped)}", GOOD)


def der(r, s):
    def integer(number):
        number = b"\0" + number if number[0] >= 0x80 else number
        return bytes([2, len(number)]) + number

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def swapped(signer, encode):
    """A token that the same key signed in the other way."""
    n, _, d = signers.load_rsa("rsa-2048.pkcs1.der" if signer is RS else "rsa-2048-other.pkcs1.der")
    signing_input = signer.token(signer.header(), GOOD).rsplit(".", 1)[0]
    block = int.from_bytes(encode(signing_input.encode(), n.bit_length()), "big")
    return f"{signing_input}.{b64(pow(block, d, n).to_bytes(256, 'big'))}"


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


def nested(depth, inside="null"):
    return "[" * depth + inside + "]" * depth


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


def ill_typed():
    v = Vectors()
    v4 = "01900000-0000-4000-8000-000000000000"
    for claim, values in (
        ("iss", (1, None, "", ["https://auth.example"], {}, True, "https://a b", "https://é", "x" * 513)),
        ("sub", (1, None, "", "x" * 256, "é" * 128, "a\nb", "a\0", "\x7f", "\u0085", ["user-1"], {})),
        ("aud", (1, None, "", [], [1], ["api", "api"], [["api"]], ["api", ""], {"api": 1}, "a\n", "x" * 256,
                 ["api", None], ["api"] + [f"a{n}" for n in range(32)])),
        ("jti", (1, None, "", "x", v4, JTI.upper(), JTI.replace("-", ""), "{" + JTI + "}", "urn:uuid:" + JTI, JTI + " ",
                 JTI[:-1], JTI[:19] + "c" + JTI[20:], JTI[:19] + "0" + JTI[20:], JTI[:-1] + "g", JTI.replace("-7", "-8", 1),
                 JTI[:9] + "_" + JTI[10:], JTI[:8] + JTI[9:] + "0", [JTI])),
        ("sid", (1, None, "", "x", v4, "0190ABCD-0000-7000-8000-000000000000", SID.replace("-", ""), [SID])),
        ("client_id", (1, None, "", "a b", "a:b", "a/b", "é", "x" * 129, ["web"])),
        ("scope", (1, None, "", "a  b", " a", "a ", "a a", 'a"b', "a\\b", "é", "a\tb", "x" * 1025, ["read"])),
        ("amr", ("pwd", None, 1, [1], [None], ["pwd", ["otp"]], {})),
        ("acr", (1, None, ["1"], {})),
        ("cnf", ("k", None, 1, ["k"], True)),
        ("nbf", (SECOND, 0, None, "x", {})),
    ):
        for value in values:
            text = json.dumps(value, ensure_ascii=True)
            shown = text if len(text) < 48 else f"{text[:16]}… ({len(text)} characters)"
            v.bad(f"{claim} {shown}", ours(claims(**{claim: value})), "claim_invalid", claim)
    for claim in ("exp", "iat", "auth_time"):
        for text in (
            "-1", "-0", "-0.0", f"{SECOND}.5", f"{SECOND}.0", "1.8e9", "18E8", "253402300800", "9007199254740993",
            "18446744073709551615", "18446744073709551616", "1e300", f'"{SECOND}"', "null", f"[{SECOND}]", "true", "{}",
        ):
            payload_text = written(claims(**{claim: GONE}))[:-1] + f',"{claim}":{text}}}'
            v.bad(f"{claim} {text}", ours(payload_text), "claim_invalid", claim)
    return v


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


FILES = {
    "structure": structure,
    "header": header,
    "keys": keys,
    "signature": signature,
    "payload": payload,
    "claims": ill_typed,
    "parties": parties,
    "times": times,
    "denylist": denylist,
}


def document(vectors):
    """One vector a line, so that a difference shows which one it is."""
    lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
    return f'{{"defaults": {json.dumps(DEFAULTS, ensure_ascii=True)},\n"vectors": [\n{lines}\n]}}\n'


def main():
    signers.check_against_the_library()
    names, differing = set(), []
    for file, make in FILES.items():
        vectors = make().vectors
        for vector in vectors:
            assert (file, vector["name"]) not in names, f"two vectors of {file} are named {vector['name']}"
            names.add((file, vector["name"]))
        path, text = HERE / f"{file}.json", document(vectors)
        if "--check" in sys.argv:
            differing += [] if path.exists() and path.read_text() == text else [path.name]
        else:
            path.write_text(text)
    print(f"{len(names)} vectors" + (f"; not as they would be made: {', '.join(differing)}" if differing else ""))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
