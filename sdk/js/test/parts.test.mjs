// The parts by themselves: event reader, feed documents, JSON, freshness, policy, denylist.

import assert from 'node:assert/strict';
import os from 'node:os';
import test from 'node:test';
import { JumpGuard, SystemClock } from '../dist/clock.js';
import { newCounters } from '../dist/counters.js';
import { Denylist } from '../dist/denylist.js';
import { FeedError, readEntry, readEvent, readSnapshot } from '../dist/feed.js';
import { Freshness } from '../dist/freshness.js';
import { JsonDuplicateError, JsonSyntaxError, parseJson } from '../dist/json.js';
import { announced, DEFAULT_POLICY, policyWith, rule } from '../dist/policy.js';
import { EventReader } from '../dist/sse.js';
import { State } from '../dist/state.js';
import { uuid7 } from './fake.mjs';

const bytes = (text) => new TextEncoder().encode(text);
const json = (value) => bytes(JSON.stringify(value));
const STAMPS = { as_of: 1000, server_time: 1001 };
const LIMITS = { longest_access_ttl_ms: 300_000, leeway_ms: 30_000, revocable_claims: [] };
const ENTRY = { scope: { sub: 'user-1' }, effect: 'logout', issued_before: 5, expires_at: 9 };
const SNAPSHOT = { version: 1, cursor: 'c', ...STAMPS, limits: LIMITS, entries: [ENTRY] };

test('events are read wherever the network cuts them, and however lines end', () => {
  const text = '\ufeff: hi\n\nid: 1\nevent: heartbeat\ndata: {"a":\ndata: "é🙂"}\n\nevent:x\ndata\n\nevent: none\n\ndata:  y\n\n';
  const expected = [
    { event: 'heartbeat', data: '{"a":\n"é🙂"}' },
    { event: 'x', data: '' },
    { event: '', data: ' y' },
  ];
  for (const end of ['\n', '\r\n', '\r']) {
    const all = bytes(text.replaceAll('\n', end));
    for (let size = 1; size < all.length; size += size < 20 ? 1 : 37) {
      const reader = new EventReader(1000);
      const frames = [];
      for (let at = 0; at < all.length; at += size) frames.push(...reader.push(all.subarray(at, at + size)));
      assert.deepEqual(frames, expected, `${JSON.stringify(end)}, ${size} bytes at a time`);
    }
  }
});

test('an event that is too large, or not text, is refused', () => {
  const reader = new EventReader(100);
  assert.equal(reader.push(bytes(`data: ${'x'.repeat(90)}\n\n`)).length, 1);
  assert.equal(reader.push(bytes(`data: ${'x'.repeat(90)}\n\n`)).length, 1);
  assert.throws(() => reader.push(bytes(`data: ${'x'.repeat(60)}\ndata: ${'x'.repeat(60)}`)), FeedError);
  assert.throws(() => new EventReader(100).push(new Uint8Array([0xff, 0x0a])), FeedError);
});

test('an entry that is not understood whole refuses the document', () => {
  assert.equal(readSnapshot(json({ ...SNAPSHOT, later: {} })).entries.length, 1);
  for (const entry of [
    null, [], 'all', {}, { ...ENTRY, more: 1 }, { ...ENTRY, effect: 'warn' }, { ...ENTRY, effect: undefined },
    { ...ENTRY, scope: 'everything' }, { ...ENTRY, scope: {} }, { ...ENTRY, scope: { sub: 'a', sid: 'b' } },
    { ...ENTRY, scope: { group: 'a' } }, { ...ENTRY, scope: { sub: '' } }, { ...ENTRY, scope: { sub: 1 } },
    { ...ENTRY, scope: { sid: 'x' } }, { ...ENTRY, scope: { jti: '01900000-0000-4000-8000-000000000000' } },
    { ...ENTRY, scope: { kid: 'a/b' } }, { ...ENTRY, scope: { claim: { name: 'tenant' } } },
    { ...ENTRY, scope: { claim: { name: 'a', value: 'b', more: 1 } } }, { ...ENTRY, scope: { constructor: 'a' } },
    { ...ENTRY, issued_before: -1 }, { ...ENTRY, issued_before: '5' }, { ...ENTRY, issued_before: 1.5 },
    { ...ENTRY, expires_at: undefined }, { ...ENTRY, expires_at: 2 ** 60 },
  ]) {
    assert.throws(() => readSnapshot(json({ ...SNAPSHOT, entries: [ENTRY, entry] })), FeedError, JSON.stringify(entry));
  }
});

