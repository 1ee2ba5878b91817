// SPDX-License-Identifier: Apache-2.0
// The segment log: numbered records in files of fixed size, one sync for all records of a write. In: sealed bytes of records. Out: the
// records that are durable, in order, or named damage. It knows nothing of what records say, except that one of them is a checkpoint.
//
// Full disk: shows when a segment is created, not in the middle of a record; deleting old segments and writing the position need no
// space. A failed sync: the file is never written again; the same records go to a new segment, whose number of the first record tells
// a reader where the old one stops counting.
import { messageOf, type Logger } from '@oap-federation/runtime';
import type { Disk, DiskFile } from './disk.js';
import {
  decodePosition,
  decodeSegmentHeader,
  encodePosition,
  encodeSegmentHeader,
  positionCopyBytes,
  RECORD_HEADER_BYTES,
  scanSegment,
  sealRecord,
  SEGMENT_HEADER_BYTES,
  type Position,
  type SegmentHeader,
} from './format.js';

/** One segment file. */
export interface Segment {
  readonly name: string;
  readonly file: DiskFile;
  readonly header: SegmentHeader;
  readonly quarantined: boolean;
}

/** Where a record's payload is; `segment` is undefined until it is written. */
export interface RecordPlace {
  segment: Segment | undefined;
  offset: number;
}

/** A record on its way to the disk: 16 bytes of room, then the payload. */
export interface NewRecord {
  readonly bytes: Uint8Array;
  readonly place: RecordPlace;
}

/** Durable records that cannot be read any more. */
export interface Damage {
  readonly segment: string;
  readonly detail: string;
}

export interface SegmentLogOptions {
  readonly segmentBytes: number;
  readonly slots: number;
  /** 16 bytes, for a directory that is empty. */
  readonly newStore: Uint8Array;
}

export interface OpenedLog {
  readonly log: SegmentLog;
  readonly damages: readonly Damage[];
  readonly position: Position | undefined;
  /** Renames damaged segments, so that the next open passes over what is damaged in them. Nothing on disk was changed before. */
  quarantine(): Promise<void>;
}

const POSITION_FILE = 'position';
const SEGMENT_NAME = /^(\d{10})\.(segment|corrupt)$/;
const nameOf = (number: number, kind: 'segment' | 'corrupt') => `${String(number).padStart(10, '0')}.${kind}`;

interface Active {
  readonly segment: Segment;
  end: number;
  crc: number;
}

interface Found {
  readonly name: string;
  readonly number: number;
  readonly quarantined: boolean;
  readonly file: DiskFile;
  readonly header: (SegmentHeader & { readonly crc: number }) | undefined;
}

/**
 * Reads everything that is durable, oldest first. Errors: a segment of another store, or of a later version.
 * A last record that was never acknowledged may be cut; a record that is missing before others, or before the position, is damage.
 */
