// SPDX-License-Identifier: Apache-2.0
// The books of a slot, minute by minute: what its rows add up to, what its input logs say that they sent, and whether that is the same.
// In: what a flush merges, the manifests that batches bring. Out: manifests for the tier above, verdicts, all in the same flush.
// Everything here is a state that goes with the rows: batches that come again, claims and restores change both or neither.
import {
  DigestSum,
  entityKeys,
  EntityList,
  isDigest,
  NO_DIGEST,
  NO_WATERMARK,
  type Digest,
  type Entity,
  type ForeignBlock,
  type IncrementBatch,
  type IncrementBlock,
  type Loss,
  type Manifest,
  type MetricSchema,
} from '@oap-federation/model';
import type { Mark, StoredManifest, TierStore, Verdict } from '@oap-federation/storage';
import type { DeltaTable } from './delta.js';

// Manifests that stand under no log. ROWS: the merged rows. PASSED: read, forwarded, but in no row here. LOCAL: what of both came from
// this tier's own nodes. UNREAD: something nobody here can read was forwarded. RENAMED: a metric has another name here than below.
// PARTIAL: some rows are from a release that kept no digests.
export const ROWS = '';
const PASSED = '+passed';
const LOCAL = '+local';
const UNREAD = '!unread';
const RENAMED = '!renamed';
export const PARTIAL = '!partial';

/** Sealed minutes that stay in memory; older ones are read again when something of them comes. */
const MEMORY_MINUTES = 120;
/** Of those that could not be told yet so many stay: of older ones the upstream goes on to know that nothing can be said. */
const DUE_MINUTES = 1440;
/** A log that advanced after a minute may have brought something of it: so much may clocks differ. */
const SKEW_MINUTES = 5;

type Store = Pick<TierStore, 'readManifests' | 'readLosses' | 'readVerdicts'>;

interface Book {
  readonly rows: DigestSum;
  readonly passed: DigestSum;
  readonly local: DigestSum;
  /** What each input log says. */
  readonly logs: Map<string, Digest>;
  unread: boolean;
  renamed: boolean;
  partial: boolean;
  /** There is a digest of rows, perhaps of none that add. */
  counted: boolean;
}

/** What the books ask of a block that a tier below sent. */
export interface BlockKind {
  readonly schema: MetricSchema;
  readonly minute: number;
  /** Of this tier. */
  readonly metric: MetricSchema;
}

/** One input batch, as the flush sorted it. */
export interface AuditPart {
  readonly logId: string;
  readonly kind: 'federated' | 'local';
  readonly manifests: readonly Manifest[];
  readonly blocks: readonly {
    readonly batch: IncrementBatch;
    readonly block: IncrementBlock;
    readonly metric: MetricSchema;
  }[];
  /** Of blocks of tiers below that were merged too, and are not in `blocks`. */
  readonly kinds?: readonly BlockKind[];
  /** Forwarded untouched. */
  readonly foreign: readonly ForeignBlock[];
  readonly losses: readonly Loss[];
}

export interface JudgeOptions {
  /** All marks of the slot, as this flush leaves them. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** The tier's watermark in this slot: minutes before it are judged. */
  readonly sealedTo: number;
  /** The slot's own outbound log: losses declared in it are of what was merged here. */
  readonly outboundLogId: string;
  /** Losses that this flush notes: they are not stored yet. */
  readonly losses: readonly Loss[];
}

/** For the flush, and what to count once it is committed. */
export interface Judgement {
  readonly manifests: readonly StoredManifest[];
  readonly verdicts: readonly Verdict[];
  readonly checked: number;
  readonly mismatched: number;
}

