// SPDX-License-Identifier: Apache-2.0
// The client side of `oap query`: asks a query server over HTTP and prints a table, one row a bucket, with how complete it is.
// In: url, expressions, service, window. Out: text. Time and zone are the server's, so the client's clock does not matter.
import { durationText, minuteOf } from '@oap-federation/model';
import { MqeError, withLabel } from '@oap-federation/mqe';
import type { CompletenessReport, SourceReport } from './completeness.js';

export interface TableOptions {
  /** Of the query server, with or without `/graphql`. */
  readonly url: string;
  readonly expressions: readonly string[];
  readonly service: string;
  /** 'origin' adds a column per origin beside the merged one. */
  readonly by?: 'origin';
  /** `15m`, `3h` or `2d` up to and including the current minute; minutes up to 8h, hours up to 20d, then days. */
  readonly last: string;
  readonly instance?: string;
  readonly endpoint?: string;
  /** Shown to the server, where it wants one. */
  readonly token?: string;
}

/** The query cannot be answered; the message is for the person at the terminal. */
export class QueryFailed extends Error {
  override readonly name = 'QueryFailed';
}

interface Answer {
  readonly type: string;
  readonly error: string | null;
  readonly results: readonly {
    readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
    readonly values: readonly { readonly id: string | null; readonly value: string | null }[];
  }[];
}

interface Column {
  readonly title: string;
  /** The origin whose completeness counts for the column; undefined for merged ones, which need every source. */
  readonly origin: string | undefined;
  /** Bucket id (epoch ms text, or '' for a single value) -> text. */
  readonly cells: ReadonlyMap<string, string>;
}

const TIMEOUT_MS = 30_000;
const ANSWER_FIELDS = 'type error results { metric { labels { key value } } values { id value } }';

/**
 * Asks and renders. A cell ends with `*` while its minutes are not all in; `-` is no data.
 *
 * Errors: QueryFailed for a wrong option, an unknown service, a wrong expression, a server that is away or refuses.
 */
export async function queryTable(options: TableOptions): Promise<string> {
  const minutes = parseLast(options.last);
  const { getTimeInfo: time, findService: found } = await ask<{
    readonly getTimeInfo: { readonly timezone: string; readonly currentTimestamp: number };
    readonly findService: { readonly normal: boolean } | null;
  }>(
    options,
    'query ($s: String!) { getTimeInfo { timezone currentTimestamp } findService(serviceName: $s) { normal } }',
    { s: options.service },
  ).then((r) => r.data);
  if (!found) throw new QueryFailed(`no service "${options.service}" is known at ${options.url}`);

  const offset = offsetOf(time.timezone);
  const last = minuteOf(time.currentTimestamp);
  const step = minutes <= 480 ? 'MINUTE' : minutes <= 20 * 1440 ? 'HOUR' : 'DAY';
  const text = (minute: number) => durationText(minute, step, offset);
  const questions = options.expressions.flatMap((expression) => {
    const byOrigin = options.by === 'origin' ? withOrigins(expression) : expression;
    return byOrigin === expression
      ? [{ expression, asked: expression }]
      : [expression, byOrigin].map((asked) => ({ expression, asked }));
  });
  const { data, completeness } = await ask<Readonly<Record<string, Answer>>>(
    options,
    `query ($e: Entity!, $d: Duration!, ${questions.map((_, i) => `$x${i}: String!`).join(', ')}) { ${questions
      .map((_, i) => `a${i}: execExpression(expression: $x${i}, entity: $e, duration: $d) { ${ANSWER_FIELDS} }`)
      .join(' ')} }`,
    {
      e: {
        serviceName: options.service,
        normal: found.normal,
        serviceInstanceName: options.instance ?? null,
        endpointName: options.endpoint ?? null,
      },
      d: { start: text(last - minutes + 1), end: text(last), step },
      ...Object.fromEntries(questions.map(({ asked }, i) => [`x${i}`, asked])),
    },
  );
  const several = options.expressions.length > 1;
  const columns = questions.flatMap(({ expression, asked }, i) => {
    const answer = data[`a${i}`]!;
    if (answer.error !== null) throw new QueryFailed(`${asked}: ${answer.error}`);
    if (answer.type === 'SORTED_LIST') throw new QueryFailed(`${asked} is a list of entities, not values over time`);
    return columnsOf(answer, several ? expression : undefined, options.by === 'origin');
  });
  return render(columns, completeness, { step, offset });
}

function columnsOf(answer: Answer, expression: string | undefined, byOrigin: boolean): readonly Column[] {
  return answer.results.map(({ metric: { labels }, values }) => {
    const origin = labels.find((l) => l.key === 'origin')?.value;
    const others = labels.filter((l) => l.key !== 'origin').map((l) => `${l.key}=${l.value}`);
    const title = [expression, origin ?? (byOrigin ? 'all' : undefined), ...others].filter((t) => t !== undefined);
    return {
      title: title.length > 0 ? title.join(' ') : 'value',
      origin,
      cells: new Map(values.map(({ id, value }) => [id ?? '', value ?? '-'])),
    };
  });
}

