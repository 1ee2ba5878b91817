// SPDX-License-Identifier: Apache-2.0
// Goal: a slot's books find a lost, doubled or changed increment in its minute, and nothing else; what cannot be compared is said.
// Method: two children and their parent, each with books of its own over a list of flushes; what travels is taken, dropped or changed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BatchBuilder,
  entityOf,
  MetricColumns,
  metricSchema,
  NO_DIGEST,
  NO_WATERMARK,
  type IncrementBatch,
  type Loss,
  type Manifest,
} from '@oap-federation/model';
import type { Mark, StoredLoss, StoredManifest, Verdict } from '@oap-federation/storage';
import { SlotAudit, type AuditPart } from './audit.js';
import { SlotDelta } from './delta.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const RENAMED = metricSchema('all_cpm', 'Service', 'cpm');
const ENTITIES = ['a', 'b'].map((service) =>
  entityOf('Service', { service, normal: true, layer: 'GENERAL', name: '' }),
);
const NOW = 29_000_000;

type Counts = readonly (readonly [minute: number, entity: number, count: bigint])[];

function batchOf(counts: Counts): IncrementBatch {
  const builder = new BatchBuilder();
  for (const minute of new Set(counts.map(([m]) => m))) {
    const columns = new MetricColumns(CPM, 2);
    for (const [m, entity, count] of counts) {
      if (m !== minute) continue;
      const one = new MetricColumns(CPM, 1);
      one.setRow(0, [count], []);
      columns.mergeRow(entity, one, 0);
    }
    builder.addRows(columns, minute, '', [0, 1], (row) => ENTITIES[row]!);
  }
  return builder.build();
}

/** What a slot's storage keeps of all this. */
class Stored {
  readonly manifests = new Map<string, StoredManifest>();
  readonly verdicts = new Map<number, Verdict>();
  readonly losses: StoredLoss[] = [];

  readManifests = async (_slot: number, from: number, to = Number.POSITIVE_INFINITY) =>
    [...this.manifests.values()].filter((m) => m.minute >= from && m.minute <= to);
  readVerdicts = async () => [...this.verdicts.values()];
  readLosses = async () => this.losses;

  copy(): Stored {
    const copy = new Stored();
    for (const [key, value] of this.manifests) copy.manifests.set(key, value);
    for (const [key, value] of this.verdicts) copy.verdicts.set(key, value);
    copy.losses.push(...this.losses);
    return copy;
  }
}

interface Said {
  readonly counts: Counts;
  readonly manifests: readonly Manifest[];
  readonly watermark: number;
  readonly losses?: readonly Loss[];
}

class Tier {
  readonly name: string;
  stored = new Stored();
  audit = this.claimed();
  watermark = NO_WATERMARK;
  metric = CPM;
  readonly marks = new Map<string, Mark>();

  constructor(name: string) {
    this.name = name;
  }

  claimed(): SlotAudit {
    const minutes = [...this.stored.manifests.values()].filter((m) => m.logId === '').map((m) => m.minute);
    return new SlotAudit({ slot: 0, newestMinute: Math.max(NO_WATERMARK, ...minutes) }, NOW);
  }

  /** One flush of what `from` said, `undefined` for a local node. Returns what goes up. */
  async flush(
    inputs: readonly { readonly from?: string; readonly said: Said }[],
    watermark: number,
    heldTo = NO_WATERMARK,
  ): Promise<Said> {
    const delta = new SlotDelta();
    const parts = inputs.map(({ from, said }): AuditPart => {
      const batch = batchOf(said.counts);
      for (const block of batch.blocks) delta.addBlock(batch, block, this.metric, '');
      const logId = from ?? 'own node';
      const kind = from === undefined ? 'local' : 'federated';
      this.marks.set(logId, {
        logId,
        slot: 0,
        producer: from ?? 'node',
        kind,
        gen: 1,
        seq: 1,
        chain: new Uint8Array(),
        watermark: said.watermark,
        origins: new Map(),
        increments: 0,
        frontier: new Map(),
        updatedAtMs: (NOW + 500) * 60_000,
      });
      const blocks = batch.blocks.map((block) => ({ batch, block, metric: this.metric }));
      return { logId, kind, manifests: said.manifests, blocks, foreign: [], losses: said.losses ?? [] };
    });
    const oldest = NOW - 10_000;
    await this.audit.load(this.stored, SlotAudit.minutesOf(delta.tables, parts, oldest));
    this.audit.take(delta.tables, parts, oldest);
    const manifests = this.audit.tell({ before: this.watermark, watermark, heldTo });
    const judged = await this.audit.judge(this.stored, {
      marks: this.marks,
      sealedTo: watermark,
      outboundLogId: `${this.name} out`,
      losses: parts.flatMap((p) => p.losses),
    });
    for (const one of judged.manifests) this.stored.manifests.set(`${one.logId} ${one.minute}`, one);
    for (const verdict of judged.verdicts) {
      if (verdict.state === 'matched') this.stored.verdicts.delete(verdict.minute);
      else this.stored.verdicts.set(verdict.minute, verdict);
    }
    this.watermark = watermark;
    this.audit.evict(oldest);
    return { counts: inputs.flatMap(({ said }) => said.counts), manifests, watermark };
  }

