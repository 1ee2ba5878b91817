// SPDX-License-Identifier: Apache-2.0
// One HTTP call of a hook. In: an address and JSON. Out: the answer's text, or HookRefused, HookBusy, or an error that is tried again.
// Addresses may hold secrets: errors name the host alone.
import { messageOf, type Clock } from '@oap-federation/runtime';
import { HookBusy, HookRefused } from '../hook.js';

/** SkyWalking's: a receiver that needs longer has not taken it. */
export const HOOK_TIMEOUT_MS = 12_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Longest that a receiver may put us off; a give-up age must still be met. */
const RETRY_AFTER_MAX_MS = 15 * 60_000;
/** 4xx that do not say that the message is wrong: time-out, too early, too many. */
const PASSING = new Set([408, 425, 429]);

export interface HttpCall {
  readonly url: string;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Idempotency key of the delivery. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/**
 * POSTs JSON and gives the text of a 2xx answer.
 * Errors: HookRefused for 4xx and for redirects, which are not followed: what is said to one host is said to no other. HookBusy for an
 * answer with Retry-After. An Error for 408, 425, 429, 5xx, the time-out, and whatever the network does.
 */
export async function postJson(call: HttpCall, clock: Clock): Promise<string> {
  const url = new URL(call.url);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'idempotency-key': call.key,
    ...call.headers,
  };
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
    url.username = url.password = '';
  }
  const { answer, text } = await withTimeout(url.host, call.signal, clock, async (signal) => {
    const body = JSON.stringify(call.body);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    return { answer: response, text: await answerText(response) };
  });
  if (answer.ok) return text;
  const reason = `${url.host} answered ${answer.status}${text === '' ? '' : `: ${brief(text)}`}`;
  if (answer.status < 500 && !PASSING.has(answer.status)) throw new HookRefused(reason);
  const afterMs = retryAfterMs(answer.headers.get('retry-after'), clock);
  throw afterMs === undefined ? new Error(reason) : new HookBusy(reason, afterMs);
}

/** Runs `attempt` with a signal that also aborts after HOOK_TIMEOUT_MS. Errors name the host. */
export async function withTimeout<T>(
  host: string,
  signal: AbortSignal,
  clock: Clock,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const cancel = clock.after(HOOK_TIMEOUT_MS, () => timeout.abort());
  try {
    return await attempt(AbortSignal.any([signal, timeout.signal]));
  } catch (error) {
    // fetch says only that it failed; what happened is its cause
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const what = timeout.signal.aborted ? `no answer within ${HOOK_TIMEOUT_MS} ms` : messageOf(cause);
    throw new Error(`${host}: ${what}`, { cause: error });
  } finally {
    cancel();
  }
}

/** The answer as JSON, `{}` when it is none. */
export function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // an answer that is no JSON has no code to look at
  }
}

/** One short line of what a receiver answered. */
export function brief(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}

async function answerText(answer: Response): Promise<string> {
  let bytes = 0;
  const parts: Uint8Array[] = [];
  if (answer.body === null) return '';
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) break; // leaving the loop cancels the rest
  }
  return Buffer.concat(parts).toString();
}

/** Seconds or a date; undefined when it is neither. */
function retryAfterMs(header: string | null, clock: Clock): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - clock.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), RETRY_AFTER_MAX_MS);
}