export async function openSegmentLog(
  disk: Disk,
  options: SegmentLogOptions,
  onRecord: (payload: Uint8Array, place: RecordPlace) => void,
  logger: Logger,
): Promise<OpenedLog> {
  const found = await findSegments(disk);
  const store = found.find(({ header }) => header)?.header?.store ?? options.newStore;
  const foreign = found.find(({ header }) => header?.store.some((byte, i) => byte !== store[i]));
  if (foreign) throw new Error(`${foreign.name} belongs to another store`);
  const names = await disk.list();
  const positionFile = names.includes(POSITION_FILE) ? await disk.open(POSITION_FILE) : undefined;
  const copies = positionFile && (await positionFile.read(0, positionCopyBytes(options.slots) * 2));
  const position = copies && decodePosition(copies, store, options.slots);

  const damages: Damage[] = [];
  const damaged: Found[] = [];
  const unused: Found[] = [];
  const segments: Segment[] = [];
  const complain = (one: Found, detail: string) => {
    damages.push({ segment: one.name, detail });
    damaged.push(one);
  };
  const readable = found.filter((one) => one.header !== undefined);
  for (const one of found) {
    if (one.header || one.quarantined) continue;
    // no header: its creation was cut short, unless it is known to have held records, or others came after it
    const later = readable.some(({ number }) => number > one.number);
    if (position?.segment === one.number || (later && !readable.some(({ number }) => number < one.number)))
      complain(one, 'its header is damaged: nothing in it can be read');
    else unused.push(one);
  }
  let active: Active | undefined;
  let nextRecord = 1;
  for (const [i, one] of readable.entries()) {
    const header = one.header!;
    const next = readable[i + 1]?.header;
    const segment: Segment = { name: one.name, file: one.file, header, quarantined: one.quarantined };
    segments.push(segment);
    const bytes = await one.file.read(0, one.file.size);
    const scan = scanSegment(bytes, header, next?.firstRecord ?? Number.POSITIVE_INFINITY);
    for (const { payload, offset } of scan.records) onRecord(payload, { segment, offset });
    nextRecord = header.firstRecord + scan.records.length;
    const missing = next ? next.firstRecord - nextRecord : 0;
    if (one.quarantined) continue;
    const known = position?.segment === one.number ? position.offset : 0;
    if (missing > 0)
      complain(one, `records ${nextRecord} to ${next!.firstRecord - 1} cannot be read, from byte ${scan.end} on`);
    else if (!next && scan.end < known)
      complain(one, `durable up to byte ${known}, but byte ${scan.end} starts no record`);
    else if (!next) {
      if (scan.tail === 'bad')
        logger.warn({ segment: one.name, offset: scan.end }, 'a record that was never acknowledged is cut off');
      active = { segment, end: scan.end, crc: scan.crc };
    }
  }
  if (position && !found.some(({ number }) => number === position.segment)) {
    damages.push({ segment: nameOf(position.segment, 'segment'), detail: 'the file is missing' });
    active = undefined;
  }
  const log = new SegmentLog(disk, options, {
    store,
    segments,
    active,
    nextRecord,
    nextNumber: (found.at(-1)?.number ?? 0) + 1,
    positionFile,
    generation: position?.generation ?? 0,
    durableCopy: position?.copy ?? 0,
  });
  return {
    log,
    damages,
    position,
    async quarantine() {
      for (const { file, name } of unused) {
        await file.close();
        await disk.remove(name);
      }
      for (const one of damaged) await disk.rename(one.name, nameOf(one.number, 'corrupt'));
      log.renamed(new Map(damaged.map((one) => [one.name, nameOf(one.number, 'corrupt')])));
    },
  };
}

async function findSegments(disk: Disk): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of (await disk.list()).toSorted()) {
    const [, digits, kind] = SEGMENT_NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const file = await disk.open(name);
    const header = decodeSegmentHeader(await file.read(0, SEGMENT_HEADER_BYTES));
    const number = Number(digits);
    found.push({
      name,
      number,
      quarantined: kind === 'corrupt',
      file,
      header: header?.number === number ? header : undefined,
    });
  }
  return found;
}

interface LogState {
  readonly store: Uint8Array;
  segments: Segment[];
  active: Active | undefined;
  nextRecord: number;
  nextNumber: number;
  positionFile: DiskFile | undefined;
  generation: number;
  /** Which copy of the position must not be written over: 0 or 1. */
  durableCopy: number;
}

export class SegmentLog {
  readonly #disk: Disk;
  readonly #options: SegmentLogOptions;
  readonly #state: LogState;

  constructor(disk: Disk, options: SegmentLogOptions, state: LogState) {
    this.#disk = disk;
    this.#options = options;
    this.#state = state;
  }

  get segments(): readonly Segment[] {
    return this.#state.segments;
  }

  /** True when the next write makes a segment first, and with it a checkpoint. */
  get hasActive(): boolean {
    return this.#state.active !== undefined;
  }

  renamed(names: ReadonlyMap<string, string>): void {
    const state = this.#state;
    state.segments = state.segments.map((segment) => {
      const name = names.get(segment.name);
      return name === undefined ? segment : Object.assign(segment, { name, quarantined: true });
    });
  }

