"""Length, dots and base64url."""

import json

from signers import ES, b64, written
from topics.base import GOOD, Vectors, ours

LIMIT = 8192


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