export class SlotAudit {
  readonly #slot: number;
  readonly #oldestMinute: number;
  readonly #newestMinute: number;
  readonly #claimMinute: number;
  /** Minutes up to here may have rows without a digest. */
  #partialTo = NO_WATERMARK;
  readonly #books = new Map<number, Book>();
  /** Books from this minute on are all in memory; undefined before the first read. */
  #from: number | undefined;
  /** Verdicts that stand, but `matched`. */
  readonly #verdicts = new Map<number, Verdict>();
  /** Per input log the newest minute of which it sent a manifest: older ones without one are empty. */
  readonly #toldTo = new Map<string, number>();
  /** Minutes of which the upstream was told nothing, or "cannot say". */
  readonly #due = new Set<number>();
  /** Books that differ from the storage, and minutes to judge: of the flush that is being made. */
  #changed = new Map<number, Set<string>>();
  #toJudge = new Set<number>();
  /** Minutes of rows and foreign blocks of this flush. */
  #touched = new Set<number>();
  #sealedTo = NO_WATERMARK;
  /** Minutes up to this one cannot be told while something is suppressed: the upstream may have more of them than the rows here. */
  heldTo: number;

  /** `nowMinute`: of the claim. `newestMinute`: of the rows. */
  constructor(claim: { readonly slot: number; readonly newestMinute: number }, nowMinute: number) {
    this.#slot = claim.slot;
    this.#newestMinute = claim.newestMinute;
    this.#claimMinute = nowMinute;
    const newest = claim.newestMinute === NO_WATERMARK ? nowMinute : Math.min(claim.newestMinute, nowMinute);
    this.#oldestMinute = newest - MEMORY_MINUTES;
    this.heldTo = Math.max(nowMinute, claim.newestMinute) + SKEW_MINUTES; // the clock may be behind the data
  }

