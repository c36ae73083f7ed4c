// The vectors that all verifiers share: tests/vectors/*.json, whose README says what they mean.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Core } from '../dist/core.js';
import { Denylist } from '../dist/denylist.js';
import { readEntry } from '../dist/feed.js';
import { readKeySet } from '../dist/jwk.js';

const DIRECTORY = new URL('../../../tests/vectors/', import.meta.url);
const REASONS = 22;

function corpus() {
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.json'));
  return files.flatMap((file) => {
    const content = JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8'));
    const { defaults, vectors } = Array.isArray(content) ? { vectors: content } : content;
    return vectors.map((vector) => ({ ...defaults, ...vector, file }));
  });
}

async function verdict(vector, capacity) {
  const keys = await readKeySet(new TextEncoder().encode(JSON.stringify(vector.jwks)));
  const denylist = new Denylist();
  for (const entry of vector.denylist) denylist.apply(readEntry(entry));
  denylist.sweep(vector.now);
  const core = new Core({ version: 0, find: (kid) => keys.get(kid) }, denylist, capacity);
  const { issuer, audience, leeway_ms, longest_access_ttl_ms } = vector.expected;
  const expected = {
    issuer,
    audience,
    leewayMs: leeway_ms,
    longestAccessTtlMs: longest_access_ttl_ms,
    revocableClaims: vector.revocable_claims,
  };
  const first = await outcome(core, vector, expected);
  // What is remembered is judged as what is new.
  const second = await outcome(core, vector, expected);
  assert.deepEqual(second, first);
  return first;
}

async function outcome(core, vector, expected) {
  try {
    return { claims: (await core.verifyAt(vector.token, expected, vector.now)).claims };
  } catch (error) {
    return { error: error.code, ...(error.member === undefined ? {} : { member: error.member }) };
  }
}

/** One spelling: members sorted, `aud` as an array. Written out by hand, because of names like `__proto__`. */
function spelled(value, name) {
  if (name === 'aud' && typeof value === 'string') return spelled([value], name);
  if (Array.isArray(value)) return `[${value.map((entry) => spelled(entry)).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([member, entry]) => `${JSON.stringify(member)}:${spelled(entry, member)}`).join()}}`;
}

test('every vector has the result that it states', async () => {
  const wrong = [];
  for (const vector of corpus()) {
    for (const capacity of [0, 10]) {
      const found = spelled(await verdict(vector, capacity));
      const stated = spelled(vector.result);
      if (found !== stated) wrong.push(`${vector.file}, ${vector.name}: ${found}, stated: ${stated}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the corpus is large and knows every reason', () => {
  const vectors = corpus();
  assert.ok(vectors.length >= 600, `${vectors.length}`);
  assert.equal(new Set(vectors.map(({ result }) => result.error ?? 'accepted')).size, REASONS + 1);
});
