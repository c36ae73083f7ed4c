"""Verifies access tokens with PyJWT, as its manual shows it: what a Python service beside Signet would do.

Usage: verify.py JWKS_URL ISSUER AUDIENCE, tokens on standard input, one a line.
Prints one line a token, in order: `ok SUB` or `error REASON`. The exit code speaks of the program, not of the tokens.
"""

import sys

import jwt

ALGORITHMS = ["ES256", "EdDSA", "RS256", "PS256"]


def verify(token, keys, issuer, audience):
    header = jwt.get_unverified_header(token)
    # PyJWT leaves `typ` to its caller (RFC 9068 §4).
    if header.get("typ", "").lower() not in ("at+jwt", "application/at+jwt"):
        raise jwt.InvalidTokenError("typ is not at+jwt")
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        issuer=issuer,
        audience=audience,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]},
    )
    return claims["sub"]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    _, jwks_url, issuer, audience = sys.argv
    keys = jwt.PyJWKClient(jwks_url, timeout=5)
    for line in sys.stdin:
        token = line.strip()
        if not token:
            continue
        try:
            verdict = f"ok {verify(token, keys, issuer, audience)}"
        except Exception as error:  # whatever it is, it is this token's line
            reason = " ".join(str(error).split())
            verdict = f"error {type(error).__name__} {reason}"
        print(verdict, flush=True)


main()
