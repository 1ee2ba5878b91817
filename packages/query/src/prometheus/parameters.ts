// SPDX-License-Identifier: Apache-2.0
// Parameters of the Prometheus HTTP API: from the URL and from a form body alike, since clients use either, or both at once.
import { tryParseDuration, tryParseNumber, type Grid } from '@oap-federation/promql';

/** A parameter is absent or cannot be used: HTTP 400, `bad_data`. */
export class BadParameter extends Error {
  override readonly name = 'BadParameter';
}

/** As Prometheus: more points of one series are no graph. */
const POINTS_MAX = 11_000;

export class Parameters {
  readonly #values: URLSearchParams;

  /** `body` is that of a form. */
  constructor(url: string, body: unknown) {
    const at = url.indexOf('?');
    this.#values = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
    if (typeof body === 'string')
      for (const [name, value] of new URLSearchParams(body)) this.#values.append(name, value);
  }

  /** Undefined when absent or empty. */
  text(name: string): string | undefined {
    return this.#values.get(name) || undefined;
  }

  list(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new BadParameter(`invalid parameter "${name}": it is not given`);
    return text;
  }

  /** Epoch ms. */
  time(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = tryParseTime(text);
    if (ms === undefined) {
      throw new BadParameter(`invalid parameter "${name}": cannot parse "${text}" to a valid timestamp`);
    }
    return ms;
  }

  requiredTime(name: string): number {
    this.required(name);
    return this.time(name)!;
  }

  /** Milliseconds, above 0. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const seconds = tryParseNumber(text);
    const ms = seconds === undefined ? tryParseDuration(text) : Math.round(seconds * 1000);
    if (ms === undefined || !Number.isSafeInteger(ms)) {
      throw new BadParameter(`invalid parameter "${name}": cannot parse "${text}" to a valid duration`);
    }
    if (ms <= 0) throw new BadParameter(`invalid parameter "${name}": "${text}" must be greater than 0`);
    return ms;
  }

  /** How many items of a list are wanted; undefined for all. */
  limit(): number | undefined {
    const text = this.text('limit');
    if (text === undefined) return undefined;
    const limit = Number(text);
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw new BadParameter(`invalid parameter "limit": "${text}" must be a whole number, 0 for all`);
    }
    return limit === 0 ? undefined : limit;
  }

  grid(): Grid {
    const [startMs, endMs] = [this.requiredTime('start'), this.requiredTime('end')];
    if (endMs < startMs) throw new BadParameter('invalid parameter "end": end timestamp must not be before start time');
    this.required('step');
    const stepMs = this.duration('step')!;
    const count = Math.floor((endMs - startMs) / stepMs) + 1;
    if (count > POINTS_MAX + 1) {
      throw new BadParameter(
        `exceeded maximum resolution of ${POINTS_MAX} points per timeseries: ${count}. Try decreasing the query resolution (?step=XX)`,
      );
    }
    return { startMs, stepMs, count };
  }
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Float seconds or RFC 3339. */
function tryParseTime(text: string): number | undefined {
  const seconds = tryParseNumber(text);
  const ms = seconds === undefined ? (RFC3339.test(text) ? Date.parse(text) : NaN) : Math.round(seconds * 1000);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