test('a snapshot that is cut short, of another version, or without a part is refused', () => {
  const whole = JSON.stringify(SNAPSHOT);
  for (let length = 0; length < whole.length; length += 1) {
    assert.throws(() => readSnapshot(bytes(whole.slice(0, length))), FeedError);
  }
  for (const change of [
    { version: 2 }, { version: '1' }, { cursor: '' }, { cursor: 'x'.repeat(129) }, { cursor: 'a b' }, { as_of: undefined },
    { server_time: null }, { limits: undefined }, { limits: { ...LIMITS, leeway_ms: -1 } },
    { limits: { ...LIMITS, revocable_claims: [1] } }, { entries: undefined }, { entries: {} },
  ]) {
    assert.throws(() => readSnapshot(json({ ...SNAPSHOT, ...change })), FeedError, JSON.stringify(change));
  }
});

test('events of ours are read whole, others are ignored', () => {
  const news = { cursor: 'c', ...STAMPS, entries: [ENTRY] };
  assert.equal(readEvent('revocations', JSON.stringify({ ...news, ack: true, later: 1 })).ack, true);
  assert.equal(readEvent('revocations', JSON.stringify({ ...news, as_of: undefined })).asOf, undefined);
  assert.equal(readEvent('heartbeat', JSON.stringify({ cursor: 'c', ...STAMPS })).asOf, 1000);
  assert.equal(readEvent('reset', '{"reason":"x"}').type, 'reset');
  assert.equal(readEvent('weather', '{'), undefined);
  const hello = { version: 1, stream_id: 's', cursor: 'c', ...STAMPS, heartbeat_ms: 5000, limits: LIMITS };
  assert.equal(readEvent('hello', JSON.stringify(hello)).streamId, 's');
  for (const [event, data] of [
    ['hello', { ...hello, version: 9 }], ['hello', { ...hello, stream_id: undefined }], ['hello', { ...hello, as_of: undefined }],
    ['heartbeat', { cursor: 'c', server_time: 1 }], ['heartbeat', { cursor: 'c', ...STAMPS, ack: 1 }],
    ['revocations', { ...news, entries: undefined }], ['revocations', { ...news, cursor: 1 }], ['reset', {}],
  ]) {
    assert.throws(() => readEvent(event, JSON.stringify(data)), FeedError, `${event} ${JSON.stringify(data)}`);
  }
  assert.throws(() => readEvent('heartbeat', '{"cursor":"c","cursor":"d","as_of":1,"server_time":1}'), FeedError);
});

test('JSON is read as JSON.parse reads it, and what that lets pass is refused', () => {
  for (const text of ['0', '-0', '1.5e-3', '[]', '[1,[2,{}]]', '{"a":{"b":[null,true,false]}}', '"\\u00e9\\ud83d\\ude42\\n"', ' {"":1}\r\n']) {
    assert.deepEqual(JSON.stringify(parseJson(bytes(text))), JSON.stringify(JSON.parse(text)), text);
  }
  for (const text of ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":1}}]']) {
    assert.throws(() => parseJson(bytes(text)), JsonDuplicateError, text);
  }
  for (const text of ['', ' ', '{', '{"a"}', '{"a":}', '{a:1}', '[1,]', '[1 2]', '01', '1.', '.5', '+1', '1e999', 'nul', '"\\x"', '"\\ud800"',
    '"\\udc00"', '"a', '"\n"', '1 2', '\ufeff1', `${'['.repeat(128)}${']'.repeat(128)}`]) {
    assert.throws(() => parseJson(bytes(text)), JsonSyntaxError, text);
  }
});

test('staleness is counted from what the service knew, mapped by the request that brought it', () => {
  const freshness = new Freshness();
  assert.equal(freshness.staleness(0), undefined);
  // Sent at 100, written at 5,000 of the service's clock, came at 140.
  freshness.map(100, 5000);
  assert.equal(freshness.hear(4900, 5000, 140), 'fit');
  assert.equal(freshness.staleness(140), 140, '100 behind when it was written, which was at 100 at the earliest');
  assert.equal(freshness.hear(5900, 6000, 1150), 'fit');
  assert.equal(freshness.staleness(1150), 150);
});