  /** Minutes that are SUSPECT now. */
  get suspects(): number {
    let n = 0;
    for (const { state } of this.#verdicts.values()) if (state === 'suspect') n++;
    return n;
  }

  /** Reads the books that `take` and `judge` of these minutes will need. */
  async load(store: Store, minutes: Iterable<number>): Promise<void> {
    if (this.#from === undefined) {
      this.#from = this.#oldestMinute;
      this.#add(await store.readManifests(this.#slot, this.#from));
      for (const verdict of await store.readVerdicts(this.#slot)) this.#verdicts.set(verdict.minute, verdict);
      if (this.#newestMinute !== NO_WATERMARK && !this.#books.get(this.#newestMinute)?.counted)
        this.#partialTo = Math.max(this.#newestMinute, this.#claimMinute + SKEW_MINUTES);
      // what the last owner could not say any more, or said in an entry that was dropped, is said again
      for (const [minute, book] of this.#books) if (!book.rows.isZero || !book.passed.isZero) this.#due.add(minute);
    }
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const minute of minutes) {
      if (minute >= this.#from || this.#books.has(minute)) continue;
      first = Math.min(first, minute);
      last = Math.max(last, minute);
    }
    if (first > last) return;
    const read = await store.readManifests(this.#slot, first, last);
    this.#add(read.filter(({ minute }) => !this.#books.has(minute)));
    for (const minute of minutes) this.#book(minute); // known to be empty from now on
  }

  #add(manifests: readonly StoredManifest[]): void {
    for (const { logId, minute, a, b } of manifests) {
      const book = this.#book(minute);
      if (logId === ROWS) {
        book.rows.add({ a, b });
        book.counted = true;
      } else if (logId === PASSED) book.passed.add({ a, b });
      else if (logId === LOCAL) book.local.add({ a, b });
      else if (logId === UNREAD) book.unread = true;
      else if (logId === RENAMED) book.renamed = true;
      else if (logId === PARTIAL) book.partial = true;
      else this.#told(book, logId, { minute, a, b });
    }
  }

  #told(book: Book | undefined, logId: string, { minute, a, b }: Manifest): void {
    book?.logs.set(logId, { a, b });
    if (minute <= (this.#toldTo.get(logId) ?? NO_WATERMARK)) return;
    this.#toldTo.set(logId, minute);
    for (const { minute: other, state } of this.#verdicts.values()) if (state === 'unchecked') this.#toJudge.add(other);
  }

  #book(minute: number): Book {
    let book = this.#books.get(minute);
    if (!book) {
      book = {
        rows: new DigestSum(),
        passed: new DigestSum(),
        local: new DigestSum(),
        logs: new Map(),
        unread: false,
        renamed: false,
        partial: false,
        counted: false,
      };
      this.#books.set(minute, book);
    }
    return book;
  }

  #change(minute: number, logId: string): void {
    const changed = this.#changed.get(minute);
    if (changed) changed.add(logId);
    else this.#changed.set(minute, new Set([logId]));
    this.#toJudge.add(minute);
  }

  /**
   * Takes what a flush merges: `tables` after they were folded into the slot's state, and the batches they were made of. All minutes
   * must be loaded; manifests of minutes before `oldest` are of rows that are gone here, or going.
   */
  take(tables: Iterable<DeltaTable>, parts: readonly AuditPart[], oldest: number): void {
    const isAllLocal = parts.length > 0 && parts.every(({ kind }) => kind === 'local');
    const keysOf = new Map<readonly Entity[], Int32Array>();
    const keys = (entities: readonly Entity[]) => {
      let known = keysOf.get(entities);
      if (!known) keysOf.set(entities, (known = EntityList.of(entities).keys));
      return known;
    };
    for (const { minute, entities, blocks, refused } of tables) {
      const sum = new DigestSum();
      for (const block of blocks) sum.addBlock(block, keys(entities), refused.get(block.schema.name));
      const book = this.#book(minute);
      this.#touched.add(minute);
      if (!book.counted && minute <= this.#partialTo) {
        book.partial = true;
        this.#change(minute, PARTIAL);
      }
      book.counted = true;
      book.rows.add(sum);
      this.#change(minute, ROWS);
      if (isAllLocal) {
        book.local.add(sum);
        this.#change(minute, LOCAL);
      }
    }
    for (const part of parts) {
      const isLocal = part.kind === 'local';
      for (const { batch, block, metric } of part.blocks) {
        if (isLocal) {
          if (isAllLocal) continue;
          this.#book(block.minute).local.addBlock(block, keys(batch.entities));
          this.#change(block.minute, LOCAL);
        } else {
          this.#merged(block.schema, block.minute, metric);
        }
      }
      for (const { schema, minute, metric } of part.kinds ?? []) this.#merged(schema, minute, metric);
      for (const { block, entities } of part.foreign) {
        const book = this.#book(block.minute);
        this.#touched.add(block.minute);
        if ('schema' in block) {
          book.passed.addBlock(block, keys(entities));
          this.#change(block.minute, PASSED);
          if (isLocal) {
            book.local.addBlock(block, keys(entities));
            this.#change(block.minute, LOCAL);
          }
        } else if (!book.unread) {
          book.unread = true;
          this.#change(block.minute, UNREAD);
        }
      }
      for (const manifest of part.manifests) {
        if (isLocal || manifest.minute < oldest) continue;
        // an empty minute says how far the log was told, and nothing more
        const isNews = manifest.a !== 0 || manifest.b !== 0 || this.#books.get(manifest.minute)?.logs.has(part.logId);
        this.#told(isNews === true ? this.#book(manifest.minute) : undefined, part.logId, manifest);
        if (isNews === true) this.#change(manifest.minute, part.logId);
        else this.#toJudge.add(manifest.minute);
      }
      // a loss may explain what nothing explained before
      if (part.losses.length > 0) for (const minute of this.#verdicts.keys()) this.#toJudge.add(minute);
    }
  }

  /** Increments of a tier below were merged. */
  #merged(schema: MetricSchema, minute: number, metric: MetricSchema): void {
    if (schema.text === metric.text || this.#book(minute).renamed) return;
    this.#book(minute).renamed = true;
    this.#change(minute, RENAMED);
  }

  /** Takes blocks that were forwarded and parked before, and are merged now: what the tier above is told stays the same. */
  takeParked(tables: Iterable<DeltaTable>, blocks: AuditPart['blocks']): void {
    this.take(tables, [], NO_WATERMARK);
    for (const { batch, block, metric } of blocks) {
      const book = this.#book(block.minute);
      const sum = new DigestSum();
      sum.addBlock(block, entityKeys(batch.entities));
      book.passed.subtract(sum);
      this.#change(block.minute, PASSED);
      if (block.schema.text === metric.text || book.renamed) continue;
      book.renamed = true;
      this.#change(block.minute, RENAMED);
    }
  }

  /** Minutes that `load` must have read before `take`. */
  static minutesOf(tables: Iterable<DeltaTable>, parts: readonly AuditPart[], oldest: number): Set<number> {
    const minutes = new Set<number>();
    for (const { minute } of tables) minutes.add(minute);
    for (const { blocks, kinds, foreign, manifests } of parts) {
      for (const { block } of blocks) minutes.add(block.minute);
      for (const { minute } of kinds ?? []) minutes.add(minute);
      for (const { block } of foreign) minutes.add(block.minute);
      for (const { minute } of manifests) if (minute >= oldest) minutes.add(minute);
    }
    return minutes;
  }

  /**
   * The manifests that go up with what this flush appends: of minutes that the watermark passes (and of the last of them even if it is
   * empty, so that the upstream knows how far it was told), of older ones that changed, and of those that could not be told before.
   * `heldTo`: minutes up to there cannot be told now.
   */
  tell({
    before,
    watermark,
    heldTo,
  }: {
    readonly before: number;
    readonly watermark: number;
    readonly heldTo: number;
  }): Manifest[] {
    const minutes = new Set<number>();
    // up to the claim, or the repair, the upstream may have been promised more than this owner knows
    for (const minute of this.#touched) if (minute < watermark || minute <= this.heldTo) minutes.add(minute);
    if (watermark > before) {
      for (const minute of this.#books.keys()) if (minute >= before && minute < watermark) minutes.add(minute);
      minutes.add(watermark - 1);
    }
    for (const minute of this.#due) if (minute > heldTo && minute < watermark) minutes.add(minute);
    return [...minutes]
      .toSorted((a, b) => a - b)
      .map((minute) => {
        const book = this.#books.get(minute);
        const isHeld = minute <= heldTo;
        if (isHeld) this.#due.add(minute);
        else this.#due.delete(minute);
        if (isHeld || book?.unread === true || book?.partial === true) return { minute, ...NO_DIGEST };
        const sum = new DigestSum();
        if (book) {
          sum.add(book.rows);
          sum.add(book.passed);
        }
        return { minute, ...sum.value() };
      });
  }

  /** The manifests were not sent after all. */
  untold(manifests: readonly Manifest[]): void {
    for (const { minute } of manifests) if (this.#books.has(minute)) this.#due.add(minute);
  }

  /** What the flush writes. Reads declared losses when a minute does not match. */
  async judge(store: Store, { marks, sealedTo, outboundLogId, losses: fresh }: JudgeOptions): Promise<Judgement> {
    const federated = [...marks.values()].filter(({ kind }) => kind === 'federated');
    if (sealedTo > this.#sealedTo) {
      for (const minute of this.#books.keys())
        if (minute >= this.#sealedTo && minute < sealedTo) this.#toJudge.add(minute);
      this.#sealedTo = sealedTo;
    }
    const manifests = this.#takeChanges();
    const found: Verdict[] = [];
    if (federated.length > 0) {
      for (const minute of this.#toJudge) {
        const book = this.#books.get(minute);
        if (book && minute < this.#sealedTo) found.push(this.#compare(minute, book, federated, marks));
      }
    }
    this.#toJudge = new Set();
    this.#touched = new Set();
    const suspects = found.filter(({ state }) => state === 'suspect').map(({ minute }) => minute);
    const losses =
      suspects.length > 0 ? await store.readLosses(this.#slot, Math.min(...suspects), Math.max(...suspects)) : [];
    const verdicts: Verdict[] = [];
    let mismatched = 0;
    for (const one of found) {
      const loss =
        one.state === 'suspect'
          ? (losses.find((l) => l.logId !== outboundLogId && covers(l, one.minute)) ??
            fresh.find((l) => covers(l, one.minute)))
          : undefined;
      const verdict: Verdict = loss
        ? { ...one, state: 'unchecked', reason: `declared by ${loss.tier}: ${loss.cause}` }
        : one;
      const known = this.#verdicts.get(verdict.minute);
      if (verdict.state === 'matched') {
        if (known) verdicts.push(verdict);
        this.#verdicts.delete(verdict.minute);
      } else {
        if (verdict.state === 'suspect' && known?.state !== 'suspect') mismatched++;
        if (!known || !sameVerdict(known, verdict)) verdicts.push(verdict);
        this.#verdicts.set(verdict.minute, verdict);
      }
    }
    return { manifests, verdicts, checked: found.length, mismatched };
  }

  #takeChanges(): StoredManifest[] {
    const manifests: StoredManifest[] = [];
    for (const [minute, logIds] of this.#changed) {
      const book = this.#books.get(minute)!;
      for (const logId of logIds) {
        const digest =
          logId === ROWS
            ? book.rows.value()
            : logId === PASSED
              ? book.passed.value()
              : logId === LOCAL
                ? book.local.value()
                : (book.logs.get(logId) ?? NO_DIGEST);
        manifests.push({ logId, minute, ...digest });
      }
    }
    this.#changed = new Map();
    return manifests;
  }

  /** `suspect` here means that nothing in the books explains it; a declared loss still may. */
  #compare(minute: number, book: Book, federated: readonly Mark[], marks: ReadonlyMap<string, Mark>): Verdict {
    const merged = new DigestSum();
    merged.add(book.rows);
    merged.add(book.passed);
    merged.subtract(book.local);
    const said = new DigestSum();
    const tiers = new Set<string>();
    const silent = new Set<string>();
    for (const [logId, digest] of book.logs) {
      const producer = marks.get(logId)?.producer ?? logId;
      if (isDigest(digest)) said.add(digest);
      else silent.add(producer);
      if (digest.a !== 0 || digest.b !== 0) tiers.add(producer);
    }
    const all = () => [...new Set(federated.map(({ producer }) => producer))].toSorted();
    const names = () => (tiers.size > 0 ? [...tiers].toSorted() : all());
    if (merged.a === said.a && merged.b === said.b) return { minute, state: 'matched', tiers: names(), reason: '' };
    for (const { logId, producer, updatedAtMs } of federated) {
      const mayHaveSent = Math.floor(updatedAtMs / 60_000) + SKEW_MINUTES >= minute;
      if ((this.#toldTo.get(logId) ?? NO_WATERMARK) < minute && mayHaveSent) silent.add(producer);
    }
    for (const producer of silent) tiers.add(producer);
    const reason = book.unread
      ? 'increments of a metric that this release cannot read'
      : book.partial
        ? 'rows of a release that kept no digests'
        : book.renamed
          ? 'a metric has another name here than below'
          : silent.size > 0
            ? `no digest from ${[...silent].toSorted().join(', ')}`
            : '';
    // who says that it sent nothing may be wrong as well as who says what it sent
    if (reason === '') return { minute, state: 'suspect', tiers: all(), reason };
    return { minute, state: 'unchecked', tiers: names(), reason };
  }

  /** The upstream was found to have more than the rows here: what is held back begins anew. */
  repaired(nowMinute: number): void {
    this.heldTo = Math.max(this.heldTo, nowMinute + SKEW_MINUTES);
    for (const minute of this.#books.keys()) this.#due.add(minute);
  }

  /** Forgets sealed minutes long past, later those that are still to be told; verdicts before `oldest`. Not while a flush is being made. */
  evict(oldest: number): void {
    if (this.#from === undefined) return;
    this.#from = Math.max(this.#from, this.#sealedTo - MEMORY_MINUTES);
    for (const minute of this.#books.keys()) {
      if (minute >= this.#from || (this.#due.has(minute) && minute >= this.#sealedTo - DUE_MINUTES)) continue;
      this.#books.delete(minute);
      this.#due.delete(minute);
    }
    for (const minute of this.#verdicts.keys()) if (minute < oldest) this.#verdicts.delete(minute);
  }
}

function covers({ firstMinute, lastMinute }: Loss, minute: number): boolean {
  return firstMinute <= minute && (lastMinute >= minute || lastMinute === NO_WATERMARK);
}

function sameVerdict(a: Verdict, b: Verdict): boolean {
  return a.state === b.state && a.reason === b.reason && a.tiers.join(' ') === b.tiers.join(' ');
}
