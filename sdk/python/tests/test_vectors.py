"""The vectors that the Rust, TypeScript and Python verifiers share: tests/vectors/*.json at the repository's root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signet_verifier import VerifyError
from signet_verifier._check import Expected, check_claims, check_denylist, check_token
from signet_verifier._claims import Claims
from signet_verifier._denylist import Denylist
from signet_verifier._feed import read_entry
from signet_verifier._keys import read_jwks
from signet_verifier.errors import CODES

VECTORS = Path(__file__).parents[3] / "tests" / "vectors"


def load() -> list[Any]:
    cases = []
    for path in sorted(VECTORS.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        vectors = document if isinstance(document, list) else document["vectors"]
        defaults = {} if isinstance(document, list) else document.get("defaults", {})
        cases += [pytest.param(defaults | vector, id=f"{path.stem}: {vector['name']}") for vector in vectors]
    return cases


CASES = load()


def verify(vector: dict[str, Any]) -> Claims:
    expected = vector["expected"]
    denylist = Denylist()
    denylist.apply(map(read_entry, vector["denylist"]))
    denylist.sweep(vector["now"])
    keys = read_jwks(json.dumps(vector["jwks"]).encode())
    checked = check_token(vector["token"], keys, tuple(vector["revocable_claims"]))
    audience = expected["audience"]
    wanted = Expected(
        issuer=expected["issuer"],
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        leeway_ms=expected["leeway_ms"],
        longest_access_ttl_ms=expected.get("longest_access_ttl_ms"),
    )
    check_claims(checked.claims, wanted, vector["now"])
    check_denylist(checked.scopes, denylist)
    return checked.claims


def canonical(claims: dict[str, Any]) -> str:
    audience = claims["aud"]
    return json.dumps(claims | {"aud": [audience] if isinstance(audience, str) else audience}, sort_keys=True)


@pytest.mark.parametrize("vector", CASES)
def test_a_shared_vector_has_the_shared_verdict(vector: dict[str, Any]) -> None:
    result = vector["result"]
    if "claims" in result:
        # As text: Python takes 1, 1.0 and True for equal; JSON does not.
        assert canonical(verify(vector).to_dict()) == canonical(result["claims"])
        return
    with pytest.raises(VerifyError) as refused:
        verify(vector)
    assert refused.value.code == result["error"]
    assert refused.value.member == result.get("member")


def test_there_are_vectors_of_every_error_and_of_success() -> None:
    verdicts = {param.values[0]["result"].get("error", "valid") for param in CASES}
    assert len(CASES) >= 600
    assert verdicts >= {"valid", *CODES}
