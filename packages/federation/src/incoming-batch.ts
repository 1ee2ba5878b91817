// SPDX-License-Identifier: Apache-2.0
// A batch as the intake takes it. In: its bytes. Out: its content, read when it is first asked for, which is in its flush: what waits is bytes.
import type { ContentPieces, IncomingBatch } from '@oap-federation/analysis';
import { DecodeError, type BatchHeader, type IncrementBatch } from '@oap-federation/model';

const NOTHING: IncrementBatch = { entities: [], blocks: [], unknownBlocks: [] };

/** What is known of a batch before its content is read; the content is in one piece, or in two. */
export type WaitingFields = Omit<IncomingBatch, 'batch' | 'undecodable' | 'contentBytes'> &
  (
    | { readonly contentBytes: Uint8Array; readonly contentPieces?: undefined }
    | { readonly contentPieces: ContentPieces }
  );

/** A content that cannot be read goes on as what it is, so that the intake parks it whole and the log goes on. */
export function incomingBatch(fields: WaitingFields, read: () => IncrementBatch): IncomingBatch {
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
  readonly #read: () => IncrementBatch;
  #content: IncrementBatch | undefined;
  #undecodable: string | undefined;

  constructor(fields: WaitingFields, read: () => IncrementBatch) {
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
    if (this.#content) return this.#content;
    try {
      return (this.#content = this.#read());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#undecodable = error.message;
      return (this.#content = NOTHING);
    }
  }

  get undecodable(): string | undefined {
    return this.batch === NOTHING ? this.#undecodable : undefined;
  }
}
