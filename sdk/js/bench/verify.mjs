// What a verification costs, remembered and new, alone and while a thousand revocations a second arrive.

import { connect } from '../dist/index.js';
import { CREDENTIALS, FakeService, uuid7 } from '../test/fake.mjs';

const ROUNDS = 20_000;

const service = await FakeService.start();
const options = { issuer: service.issuer, audience: 'api', ...CREDENTIALS };
const [remembering, forgetting] = [await connect(options), await connect({ ...options, remember: 0 })];
const token = await service.token();

async function measure(name, verifier, rounds) {
  for (let n = 0; n < rounds / 10; n += 1) await verifier.verify(token);
  const started = performance.now();
  for (let n = 0; n < rounds; n += 1) {
    await verifier.verify(token);
    // As between two requests of a server: let the stream be read.
    if (n % 100 === 0) await new Promise(setImmediate);
  }
  console.log(`${name}: ${(((performance.now() - started) / rounds) * 1000).toFixed(1)} µs`);
}

await measure('remembered', remembering, ROUNDS * 10);
await measure('new', forgetting, ROUNDS);
const timer = setInterval(() => {
  for (let n = 0; n < 10; n += 1) service.revoke({ sid: uuid7(Date.now()) });
}, 10);
await measure('remembered, while revocations arrive', remembering, ROUNDS * 10);
await measure('new, while revocations arrive', forgetting, ROUNDS);
clearInterval(timer);
console.log(`${remembering.denylistSize} revocations held`);
await Promise.all([remembering.close(), forgetting.close()]);
await service.stop();
