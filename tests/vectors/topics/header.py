"""Headers that choose another key, another algorithm, another type or other rules."""

import hmac
import json

from signers import ALL, ED, ES, STRANGER, b64, unb64, written
from topics.base import GOOD, Vectors, headed


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