function render(
  columns: readonly Column[],
  completeness: CompletenessReport | undefined,
  { step, offset }: { readonly step: 'MINUTE' | 'HOUR' | 'DAY'; readonly offset: number },
): string {
  const sizeMs = { MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 }[step];
  const starts = [...new Set(columns.flatMap((c) => [...c.cells.keys()]))].sort((a, b) => Number(a) - Number(b));
  const sources = completeness?.sources ?? [];
  let hasOpenCells = false;
  const rows = starts.map((start) => {
    const label = start === '' ? 'whole range' : durationText(Number(start) / 60_000, step, offset);
    const cells = columns.map(({ cells: of, origin }) => {
      const value = of.get(start) ?? '-';
      const own = origin === undefined ? sources : sources.filter((s) => s.origin === origin);
      const end = Number(start) + sizeMs;
      const isSealed = (s: SourceReport) =>
        s.state === 'retired' || // nothing more will come of it
        (start === '' ? s.state === 'complete' : s.completeToMs !== null && s.completeToMs >= end);
      const sealed = own.length > 0 && own.every(isSealed);
      hasOpenCells ||= !sealed;
      return sealed ? `${value} ` : `${value}*`;
    });
    return [label, ...cells];
  });
  const header = ['time', ...columns.map((c) => `${c.title} `)];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return `${[line(header), ...rows.map(line), '', ...footer(completeness, hasOpenCells)].join('\n')}\n`;
}

function footer(completeness: CompletenessReport | undefined, hasOpenCells: boolean): readonly string[] {
  if (completeness === undefined) return ['the server does not say how complete this is'];
  const lines = hasOpenCells ? ['* not all of it is in yet'] : [];
  const { sources, complete, completeToMinute } = completeness;
  if (complete) lines.push('complete: every source has sealed every minute above');
  else if (completeToMinute) lines.push(`complete before ${completeToMinute.text}`);
  else lines.push(sources.length === 0 ? 'not complete: no source is known' : 'not complete: a source was never heard');
  const width = Math.max(0, ...sources.map((s) => s.origin.length));
  for (const { origin, via, completeTo, lagSeconds, retiredAtMs, lostIncrements, suspectMinutes } of sources) {
    const way = via === '' || via === origin ? '' : ` via ${via}`;
    const heard = completeTo === null ? 'never heard' : `in before ${completeTo}, ${lagSeconds} s behind`;
    const retired =
      retiredAtMs === undefined ? '' : `, retired since ${new Date(retiredAtMs).toISOString().slice(0, 16)}Z`;
    const lost = lostIncrements > 0 ? `, ${lostIncrements} increments declared lost` : '';
    const suspect = suspectMinutes > 0 ? `, ${suspectMinutes} minutes SUSPECT` : '';
    lines.push(`  ${origin.padEnd(width)}  ${heard}${retired}${lost}${suspect}${way}`);
  }
  return lines;
}

async function ask<T>(
  { url, token }: Pick<TableOptions, 'url' | 'token'>,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<{ readonly data: T; readonly completeness: CompletenessReport | undefined }> {
  const endpoint = `${url.replace(/\/+$/, '').replace(/\/graphql$/, '')}/graphql`;
  let body: {
    readonly data?: T | null;
    readonly errors?: readonly { readonly message: string }[];
    readonly extensions?: { readonly completeness?: CompletenessReport };
  };
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = (await response.json()) as typeof body;
  } catch (error) {
    throw new QueryFailed(`no answer from ${endpoint}: ${reasonOf(error)}`, { cause: error });
  }
  if (body.errors?.length) throw new QueryFailed(body.errors.map((e) => e.message).join('; '));
  if (!body.data) throw new QueryFailed(`${endpoint} is no query server`);
  return { data: body.data, completeness: body.extensions?.completeness };
}

/** fetch hides what went wrong in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || ((cause as { code?: string }).code ?? error.message) : error.message;
}

function withOrigins(expression: string): string {
  try {
    return withLabel(expression, 'origin', '*');
  } catch (error) {
    if (error instanceof MqeError) throw new QueryFailed(`${expression}: ${error.message}`, { cause: error });
    throw error;
  }
}

function parseLast(last: string): number {
  const match = /^(\d{1,6})([mhd])$/.exec(last);
  const minutes = match ? Number(match[1]) * { m: 1, h: 60, d: 1440 }[match[2] as 'm' | 'h' | 'd'] : 0;
  if (minutes < 1)
    throw new QueryFailed(`--last "${last}" is not a number of minutes, hours or days, such as 15m, 3h, 2d`);
  return minutes;
}

function offsetOf(timezone: string): number {
  const match = /^([+-])(\d{2})(\d{2})$/.exec(timezone);
  if (!match) throw new QueryFailed(`the server's time zone "${timezone}" is not of the form +0800`);
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}
