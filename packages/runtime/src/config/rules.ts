// SPDX-License-Identifier: Apache-2.0
// Rules that need more than one key. In: complete file settings. Out: what breaks them, by path.
import { secretDigest } from '../token.js';
import type { FileSettings } from './schema.js';

/** One broken rule; `path` is the key that the operator most likely has to change. */
export interface Breach {
  readonly path: readonly string[];
  readonly reason: string;
}

/** Every rule that `file` breaks, in the order of the file. */
export function brokenRules(file: FileSettings): Breach[] {
  return [...periods(file), ...ports(file), ...storage(file), ...gateway(file), ...federation(file), ...access(file)];
}

function periods({ core: { providers } }: FileSettings): Breach[] {
  const { persistentPeriod, storageSessionTimeout, apdexThreshold, downsampling } = providers.default;
  const breaches: Breach[] = [];
  const at = (key: string) => ['core', 'default', key];
  if (storageSessionTimeout < persistentPeriod * 1000) {
    const reason = `must be >= persistentPeriod (${persistentPeriod} s), got ${storageSessionTimeout} ms`;
    breaches.push({ path: at('storageSessionTimeout'), reason });
  }
  if (new Set(downsampling).size === 1) {
    const reason = `must be [Hour, Day] or [] (days are derived with hours), got [${downsampling.join(', ')}]`;
    breaches.push({ path: at('downsampling'), reason });
  }
  if (apdexThreshold['default'] === undefined) {
    breaches.push({ path: at('apdexThreshold'), reason: 'must have the key default' });
  }
  return breaches;
}

function ports({ core: { providers }, promql, telemetry }: FileSettings): Breach[] {
  const { restPort, gRPCPort } = providers.default;
  const breaches: Breach[] = [];
  if (restPort !== 0 && restPort === gRPCPort) {
    breaches.push({ path: ['core', 'default', 'gRPCPort'], reason: `must differ from restPort, both are ${restPort}` });
  }
  const scrapePort = telemetry.providers.prometheus.port;
  if (telemetry.selector === 'prometheus' && scrapePort !== 0 && (scrapePort === restPort || scrapePort === gRPCPort)) {
    const reason = `must differ from the ports of core, ${scrapePort} is one of them`;
    breaches.push({ path: ['telemetry', 'prometheus', 'port'], reason });
  }
  const promqlPort = promql.providers.default.restPort;
  const taken = [restPort, gRPCPort, ...(telemetry.selector === 'prometheus' ? [scrapePort] : [])];
  if (promql.selector === 'default' && promqlPort !== 0 && taken.includes(promqlPort)) {
    const reason = `must differ from the other ports, ${promqlPort} is one of them`;
    breaches.push({ path: ['promql', 'default', 'restPort'], reason });
  }
  return breaches;
}

function storage({ storage: { selector, providers } }: FileSettings): Breach[] {
  if (selector !== 'postgresql') return [];
  const { url, properties } = providers.postgresql;
  const [path, target] =
    url === '' ? [['properties', 'jdbcUrl'], parsePostgresUrl(properties.jdbcUrl)] : [['url'], parsePostgresUrl(url)];
  return 'reason' in target ? [{ path: ['storage', 'postgresql', ...path], reason: target.reason }] : [];
}

/** A tier without storage, and the buffer that stands in for it. */
function gateway({ cluster, storage: { selector }, federation: { selector: on, providers } }: FileSettings): Breach[] {
  const { buffer, upstreams, discovery } = providers.default.forward;
  const forwards = on === 'default' && (upstreams.length > 0 || discovery === 'zookeeper');
  const breaches: Breach[] = [];
  if (on === 'default' && buffer === 'file' && selector !== 'none') {
    const reason = `must not be file with storage ${selector}: file is for storage.selector none`;
    breaches.push({ path: ['federation', 'default', 'forward', 'buffer'], reason });
  }
  if (selector !== 'none') return breaches;
  if (!forwards || buffer !== 'file') {
    const reason = 'must not be none unless this tier forwards with federation.default.forward.buffer file';
    breaches.push({ path: ['storage', 'selector'], reason });
  }
  if (cluster.selector !== 'standalone') {
    const reason = `must be standalone when storage is none: other nodes cannot read this one's files`;
    breaches.push({ path: ['cluster', 'selector'], reason });
  }
  return breaches;
}

const MIB = 1024 * 1024;
// Batches in memory are objects of this process's heap and its arrays: 1 GiB of them leaves room for the rest of a 4 GiB machine.
const MEMORY_BUFFER_BYTES_MAX = 1024 * MIB;
const MEMORY_BUFFER_BYTES = 256 * MIB;
const STORED_BUFFER_BYTES = 8192 * MIB; // days of 10,000 increments a second, folded

