#!/usr/bin/env bash
# Starts the service on a free port, on a directory of its own and with one client that may do everything, and lets
# schemathesis hold its answers against openapi.yaml. Expected statuses: schemathesis.toml.
#
# Usage: tests/schemathesis.sh [ARGUMENT of `schemathesis run`…]; SIGNET names another program than target/debug/signet.
set -euo pipefail
cd "$(dirname "$0")/.."

signet=${SIGNET:-target/debug/signet}
bin=.tools/venv/bin
dir=$(mktemp -d)
service=

# shellcheck disable=SC2329 # the trap calls it
finish() {
    if [ -n "$service" ]; then
        kill "$service" 2>/dev/null || true
        wait "$service" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap finish EXIT

port=$("$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
SIGNET_CI_SECRET=$("$bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))')
export SIGNET_CI_SECRET
digest=$(printf %s "$SIGNET_CI_SECRET" | sha256sum | cut -d ' ' -f 1)

cat >"$dir/signet.toml" <<END
[server]
listen = "127.0.0.1:$port"
public_url = "$url"
# schemathesis_hooks.py is a proxy that gives each request an address of its own.
trusted_proxies = ["127.0.0.1"]

[tokens]
audiences = ["api"]
revocable_claims = ["tenant"]

[keys]
directory = "$dir/keys"

[store]
url = "redb:$dir/data/signet.redb"
journal = "$dir/data/journal.redb"

[[clients]]
id = "ci"
secret_sha256 = "$digest"
audiences = ["api"]
scopes = ["read", "write"]
permissions = [
    "sessions:issue", "sessions:revoke", "revocations:write", "revocations:read", "keys:manage", "tokens:introspect",
]
END

"$signet" serve --config "$dir/signet.toml" >"$dir/log" 2>&1 &
service=$!

if ! "$bin/python" - "$url/readyz" "$service" <<'END'
import os, sys, time, urllib.request

url, service = sys.argv[1], int(sys.argv[2])
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        urllib.request.urlopen(url, timeout=2).close()
        sys.exit(0)
    except OSError:
        os.kill(service, 0)  # fails, and ends this, if the service has ended
        time.sleep(0.05)
sys.exit("the service did not become ready within 30 s")
END
then
    cat "$dir/log" >&2
    exit 1
fi

status=0
"$bin/schemathesis" --config-file schemathesis.toml run openapi.yaml --url "$url" --checks all "$@" || status=$?

# P8: whatever was sent, the service lives, is ready, and has not panicked.
"$bin/python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$url/readyz"
if grep -n 'panicked at' "$dir/log" >&2; then
    echo 'the service panicked' >&2
    status=1
fi
[ "$status" -eq 0 ] || tail -n 50 "$dir/log" >&2
exit "$status"