test('a service cannot know more than it wrote, and what is known is not forgotten by an older message', () => {
  const freshness = new Freshness();
  freshness.map(0, 1000);
  freshness.hear(3000, 1000, 0);
  assert.equal(freshness.staleness(10), 10);
  freshness.hear(200, 1000, 0);
  assert.equal(freshness.staleness(10), 10);
  freshness.forget();
  assert.equal(freshness.staleness(10), undefined);
  assert.equal(freshness.hear(1000, 1000, 20), 'late', 'nothing is mapped');
  assert.equal(freshness.staleness(20), undefined);
});

test('an `as_of` further ahead than clocks are apart says nothing, and a message is no younger than its arrival', () => {
  const freshness = new Freshness();
  freshness.map(1000, 5000);
  freshness.hear(5000, 5000, 1010);
  assert.equal(freshness.hear(9001, 7000, 3010), 'fit');
  assert.equal(freshness.staleness(3010), 2010);
  freshness.hear(9000, 7000, 3010);
  assert.equal(freshness.staleness(3010), 10);
  assert.equal(freshness.hear(8040, 8040, 4000), 'fit');
  assert.equal(freshness.staleness(4100), 100);
});

test('stamps that contradict the mapping are told', () => {
  const freshness = new Freshness();
  freshness.map(0, 1000);
  assert.equal(freshness.hear(1500, 1500, 400), 'impossible', 'written at 500 at the earliest, came at 400');
  assert.equal(freshness.staleness(400), undefined);
  assert.equal(freshness.hear(1500, 1500, 6000), 'late');
});

test('past the bound the policy rules', () => {
  const now = 100_000;
  const ruling = (whenStale, staleness, issued = 0) => rule({ maxStaleness: 30_000, whenStale }, staleness, issued, now);
  for (const whenStale of ['refuse', 'accept', 'introspect', { acceptYoungerThan: 10_000 }]) {
    assert.equal(ruling(whenStale, 30_000), 'vouch');
  }
  for (const staleness of [30_001, undefined]) {
    assert.equal(ruling('refuse', staleness, now), 'refuse');
    assert.equal(ruling('accept', staleness), 'vouch_stale');
    assert.equal(ruling('introspect', staleness), 'ask');
    assert.equal(ruling({ acceptYoungerThan: 10_000 }, staleness, now - 9_999), 'vouch_stale');
    assert.equal(ruling({ acceptYoungerThan: 10_000 }, staleness, now - 10_000), 'refuse');
  }
});

test('a policy that is none is refused', () => {
  for (const bad of [{ maxStaleness: -1 }, { maxStaleness: NaN }, { maxStaleness: '1' }, { whenStale: 'hope' }, { whenStale: {} }, { whenStale: null }]) {
    assert.throws(() => policyWith(DEFAULT_POLICY, bad), TypeError, JSON.stringify(bad));
  }
  assert.equal(announced({ maxStaleness: 1e12, whenStale: 'accept' }), 86_400_000);
});

test('a wall clock that moves against the boot clock is noticed once', () => {
  const time = { wall: 1e12, boot: 0 };
  const guard = new JumpGuard({ wall: () => time.wall, boot: () => time.boot });
  for (const [wall, boot, jumped] of [[0, 0, false], [60_000, 60_000, false], [2000, 0, false], [1, 0, true], [0, 0, false], [-3000, 0, true], [0, 3000, true]]) {
    time.wall += wall;
    time.boot += boot;
    assert.equal(guard.jumped(), jumped, JSON.stringify([wall, boot]));
    assert.equal(guard.jumped(), false);
  }
});

test("the machine's boot clock never goes back", () => {
  const clock = new SystemClock();
  let last = clock.boot();
  for (let n = 0; n < 20_000; n += 1) {
    const now = clock.boot();
    assert.ok(now >= last);
    last = now;
  }
  assert.ok(Math.abs(clock.wall() - Date.now()) < 1000);
});

test('where the boot clock goes on and the monotonic one does not, the machine has slept', (t) => {
  const slept = { ms: 0 };
  const [uptime, now] = [os.uptime, Date.now];
  t.mock.method(os, 'uptime', () => uptime() + slept.ms / 1000);
  t.mock.method(Date, 'now', () => now() + slept.ms);
  const clock = new SystemClock();
  const before = clock.boot();
  slept.ms = 60_000;
  const after = clock.boot();
  if (typeof process.getBuiltinModule !== 'function' || process.platform !== 'linux') return;
  assert.ok(after - before > 59_900 && after - before < 70_000, `${after - before}`);
  assert.ok(clock.boot() >= after);
});