/** What may wait for the upstream; where the operator leaves it open (0), what suits the buffer. */
export function bufferMaxBytesOf({
  buffer,
  bufferMaxBytes,
}: FileSettings['federation']['providers']['default']['forward']): number {
  if (bufferMaxBytes > 0) return bufferMaxBytes;
  return buffer === 'memory' ? MEMORY_BUFFER_BYTES : STORED_BUFFER_BYTES;
}

function federation({ core, federation: { selector, providers } }: FileSettings): Breach[] {
  if (selector !== 'default') return [];
  const { tier, forward, nats, receive } = providers.default;
  const breaches: Breach[] = [];
  const at = (...keys: string[]) => ['federation', 'default', ...keys];
  if (tier === '') breaches.push({ path: at('tier'), reason: 'must be set when the federation module is on' });
  if (forward.discovery === 'zookeeper' && forward.zookeeper.hostPort === '') {
    breaches.push({ path: at('forward', 'zookeeper', 'hostPort'), reason: 'must be set when discovery is zookeeper' });
  }
  if (forward.discovery === 'zookeeper' && forward.upstreams.length > 0) {
    breaches.push({ path: at('forward', 'upstreams'), reason: 'must be empty when discovery is zookeeper' });
  }
  if (forward.discovery === 'naming' && forward.upstreams.length === 0) {
    breaches.push({ path: at('forward', 'upstreams'), reason: 'must name at least one node when discovery is naming' });
  }
  if (forward.buffer === 'nats') {
    if (forward.upstreamTier === '' || forward.upstreamTier === tier) {
      const reason = `must name the tier above when buffer is nats, got ${forward.upstreamTier || 'nothing'}`;
      breaches.push({ path: at('forward', 'upstreamTier'), reason });
    }
    if (forward.upstreams.length > 0 || forward.discovery !== 'static') {
      breaches.push({
        path: at('forward', 'upstreams'),
        reason: 'must be empty, and discovery static, when buffer is nats',
      });
    }
  }
  if ((forward.buffer === 'nats' || receive.throughNats) && nats.servers.length === 0) {
    breaches.push({
      path: at('nats', 'servers'),
      reason: 'must name a server: forward.buffer or receive.throughNats uses it',
    });
  }
  if (receive.throughNats && !receive.enabled) {
    breaches.push({ path: at('receive', 'throughNats'), reason: 'must be false unless receive.enabled is true' });
  }
  if (
    !receive.enabled &&
    forward.buffer !== 'nats' &&
    forward.discovery === 'static' &&
    forward.upstreams.length === 0
  ) {
    const reason = 'must name at least one node, or receive.enabled be true: this tier neither sends nor receives';
    breaches.push({ path: at('forward', 'upstreams'), reason });
  }
  if (forward.buffer === 'memory' && forward.onFull === 'coarsen') {
    const reason = 'must be block or drop when buffer is memory: what waits there is never folded';
    breaches.push({ path: at('forward', 'onFull'), reason });
  }
  const bufferBytes = bufferMaxBytesOf(forward);
  if (forward.queueCapacityBytes > bufferBytes) {
    const reason = `must be >= queueCapacityBytes (${forward.queueCapacityBytes}), got ${bufferBytes}`;
    breaches.push({ path: at('forward', 'bufferMaxBytes'), reason });
  }
  if (forward.buffer === 'memory' && bufferBytes > MEMORY_BUFFER_BYTES_MAX) {
    const reason = `must be <= ${MEMORY_BUFFER_BYTES_MAX} (1 GiB) when buffer is memory, got ${bufferBytes}`;
    breaches.push({ path: at('forward', 'bufferMaxBytes'), reason });
  }
  if (receive.maxFrameBytes > receive.creditBytes) {
    const reason = `must be <= creditBytes (${receive.creditBytes}), got ${receive.maxFrameBytes}: such a frame could never be sent`;
    breaches.push({ path: at('receive', 'maxFrameBytes'), reason });
  }
  if (receive.enabled) {
    const named = Object.keys(receive.tokens);
    const { gRPCHost } = core.providers.default;
    if (named.length === 0 && !isLoopback(gRPCHost)) {
      const reason = `must name the tiers that may send: core.default.gRPCHost ${gRPCHost} is open to other machines`;
      breaches.push({ path: at('receive', 'tokens'), reason });
    }
    for (const expected of receive.expectedTiers) {
      if (expected === tier) {
        breaches.push({ path: at('receive', 'expectedTiers'), reason: `must not hold this tier itself, ${tier}` });
      } else if (named.length > 0 && !named.includes(expected)) {
        const reason = `must hold a token for ${expected}, which expectedTiers names`;
        breaches.push({ path: at('receive', 'tokens'), reason });
      }
    }
    for (const [sender, token] of Object.entries(receive.tokens)) {
      if (token === '') breaches.push({ path: at('receive', 'tokens', sender), reason: 'must not be empty' });
    }
  }
  return breaches;
}

type AccessSettings = FileSettings['query']['providers']['default']['access'];

