// autocannon, in a process of its own: what replay.lua does with wrk. node replay.ts <origin> <file> <connections> <seconds>
import { readFile } from 'node:fs/promises';
import autocannon from 'autocannon';

const [origin, file, connections, seconds] = process.argv.slice(2) as [string, string, string, string];
const requests: autocannon.Request[] = JSON.parse(await readFile(file, 'utf8'));
let clients = 0;
const result = await autocannon({
  url: origin,
  requests,
  connections: Number(connections),
  duration: Number(seconds),
  // Each connection begins with another user: together they ask for all of them evenly.
  setupClient(client) {
    const first = Math.floor((clients++ * requests.length) / Number(connections));
    client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
  },
});
const { latency, duration, errors, timeouts, non2xx } = result;
console.log(
  JSON.stringify({
    requests: result.requests.total,
    seconds: duration,
    p50: latency.p50,
    p99: latency.p99,
    refused: non2xx,
    broken: errors + timeouts,
  }),
);