  /**
   * Makes the records durable, in order; `checkpoint` is asked for the state after all of them when they go to a new segment.
   * After an error nothing is known of them, and the same records must be the first of the next write. Errors: what the disk says.
   */
  async write(records: readonly NewRecord[], checkpoint: () => NewRecord): Promise<void> {
    const state = this.#state;
    const { active } = state;
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    if (active && active.end + bytes <= active.segment.file.size) {
      if (records.length === 0) return;
      try {
        await this.#append(active, records);
        return;
      } catch {
        state.active = undefined; // what a failed sync left of this file is not known; it is written no more
      }
    }
    await this.#appendToNew(records, checkpoint());
  }

  async #append(active: Active, records: readonly NewRecord[]): Promise<void> {
    const state = this.#state;
    const { segment } = active;
    let { end, crc } = active;
    const buffer = new Uint8Array(records.reduce((sum, record) => sum + record.bytes.length, 0));
    let at = 0;
    for (const [i, { bytes }] of records.entries()) {
      crc = sealRecord(bytes, state.nextRecord + i, crc);
      buffer.set(bytes, at);
      at += bytes.length;
    }
    await segment.file.write(end, buffer);
    await segment.file.sync();
    for (const { bytes, place } of records) {
      place.segment = segment;
      place.offset = end + RECORD_HEADER_BYTES;
      end += bytes.length;
    }
    state.nextRecord += records.length;
    state.active = { segment, end, crc };
  }

  async #appendToNew(records: readonly NewRecord[], checkpoint: NewRecord): Promise<void> {
    const state = this.#state;
    const all = [...records, checkpoint];
    const bytes = all.reduce((sum, record) => sum + record.bytes.length, SEGMENT_HEADER_BYTES);
    const number = state.nextNumber++; // also when it fails: the name may be taken then
    const header = { store: state.store, number, firstRecord: state.nextRecord };
    const name = nameOf(number, 'segment');
    const file = await this.#disk.create(name, Math.max(this.#options.segmentBytes, bytes));
    try {
      const encoded = encodeSegmentHeader(header);
      await file.write(0, encoded.bytes);
      const segment = { name, file, header, quarantined: false };
      await this.#append({ segment, end: SEGMENT_HEADER_BYTES, crc: encoded.crc }, all);
      state.segments.push(segment);
    } catch (error) {
      state.active = undefined;
      await file.close();
      await this.#disk.remove(name).catch(() => {}); // the reader passes over what is left of it
      throw error;
    }
  }

  /**
   * Writes the position in place. `sync` when an acknowledgement in it must be durable: without, it survives the process, and says to
   * a later open what had been made durable. Errors: what the disk says.
   */
  async writePosition(acknowledged: Position['acknowledged'], sync: boolean): Promise<void> {
    const state = this.#state;
    const { slots } = this.#options;
    const copy = positionCopyBytes(slots);
    state.positionFile ??= await this.#disk.create(POSITION_FILE, copy * 2);
    const { active } = state;
    const last = state.segments.at(-1);
    const at = active
      ? { segment: active.segment.header.number, offset: active.end }
      : { segment: last?.header.number ?? 0, offset: 0 };
    const bytes = encodePosition({ ...at, acknowledged }, state.store, ++state.generation);
    // never over the copy that is durable: a power cut may take what was not synced, and then that one must be whole
    const target = 1 - state.durableCopy;
    await state.positionFile.write(target * copy, bytes);
    if (!sync) return;
    await state.positionFile.sync();
    state.durableCopy = target;
  }

  /** Deletes the oldest segments up to the first that `isLive`; never the active one, never a quarantined one. */
  async release(isLive: (segment: Segment) => boolean, logger: Logger): Promise<void> {
    const state = this.#state;
    const oldest = state.segments.filter(({ quarantined }) => !quarantined);
    for (const segment of oldest.slice(0, -1)) {
      if (segment === state.active?.segment || isLive(segment)) return;
      state.segments = state.segments.filter((other) => other !== segment);
      try {
        await segment.file.close();
        await this.#disk.remove(segment.name);
      } catch (error) {
        logger.warn({ segment: segment.name, error: messageOf(error) }, 'a segment that is done could not be deleted');
      }
    }
  }

  async close(): Promise<void> {
    for (const { file } of this.#state.segments) await file.close();
    await this.#state.positionFile?.close();
  }
}
