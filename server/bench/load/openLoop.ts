// Sends prepared requests at a fixed rate, whether or not earlier ones are answered (an open loop), and counts each
// latency from the moment at which the request was due. A server that stalls is so charged for all requests that fell
// due meanwhile (no coordinated omission).
// node openLoop.ts <origin> <file> <connections> <seconds> <requests per second>
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { Request } from '../scenarios.ts';

const [origin = '', file = '', ...numbers] = process.argv.slice(2);
const [connections = 1, seconds = 1, rate = 1] = numbers.map(Number);
const requests: Request[] = JSON.parse(await readFile(file, 'utf8'));
// Requests wait in the agent for a free connection, in their order.
const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' });
const { hostname, port } = new URL(origin);

const total = Math.round(seconds * rate);
const latenciesMs: number[] = [];
let refused = 0;
let broken = 0;

function send({ method, path, headers, body = '' }: Request, dueMs: number): Promise<void> {
  return new Promise((resolve) => {
    const length = body && { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(
      { agent, hostname, port, method, path, headers: { ...headers, ...length } },
      (answer) => {
        answer.resume().on('end', () => {
          latenciesMs.push(performance.now() - dueMs);
          if ((answer.statusCode ?? 0) >= 300) refused++;
          resolve();
        });
      },
    );
    sent.on('error', () => {
      broken++;
      resolve();
    });
    sent.end(body);
  });
}

const nextTick = () => new Promise((resolve) => setImmediate(resolve));

const first = Math.floor(Math.random() * requests.length);
const startMs = performance.now();
const pending: Promise<void>[] = [];
for (let count = 0; count < total; ) {
  // A timer is late by a millisecond and more, which would be counted: this loop has a core of its own.
  await nextTick();
  const dueCount = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * rate) + 1);
  for (; count < dueCount; count++)
    pending.push(
      send(requests[(first + count) % requests.length] as Request, startMs + (count * 1000) / rate),
    );
}
await Promise.all(pending);
agent.destroy();
latenciesMs.sort((a, b) => a - b);
const percentile = (share: number) => latenciesMs[Math.ceil(share * latenciesMs.length) - 1] ?? 0;
console.log(
  JSON.stringify({
    requests: total,
    seconds: (performance.now() - startMs) / 1000,
    p50: percentile(0.5),
    p99: percentile(0.99),
    refused,
    broken,
  }),
);
