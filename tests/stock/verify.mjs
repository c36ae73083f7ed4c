// Verifies access tokens with jose, as its manual shows it: what a Node.js service beside Signet would do.
//
// Usage: node verify.mjs JWKS_URL ISSUER AUDIENCE, tokens on standard input, one a line.
// Prints one line a token, in order: `ok SUB` or `error REASON`. The exit code speaks of the program, not of the tokens.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// Node.js 18, which Debian 12 has, keeps WebCrypto out of the global scope.
globalThis.crypto ??= webcrypto;
const { createRemoteJWKSet, jwtVerify } = await import("jose");

const [jwksUrl, issuer, audience, ...rest] = process.argv.slice(2);
if (audience === undefined || rest.length > 0) {
  console.error("usage: node verify.mjs JWKS_URL ISSUER AUDIENCE < tokens");
  process.exit(2);
}

const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 5_000 });
const expected = {
  issuer,
  audience,
  typ: "at+jwt",
  algorithms: ["ES256", "EdDSA", "RS256", "PS256"],
  requiredClaims: ["sub", "exp", "iat", "jti", "client_id"],
};

for await (const line of createInterface({ input: process.stdin })) {
  const token = line.trim();
  if (token === "") continue;
  try {
    const { payload } = await jwtVerify(token, keys, expected);
    console.log(`ok ${payload.sub}`);
  } catch (error) {
    console.log(`error ${error.code ?? error.name} ${String(error.message).replace(/\s+/g, " ")}`);
  }
}