test('entries go within a second of their expiry, extended ones later, and none before', () => {
  const denylist = new Denylist();
  const entry = (sub, expires) => readEntry({ ...ENTRY, scope: { sub }, expires_at: expires });
  for (const [sub, expires] of [['a', 5000], ['b', 5001], ['c', 5000], ['c', 9000], ['c', 7000], ['d', 0]]) denylist.apply(entry(sub, expires));
  const left = [4999, 5000, 5001, 6000, 8999, 9000].map((now) => {
    denylist.sweep(now);
    return denylist.size;
  });
  assert.deepEqual(left, [3, 2, 2, 1, 1, 0]);
  // What comes when it has expired goes with the next sweep.
  denylist.apply(entry('e', 3000));
  denylist.sweep(10_000);
  assert.equal(denylist.size, 0);
});

test('a wall clock that was ahead for a while does not keep entries for ever', () => {
  const denylist = new Denylist();
  const now = 1_795_000_000_000;
  denylist.sweep(now + 365 * 86_400_000);
  denylist.apply({ ...readEntry(ENTRY), expiresAt: now + 1500 });
  denylist.sweep(now + 1499);
  assert.equal(denylist.size, 1);
  denylist.sweep(now + 2500);
  assert.equal(denylist.size, 0);
});

test('a wall clock that jumped forgets nothing, and does not make tokens younger', () => {
  const clock = { at: { wall: 1_795_000_000_000, boot: 1000 }, wall: () => clock.at.wall, boot: () => clock.at.boot };
  const state = new State({ issuer: 'i', audience: ['api'], leewayMs: undefined }, clock, { drop: assert.fail }, newCounters());
  state.limits({ longestAccessTtlMs: 300_000, leewayMs: 30_000, revocableClaims: [] });
  state.apply([{ ...readEntry(ENTRY), expiresAt: clock.at.wall + 330_000 }]);
  state.mapped(1000, clock.at.wall);
  state.heard(clock.at.wall, clock.at.wall);
  const loaded = clock.at.wall;
  clock.at.wall += 3_600_000;
  state.tick();
  assert.deepEqual([state.staleness(), state.denylist.size], [undefined, 1]);
  clock.at.wall -= 7_200_000;
  clock.at.boot += 10;
  assert.equal(state.latest(), loaded + 10);
});

test('a claim entry is held apart by name and value', () => {
  const claim = (name, value) => readEntry({ ...ENTRY, scope: { claim: { name, value } } }).scope.key;
  assert.notEqual(claim('a', 'b:c'), claim('a:b', 'c'));
  assert.equal(readEntry({ ...ENTRY, scope: { kid: 'k' } }).kid, 'k');
  assert.match(uuid7(0), /^00000000-0000-7/);
});

test('whatever comes, it is read or refused, and nothing else happens', async () => {
  let state = 1;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const hello = { version: 1, stream_id: 's', cursor: 'c', ...STAMPS, heartbeat_ms: 5000, limits: LIMITS };
  const seeds = [SNAPSHOT, hello, { cursor: 'c', ...STAMPS, ack: true, entries: [ENTRY] }].map((seed) => JSON.stringify(seed));
  const pieces = ['{', '}', '[', ']', '"', ',', ':', '\\', 'null', '-1', '1e999', '"all"', '{"sid":1}', '__proto__', '\u0000', '\r', '\n\n', 'data:'];
  let refused = 0;
  for (let n = 0; n < 20_000; n += 1) {
    let text = seeds[random(seeds.length)];
    for (let changes = 1 + random(3); changes > 0; changes -= 1) {
      const at = random(text.length);
      text = text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(8));
    }
    for (const read of [
      () => readSnapshot(bytes(text)),
      () => readEvent(['hello', 'revocations', 'heartbeat', 'reset'][random(4)], text),
      () => new EventReader(500).push(bytes(`data: ${text}\n\n`)),
    ]) {
      try {
        read();
      } catch (error) {
        if (!(error instanceof FeedError)) throw error;
        refused += 1;
      }
    }
  }
  assert.ok(refused > 1000);
});
