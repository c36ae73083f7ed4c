"""Signatures that do not fit."""

import signers
from signers import ALL, ES, PS, RS, STRANGER, b64, unb64
from topics.base import GOOD, Vectors, claims, headed, ours


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
