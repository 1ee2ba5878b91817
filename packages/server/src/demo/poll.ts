// SPDX-License-Identifier: Apache-2.0
// What the demo asks the tiers: plain GraphQL, as any user would. In: REST URLs. Out: values of services, completeness, calls per minute.
import type { ServiceValues, SourceState } from './view.js';

interface MqeValue {
  readonly id: string | null;
  readonly value: string | null;
}

interface ExpressionAnswer {
  readonly type: string;
  readonly error: string | null;
  readonly results: readonly {
    readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
    readonly values: readonly MqeValue[];
  }[];
}

export interface TierAnswer {
  readonly data: Readonly<Record<string, ExpressionAnswer | null>>;
  readonly sources: readonly SourceState[];
}

const TIMEOUT_MS = 3_000;
const METRICS = ['service_cpm', 'service_resp_time', 'service_sla', 'service_apdex', 'service_percentile'] as const;
const FIELDS = '{ type error results { metric { labels { key value } } values { id value } } }';

const minuteText = (ms: number) => {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 13)}${iso.slice(14, 16)}`;
};

/** POSTs a query; undefined when the tier does not answer in time, or answers with errors only. */
export async function ask(url: string, query: string, variables: unknown): Promise<TierAnswer | undefined> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = (await response.json()) as {
      data?: TierAnswer['data'];
      extensions?: { completeness?: { sources?: { origin: string; completeToMs: number | null }[] } };
    };
    if (!body.data) return undefined;
    const sources = (body.extensions?.completeness?.sources ?? []).map(({ origin, completeToMs }) => ({
      origin,
      completeToMs: completeToMs ?? undefined,
    }));
    return { data: body.data, sources };
  } catch {
    return undefined; // down, or starting: the view says so
  }
}

/** All metrics of the services for one minute. Aliases are `s<service index>m<metric index>`. */
export async function askServices(
  url: string,
  services: readonly string[],
  minuteMs: number,
): Promise<{ values: Map<string, ServiceValues>; sources: readonly SourceState[] } | undefined> {
  const fields = services.flatMap((service, s) =>
    METRICS.map(
      (metric, m) =>
        `s${s}m${m}: execExpression(expression: "${metric}", entity: { serviceName: "${service}", normal: true }, duration: $d) ${FIELDS}`,
    ),
  );
  const text = minuteText(minuteMs);
  const answer = await ask(url, `query ($d: Duration!) { ${fields.join(' ')} }`, {
    d: { start: text, end: text, step: 'MINUTE' },
  });
  if (!answer) return undefined;
  const values = new Map<string, ServiceValues>();
  services.forEach((service, s) => {
    const one = (m: number) => numberOf(answer.data[`s${s}m${m}`]?.results[0]?.values[0]?.value);
    if (one(0) === undefined) return;
    const percentilesMs = new Map<number, number>();
    for (const result of answer.data[`s${s}m4`]?.results ?? []) {
      const rank = result.metric.labels.find((label) => label.key === 'p')?.value;
      const value = numberOf(result.values[0]?.value);
      if (rank !== undefined && value !== undefined) percentilesMs.set(Number(rank), value);
    }
    values.set(service, { cpm: one(0), responseMs: one(1), sla: one(2), apdex: one(3), percentilesMs });
  });
  return { values, sources: answer.sources };
}

/** Calls of a service from one minute to another, both included; undefined when the tier does not answer. */
export async function askCalls(
  url: string,
  services: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<number | undefined> {
  const fields = services.map(
    (service, s) =>
      `s${s}: execExpression(expression: "sum(service_cpm)", entity: { serviceName: "${service}", normal: true }, duration: $d) ${FIELDS}`,
  );
  const d = { start: minuteText(fromMs), end: minuteText(toMs), step: 'MINUTE' };
  const answer = await ask(url, `query ($d: Duration!) { ${fields.join(' ')} }`, { d });
  if (!answer) return undefined;
  return services.reduce((sum, _, s) => sum + (numberOf(answer.data[`s${s}`]?.results[0]?.values[0]?.value) ?? 0), 0);
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text);
}
