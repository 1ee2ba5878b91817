// SPDX-License-Identifier: Apache-2.0
// Steady load on applications like app.cjs, until SIGTERM or for a time. One request goes out every 1/rate s, to the URLs in turn.
//
//   node deploy/demo/traffic.mjs --rate 20 --seconds 60 http://127.0.0.1:8080 http://127.0.0.1:8081
//
// The mix of 20 requests is fixed: 14 /orders, 3 /slow, 3 /fail (70, 15, 15 %). The last line is a JSON summary by path and status.
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rate: { type: 'string', default: '10' }, seconds: { type: 'string', default: '0' } },
});
const urls = positionals.map((url) => url.replace(/\/$/, ''));
const rate = Number(values.rate);
const seconds = Number(values.seconds);
if (urls.length === 0 || !(rate > 0) || !(seconds >= 0)) {
  process.stderr.write('usage: traffic.mjs [--rate requests/s] [--seconds n, 0 until SIGTERM] url...\n');
  process.exit(2);
}

const MIX = 'ooosooofooosoofoosof'.split('').map((c) => ({ o: '/orders', s: '/slow', f: '/fail' })[c]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const counts = {};
const count = (path, outcome) => (counts[`${path} ${outcome}`] = (counts[`${path} ${outcome}`] ?? 0) + 1);

let sent = 0;
let open = 0;
let stopped = false;

function send() {
  // every URL gets the whole mix, whatever their number
  const url = urls[sent % urls.length];
  const path = MIX[Math.floor(sent / urls.length) % MIX.length];
  sent++;
  open++;
  let settled = false;
  const done = (outcome) => {
    if (settled) return;
    settled = true;
    open--;
    count(path, outcome);
    finish();
  };
  const request = http.get(url + path, { agent, timeout: 10_000 }, (response) => {
    response.resume();
    response.on('end', () => done(response.statusCode));
    response.on('error', () => done('error'));
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', () => done('error'));
}

// Due times are counted from the start, so a late timer does not lower the rate.
const startMs = performance.now();
const total = seconds > 0 ? Math.round(seconds * rate) : Infinity;
const timer = setInterval(
  () => {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * rate) + 1);
    while (!stopped && sent < due) send();
    if (sent >= total) stop();
  },
  Math.max(5, Math.min(100, 1000 / rate)),
);

function stop() {
  stopped = true;
  clearInterval(timer);
  finish();
}

function finish() {
  if (!stopped || open > 0) return;
  agent.destroy();
  process.stdout.write(`${JSON.stringify({ sent, counts })}\n`);
  stopped = false; // once
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
