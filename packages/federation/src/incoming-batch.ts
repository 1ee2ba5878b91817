// SPDX-License-Identifier: Apache-2.0
// A batch as the intake takes it. In: its bytes. Out: its content, read when it is first asked for, which is in its flush: what waits is bytes.
import type { ContentPieces, IncomingBatch } from '@oap-federation/analysis';
import { DecodeError, type BatchHeader, type ColumnMemory, type IncrementBatch } from '@oap-federation/model';

const NOTHING: IncrementBatch = { entities: [], blocks: [], unknownBlocks: [] };

/** What is known of a batch before its content is read; the content is in one piece, or in two. */
export type WaitingFields = Omit<IncomingBatch, 'batch' | 'undecodable' | 'contentBytes'> &
  (
    | { readonly contentBytes: Uint8Array; readonly contentPieces?: undefined }
    | { readonly contentPieces: ContentPieces }
  );

/** Reads the content, its int columns into `memory` when it is given. Errors: DecodeError. */
export type ReadContent = (memory?: ColumnMemory) => IncrementBatch;

/** A content that cannot be read goes on as what it is, so that the intake parks it whole and the log goes on. */
export function incomingBatch(fields: WaitingFields, read: ReadContent): IncomingBatch {
  return new WaitingBatch(fields, read);
}

// One object: thousands of them wait under load, and the garbage collector moves each of their parts
class WaitingBatch implements IncomingBatch {
  readonly logId: string;
  readonly slot: number;
  readonly gen: number;
  readonly seq: number;
  readonly producer: string;
  readonly kind: IncomingBatch['kind'];
  readonly header: BatchHeader;
  readonly headerBytes: Uint8Array;
  readonly chain: Uint8Array;
  readonly contentPieces: ContentPieces | undefined;
  readonly #bytes: Uint8Array | undefined;
  readonly #read: ReadContent;
  /** Once it was asked for: not what was read in passing. */
  #content: IncrementBatch | undefined;
  #wasRead: boolean;
  #undecodable: string | undefined;

  constructor(fields: WaitingFields, read: ReadContent) {
    this.logId = fields.logId;
    this.slot = fields.slot;
    this.gen = fields.gen;
    this.seq = fields.seq;
    this.producer = fields.producer;
    this.kind = fields.kind;
    this.header = fields.header;
    this.headerBytes = fields.headerBytes;
    this.chain = fields.chain;
    this.contentPieces = fields.contentPieces;
    this.#bytes = fields.contentPieces ? undefined : fields.contentBytes;
    this.#read = read;
    this.#content = undefined;
    this.#wasRead = false;
    this.#undecodable = undefined;
  }

  get contentBytes(): Uint8Array {
    if (this.#bytes) return this.#bytes;
    const { head, body } = this.contentPieces!;
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(head);
    bytes.set(body, head.length);
    return bytes;
  }

  get batch(): IncrementBatch {
    return (this.#content ??= this.#readContent());
  }

  passing(memory: ColumnMemory): IncrementBatch {
    return this.#content ?? this.#readContent(memory);
  }

  #readContent(memory?: ColumnMemory): IncrementBatch {
    try {
      const content = this.#read(memory);
      this.#wasRead = true;
      return content;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#wasRead = true;
      this.#undecodable = error.message;
      return (this.#content = NOTHING);
    }
  }

  get undecodable(): string | undefined {
    if (!this.#wasRead) void this.batch;
    return this.#undecodable;
  }
}
