"""Makes the vectors beside it. Running it again changes nothing: keys, times and signatures are fixed.

Usage: .tools/venv/bin/python tests/vectors/make.py [--check]

With --check nothing is written, and the exit code says whether the files are what would be written.
"""

import json
import pathlib
import sys

import signers
from topics import base, claims, denylist, header, keys, parties, payload, signature, structure, times

HERE = pathlib.Path(__file__).parent
FILES = {
    "structure": structure.structure,
    "header": header.header,
    "keys": keys.keys,
    "signature": signature.signature,
    "payload": payload.payload,
    "claims": claims.ill_typed,
    "parties": parties.parties,
    "times": times.times,
    "denylist": denylist.denylist,
}


def document(vectors):
    """One vector a line, so that a difference shows which one it is."""
    lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
    return f'{{"defaults": {json.dumps(base.DEFAULTS, ensure_ascii=True)},\n"vectors": [\n{lines}\n]}}\n'


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