  get verdicts(): readonly Verdict[] {
    return [...this.stored.verdicts.values()].toSorted((a, b) => a.minute - b.minute);
  }
}

const local = (counts: Counts): { said: Said } => ({ said: { counts, manifests: [], watermark: 0 } });
const counts = (minutes: readonly number[]): fc.Arbitrary<Counts> =>
  fc.array(
    fc.tuple(
      fc.constantFrom(...minutes),
      fc.nat(1),
      fc.bigInt(1n, 9n), // a small range, so that wrong sums would be right by chance now and then
    ),
    { maxLength: 5 },
  );

describe('the books of a slot', () => {
  test('children, a node of its own, late data, new claims: every minute matches', async () => {
    const round = fc.record({
      a: counts([0, 1, 2, 3]),
      b: counts([0, 1, 2, 3]),
      own: counts([0, 1, 2, 3]),
      together: fc.boolean(),
      claims: fc.constantFrom('a', 'parent', 'nobody'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
        const [a, b, parent] = [new Tier('a'), new Tier('b'), new Tier('parent')];
        const shift = (list: Counts, n: number): Counts => list.map(([m, e, c]) => [NOW + n + m, e, c]);
        for (const [n, r] of [...rounds, { ...rounds[0]!, a: [], b: [], own: [] }].entries()) {
          const watermark = NOW + n * 2; // some of what comes is late
          if (r.claims === 'a') a.audit = a.claimed();
          if (r.claims === 'parent') parent.audit = parent.claimed();
          const fromA = { from: 'a', said: await a.flush([local(shift(r.a, n))], watermark) };
          const fromB = { from: 'b', said: await b.flush([local(shift(r.b, n))], watermark) };
          if (r.together) await parent.flush([fromA, local(shift(r.own, n)), fromB], watermark);
          else {
            await parent.flush([fromA], Math.max(parent.watermark, NO_WATERMARK));
            await parent.flush([local(shift(r.own, n))], parent.watermark);
            await parent.flush([fromB], watermark);
          }
          expect(parent.verdicts).toEqual([]);
          expect(parent.audit.suspects).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });

  const sent: Counts = [
    [NOW, 0, 3n],
    [NOW, 1, 4n],
    [NOW + 1, 0, 5n],
  ];

  test.each<[string, (said: Said) => Said]>([
    ['lost', (said) => ({ ...said, counts: said.counts.slice(1) })],
    ['doubled', (said) => ({ ...said, counts: [said.counts[0]!, ...said.counts] })],
    ['changed', (said) => ({ ...said, counts: [[NOW, 0, 4n], ...said.counts.slice(1)] })],
    ['moved to another entity', (said) => ({ ...said, counts: [[NOW, 1, 3n], ...said.counts.slice(1)] })],
  ])('an increment that is %s makes its minute suspect, and no other', async (_, spoil) => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    const said = await a.flush([local(sent)], NOW + 2);
    await parent.flush([{ from: 'a', said: spoil(said) }], NOW + 2);
    expect(parent.verdicts).toEqual([{ minute: NOW, state: 'suspect', tiers: ['a'], reason: '' }]);
    expect(parent.audit.suspects).toBe(1);
    // it stays so over a new claim, and until the sum is right again
    parent.audit = parent.claimed();
    await parent.flush([{ from: 'a', said: { counts: [], manifests: [], watermark: 0 } }], NOW + 2);
    expect(parent.audit.suspects).toBe(1);
  });

  test('who says that it sent nothing of a suspect minute is named with those who say what they sent', async () => {
    const [a, b, parent] = [new Tier('a'), new Tier('b'), new Tier('parent')];
    const saidA = await a.flush([local(sent)], NOW + 2);
    const saidB = await b.flush([local([])], NOW + 2);
    const inputs = [
      { from: 'a', said: saidA },
      { from: 'b', said: { ...saidB, counts: [[NOW, 1, 4n]] as Counts } }, // which it has forgotten, as after a restore
    ];
    await parent.flush(inputs, NOW + 2);
    expect(parent.verdicts).toEqual([{ minute: NOW, state: 'suspect', tiers: ['a', 'b'], reason: '' }]);
  });

  test('a declared loss explains it, whenever the news comes', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    const said = await a.flush([local(sent)], NOW + 2);
    await parent.flush([{ from: 'a', said: { ...said, counts: sent.slice(1) } }], NOW + 2);
    expect(parent.audit.suspects).toBe(1);
    const loss: Loss = {
      tier: 'a',
      origin: '',
      cause: 'dropped',
      kind: '',
      firstMinute: NOW,
      lastMinute: NOW,
      increments: 1,
    };
    await parent.flush([{ from: 'a', said: { counts: [], manifests: [], watermark: 0, losses: [loss] } }], NOW + 2);
    expect(parent.verdicts).toEqual([
      { minute: NOW, state: 'unchecked', tiers: ['a'], reason: 'declared by a: dropped' },
    ]);
    expect(parent.audit.suspects).toBe(0);
  });

  test('a loss of which only the last minute is known explains that one and those before, and no later one', async () => {
    const loss: Loss = {
      tier: 'a',
      origin: '',
      cause: 'range',
      kind: '',
      firstMinute: NO_WATERMARK,
      lastMinute: NOW,
      increments: 1,
    };
    for (const [minute, state] of [
      [NOW - 9, 'unchecked'],
      [NOW, 'unchecked'],
      [NOW + 1, 'suspect'],
    ] as const) {
      const [a, parent] = [new Tier('a'), new Tier('parent')];
      const said = await a.flush([local([[minute, 0, 2n]])], NOW + 2);
      await parent.flush([{ from: 'a', said: { ...said, counts: [], losses: [loss] } }], NOW + 2);
      expect(parent.verdicts).toMatchObject([{ minute, state }]);
    }
  });

  test('a child that sends no manifests leaves its minutes unchecked', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    const said = await a.flush([local(sent)], NOW + 2);
    await parent.flush([{ from: 'a', said: { ...said, manifests: [] } }], NOW + 2);
    expect(parent.verdicts.map(({ minute, state, reason }) => [minute, state, reason])).toEqual([
      [NOW, 'unchecked', 'no digest from a'],
      [NOW + 1, 'unchecked', 'no digest from a'],
    ]);
  });

  test('a tier whose storage went back says nothing of what the upstream may have more of, and all of it later', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    await parent.flush([{ from: 'a', said: await a.flush([local(sent)], NOW + 2) }], NOW + 2);
    const before = a.stored.copy();
    const late: Counts = [[NOW, 0, 7n]];
    await parent.flush([{ from: 'a', said: await a.flush([local(late)], NOW + 3) }], NOW + 3);
    expect(parent.verdicts).toEqual([]);
    // the storage goes back; `late` is given again and not forwarded; meanwhile other late data is
    a.stored = before;
    a.audit = a.claimed();
    a.watermark = NOW + 2;
    a.audit.repaired(NOW + 3);
    const other = await a.flush([local([[NOW, 1, 1n]])], NOW + 3, a.audit.heldTo);
    expect(other.manifests).toContainEqual({ minute: NOW, ...NO_DIGEST });
    await parent.flush([{ from: 'a', said: other }], NOW + 3);
    expect(parent.verdicts.map(({ minute, state }) => [minute, state])).toEqual([[NOW, 'unchecked']]);
    const again = await a.flush([local(late)], NOW + 3);
    expect(again.manifests.find(({ minute }) => minute === NOW)).not.toMatchObject(NO_DIGEST);
    await parent.flush([{ from: 'a', said: { ...again, counts: [] } }], NOW + 3);
    expect(parent.verdicts).toEqual([]);
  });

  test('a tier whose storage went back tells late what the upstream was promised, not what it remembers', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    const before = a.stored.copy();
    await parent.flush([{ from: 'a', said: await a.flush([local(sent)], NOW + 2) }], NOW + 2);
    // nothing of it is in the restored storage, and nothing is promised there: the first minutes are not late to it
    a.stored = before;
    a.audit = a.claimed();
    a.watermark = NO_WATERMARK;
    a.audit.repaired(NOW + 3);
    const more = await a.flush([local([[NOW, 1, 1n]])], NOW - 1, a.audit.heldTo);
    await parent.flush([{ from: 'a', said: more }], NOW + 2);
    expect(parent.verdicts.map(({ minute, state }) => [minute, state])).toEqual([[NOW, 'unchecked']]);
    const again = await a.flush([local(sent)], NOW + 2);
    await parent.flush([{ from: 'a', said: { ...again, counts: [] } }], NOW + 2);
    expect(parent.verdicts).toEqual([]);
  });

  test('minutes with rows of a release that kept no digests are not compared', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    parent.audit = new SlotAudit({ slot: 0, newestMinute: NOW }, NOW);
    const late: Counts = [[NOW + 9, 0, 5n]];
    const said = await a.flush([local([...sent, ...late])], NOW + 10);
    const up = await parent.flush([{ from: 'a', said: { ...said, counts: [...sent.slice(1), ...late] } }], NOW + 10);
    expect(parent.verdicts.map(({ minute, state, reason }) => [minute, state, reason])).toEqual([
      [NOW, 'unchecked', 'rows of a release that kept no digests'],
    ]);
    expect(up.manifests[0]).toEqual({ minute: NOW, ...NO_DIGEST });
    expect(up.manifests.at(-1)).not.toMatchObject(NO_DIGEST);
  });

  test('what nobody here can read is not compared, nor told above; a renamed metric is not compared', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    parent.metric = RENAMED;
    const said = await parent.flush([{ from: 'a', said: await a.flush([local(sent)], NOW + 2) }], NOW + 2);
    expect(parent.verdicts[0]).toMatchObject({
      minute: NOW,
      state: 'unchecked',
      reason: 'a metric has another name here than below',
    });
    expect(said.manifests.every(({ b }) => b !== NO_DIGEST.b)).toBe(true);

    const unread = { schemaText: 'x Service later()', minute: NOW, origin: '', rows: 1, payload: Uint8Array.of(0) };
    const other = new Tier('other');
    await other.audit.load(other.stored, [NOW]);
    other.audit.take(
      [],
      [
        {
          logId: 'a',
          kind: 'federated',
          manifests: [],
          blocks: [],
          losses: [],
          foreign: [{ block: unread, entities: ENTITIES }],
        },
      ],
      0,
    );
    expect(other.audit.tell({ before: NOW, watermark: NOW + 1, heldTo: NO_WATERMARK })).toEqual([
      { minute: NOW, ...NO_DIGEST },
    ]);
  });

  test('an increment that is forwarded without a row here is in the sums', async () => {
    const [a, parent] = [new Tier('a'), new Tier('parent')];
    const said = await a.flush([local(sent)], NOW + 2);
    const batch = batchOf(sent);
    parent.marks.set('a', { ...(await markOf(a)), logId: 'a', producer: 'a', kind: 'federated' });
    const part: AuditPart = {
      logId: 'a',
      kind: 'federated',
      manifests: said.manifests,
      blocks: [],
      losses: [],
      foreign: batch.blocks.map((block) => ({ block, entities: batch.entities })),
    };
    await parent.audit.load(parent.stored, SlotAudit.minutesOf([], [part], 0));
    parent.audit.take([], [part], 0);
    expect(parent.audit.tell({ before: NO_WATERMARK, watermark: NOW + 2, heldTo: NO_WATERMARK })).toEqual(
      said.manifests,
    );
    const judged = await parent.audit.judge(parent.stored, {
      marks: parent.marks,
      sealedTo: NOW + 2,
      outboundLogId: '',
      losses: [],
    });
    expect([judged.checked, judged.verdicts]).toEqual([2, []]);
  });
});

async function markOf(tier: Tier): Promise<Mark> {
  return [...tier.marks.values()][0]!;
}
