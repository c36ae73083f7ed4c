"""The keys of the vectors and what they sign. Test keys: everybody knows them.

Every signature is deterministic, so that making the vectors again changes nothing: Ed25519 is so by itself, ECDSA by
RFC 6979, PSS by a salt that is a hash of the message.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

FIXTURES = pathlib.Path(__file__).parents[2] / "crates" / "verifier" / "tests" / "fixtures"


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Signer:
    """A private key, the algorithm that it is used with, and its JWK."""

    def __init__(self, alg, parameters, sign):
        self.alg = alg
        self.sign = sign
        # RFC 7638: the required members in lexical order.
        required = {name: parameters[name] for name in sorted(parameters)}
        thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
        self.kid = b64(thumbprint)
        self.jwk = {**parameters, "kid": self.kid, "use": "sig", "alg": alg}

    def header(self, **members):
        return {"alg": self.alg, "kid": self.kid, "typ": "at+jwt", **members}

    def token(self, header, payload):
        """A token of exactly this header and payload: text, bytes, or something to write as JSON."""
        signing_input = f"{b64(written(header))}.{b64(written(payload))}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"


def written(part):
    """JSON without white space, unless it is written already."""
    return part if isinstance(part, (str, bytes)) else json.dumps(part, separators=(",", ":"), ensure_ascii=False)


def es256(secret):
    key = ec.derive_private_key(secret, ec.SECP256R1())
    point = key.public_key().public_numbers()

    def sign(message):
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    coordinates = {name: b64(value.to_bytes(32, "big")) for name, value in (("x", point.x), ("y", point.y))}
    return Signer("ES256", {"kty": "EC", "crv": "P-256", **coordinates}, sign)


def es384(secret):
    """Of another curve, under the name of ours: such a key must not be taken."""
    key = ec.derive_private_key(secret, ec.SECP384R1())
    point = key.public_key().public_numbers()

    def sign(message):
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")

    coordinates = {name: b64(value.to_bytes(48, "big")) for name, value in (("x", point.x), ("y", point.y))}
    return Signer("ES256", {"kty": "EC", "crv": "P-384", **coordinates}, sign)


def eddsa(seed):
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return Signer("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": b64(public)}, key.sign)


def load_rsa(name):
    numbers = serialization.load_der_private_key((FIXTURES / name).read_bytes(), None).private_numbers()
    return numbers.public_numbers.n, numbers.public_numbers.e, numbers.d


def small_rsa():
    """1,024 bits: too few."""
    p = int(
        "f4edf67b3e0287287c76de39b990dc991d3518f7c576904b3dc8ae2689b60055"
        "1658119e8bfc27874e6f8101307840fd571536cca3382c804886f3850f9434ad",
        16,
    )
    q = int(
        "d6f8f41547573b1e74c3420db0917cd498005e1179657cae29f648290c9bd4c7"
        "47e365ed84a95d30e3f975b39c46d756bb2198c19cca4b29c26b19a98cdc6c97",
        16,
    )
    return p * q, 65537, pow(65537, -1, (p - 1) * (q - 1))


def exponent_one():
    """Every message is its own signature."""
    n, _, _ = load_rsa("rsa-2048.pkcs1.der")
    return n, 1, 1


def rsa_signer(alg, key):
    n, e, d = key
    size = (n.bit_length() + 7) // 8
    encode = {"RS256": pkcs1_v1_5, "PS256": pss}[alg]

    def sign(message):
        return pow(int.from_bytes(encode(message, n.bit_length()), "big"), d, n).to_bytes(size, "big")

    return Signer(alg, {"kty": "RSA", "n": number(n), "e": number(e)}, sign)


def pkcs1_v1_5(message, modulus_bits):
    """RFC 8017 §9.2."""
    size = (modulus_bits + 7) // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def pss(message, modulus_bits):
    """RFC 8017 §9.1.1 with a salt of 32 bytes (RFC 7518 §3.5)."""
    bits = modulus_bits - 1
    size = (bits + 7) // 8
    digest = hashlib.sha256(message).digest()
    salt = hashlib.sha256(b"salt" + message).digest()
    fingerprint = hashlib.sha256(bytes(8) + digest + salt).digest()
    block = bytes(size - len(salt) - len(fingerprint) - 2) + b"\x01" + salt
    mask = b"".join(
        hashlib.sha256(fingerprint + counter.to_bytes(4, "big")).digest() for counter in range(-(-len(block) // 32))
    )
    masked = bytearray(a ^ b for a, b in zip(block, mask))
    masked[0] &= 0xFF >> (8 * size - bits)
    return bytes(masked) + fingerprint + b"\xbc"


def check_against_the_library():
    """Our two RSA encodings, against those of somebody else."""
    n, e, d = load_rsa("rsa-2048.pkcs1.der")
    public = rsa.RSAPublicNumbers(e, n).public_key()
    for alg, scheme in (
        ("RS256", padding.PKCS1v15()),
        ("PS256", padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    ):
        public.verify(rsa_signer(alg, (n, e, d)).sign(b"message"), b"message", scheme, hashes.SHA256())


ES = es256(0x5369676E6574)
ED = eddsa(bytes([7] * 32))
RS = rsa_signer("RS256", load_rsa("rsa-2048.pkcs1.der"))
PS = rsa_signer("PS256", load_rsa("rsa-2048-other.pkcs1.der"))
ALL = (ES, ED, RS, PS)
STRANGER = es256(0x6576696C)
JWKS = {"keys": [signer.jwk for signer in ALL]}
