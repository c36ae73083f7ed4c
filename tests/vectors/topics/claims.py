"""Of each claim, values that it cannot have."""

import json

from signers import written
from topics.base import GONE, JTI, SECOND, SID, Vectors, claims, ours


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