/** Whether a request has to show who it is from. */
export function wantsTokens({ tokens, anonymous }: AccessSettings): boolean {
  return Object.keys(tokens).length > 0 || anonymous.actions.length > 0;
}

// 16 characters that a person made up are few; what they keep out is `admin`.
const TOKEN_CHARACTERS_MIN = 16;
const DIMENSIONS = ['tiers', 'origins', 'metrics', 'actions'] as const;

function access({ core, promql, query: { providers } }: FileSettings): Breach[] {
  const { access: settings, corsOrigins } = providers.default;
  const { open, tokens, anonymous } = settings;
  const { restHost } = core.providers.default;
  const breaches: Breach[] = [];
  const at = (...keys: string[]) => ['query', 'default', 'access', ...keys];
  const isWanted = wantsTokens(settings);
  if (!isWanted && !open && !isLoopback(restHost)) {
    const reason = `must name who may ask: core.default.restHost ${restHost} is open to other machines (open: true lets everybody in)`;
    breaches.push({ path: at('tokens'), reason });
  }
  const promqlHost = promql.providers.default.restHost;
  if (!isWanted && !open && promql.selector === 'default' && !isLoopback(promqlHost)) {
    const reason = `must name who may ask: promql.default.restHost ${promqlHost} is open to other machines (open: true lets everybody in)`;
    breaches.push({ path: at('tokens'), reason });
  }
  if (isWanted && open) {
    breaches.push({ path: at('open'), reason: 'must be false while tokens or anonymous say who may ask' });
  }
  const owners = new Map<string, string>();
  for (const [name, { token, ...scope }] of Object.entries(tokens)) {
    const wrong = wrongToken(token);
    const digest = secretDigest(token).toString('hex');
    const other = owners.get(digest);
    owners.set(digest, name);
    if (wrong !== undefined) breaches.push({ path: at('tokens', name, 'token'), reason: wrong });
    else if (other !== undefined) {
      breaches.push({ path: at('tokens', name, 'token'), reason: `must differ from the token of ${other}` });
    }
    for (const dimension of DIMENSIONS) {
      if (scope[dimension].length > 0) continue;
      const reason = 'must hold at least one, or be left out for all of them';
      breaches.push({ path: at('tokens', name, dimension), reason });
    }
  }
  for (const dimension of ['tiers', 'origins', 'metrics'] as const) {
    if (anonymous[dimension].length > 0) continue;
    const reason = 'must hold at least one, or be left out for all of them';
    breaches.push({ path: at('anonymous', dimension), reason });
  }
  if (corsOrigins.includes('*') && !isWanted) {
    const reason =
      'must not hold * without tokens: any web page could read this tier through the browser of someone near it';
    breaches.push({ path: ['query', 'default', 'corsOrigins'], reason });
  }
  return breaches;
}

/** What is wrong with a token as it is written; never repeats it. */
function wrongToken(token: string): string | undefined {
  if (token === '') return 'must not be empty';
  if (/^sha256:/i.test(token)) {
    return /^sha256:[0-9a-f]{64}$/.test(token) ? undefined : 'must be sha256: and 64 hex digits in lower case';
  }
  if (!/^[\x21-\x7e]*$/.test(token)) return 'must hold visible ASCII characters only';
  return token.length >= TOKEN_CHARACTERS_MIN
    ? undefined
    : `must have at least ${TOKEN_CHARACTERS_MIN} characters, got ${token.length}`;
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export interface PostgresTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslMode: 'disable' | 'require' | 'verify-full';
}

/** Reads `postgres://`, `postgresql://` and `jdbc:postgresql://` addresses. The reason never repeats the password. */
export function parsePostgresUrl(url: string): PostgresTarget | { readonly reason: string } {
  const form = 'must be like postgres://user:password@host:5432/database or jdbc:postgresql://host:5432/database';
  const address = url.replace(/^jdbc:/, '');
  if (!/^postgres(ql)?:\/\//.test(address) || !URL.canParse(address)) return { reason: form };
  const { hostname, port, pathname, username, password, searchParams } = new URL(address);
  let sslMode: PostgresTarget['sslMode'] = 'disable';
  let host = hostname.replace(/^\[|\]$/g, '');
  let user = decoded(username);
  let secret = decoded(password);
  for (const [name, value] of searchParams) {
    if (name === 'sslmode' && (value === 'disable' || value === 'require' || value === 'verify-full')) sslMode = value;
    else if (name === 'sslmode') return { reason: `must have sslmode disable, require or verify-full, got ${value}` };
    else if (name === 'host') host = value;
    else if (name === 'user') user = value;
    else if (name === 'password') secret = value;
    else return { reason: `must not have the parameter ${name}; sslmode, host, user and password are known` };
  }
  const database = decoded(pathname.slice(1));
  if (host === '' || database === '') return { reason: form };
  return { host, port: port === '' ? 5432 : Number(port), database, user, password: secret, sslMode };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in a password that was not escaped: taken as written
  }
}
