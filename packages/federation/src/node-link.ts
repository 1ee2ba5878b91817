// SPDX-License-Identifier: Apache-2.0
// Between the nodes of one tier: L1 of this node offers batches to the node that owns the slot. In: numbered local batches. Out: their
// outcomes. Unary calls suffice: the sender keeps what is not committed, the marks in the common storage drop what comes twice.
import {
  Client,
  credentials,
  Metadata,
  status,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { BatchOutcome, IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import {
  DecodeError,
  decodeContent,
  decodeHeader,
  encodeHeader,
  encodeJoinedContent,
  splitContent,
} from '@oap-federation/model';
import { tokenCheck, type Logger } from '@oap-federation/runtime';
import {
  decodeOffer,
  decodeOutcomes,
  encodeOffer,
  encodeOutcomes,
  OFFER_PATH,
  type OfferedBatch,
  type OfferOutcome,
} from '@oap-federation/wire';
import { TOKEN_KEY } from './protocol.js';

const NOTHING = new Uint8Array(0);
const RETRY_MS = 500;
// a commit may wait for a flush period and a database that restarts; later the sender asks again, which is harmless
const DEADLINE_MS = 120_000;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
// far below what the other node's server takes (receiver-sharing-server.default.maxMessageSize)
const CALL_BYTES_WANTED = 4 * 1024 * 1024;

interface Waiting {
  readonly batch: IncomingBatch;
  readonly resolve: (outcome: BatchOutcome) => void;
}

/** The slot owner in another node of this tier. Offers of one turn travel in one call. */
export class RemoteIntake implements Disposable {
  readonly #client: Client;
  readonly #producer: string;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  readonly #token: string;
  #queue: Waiting[] = [];

  constructor(
    address: string,
    producer: string,
    deps: { readonly logger: Pick<Logger, 'warn'>; readonly now: () => number; readonly token?: string },
  ) {
    this.#token = deps.token ?? '';
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
    });
    this.#producer = producer;
    this.#logger = deps.logger;
    this.#now = deps.now;
  }

  offer(batch: IncomingBatch): Promise<BatchOutcome> {
    return new Promise((resolve) => {
      this.#queue.push({ batch, resolve });
      if (this.#queue.length === 1) queueMicrotask(() => this.#call());
    });
  }

  #call(): void {
    const queue = this.#queue;
    this.#queue = [];
    let waiting: Waiting[] = [];
    let batches: OfferedBatch[] = [];
    let bytes = 0;
    for (const entry of queue) {
      const { batch } = entry;
      const content = encodeJoinedContent(batch.batch);
      if (bytes + content.length > CALL_BYTES_WANTED && batches.length > 0) {
        this.#send(waiting, batches);
        [waiting, batches, bytes] = [[], [], 0];
      }
      const { logId, slot, gen, seq } = batch;
      waiting.push(entry);
      batches.push({ logId, slot, gen, seq, header: encodeHeader(batch.header), content });
      bytes += content.length;
    }
    this.#send(waiting, batches);
  }

  #send(waiting: readonly Waiting[], batches: readonly OfferedBatch[]): void {
    const request = Buffer.from(encodeOffer({ producer: this.#producer, batches }));
    const identity = (message: Buffer) => message;
    const metadata = new Metadata();
    if (this.#token !== '') metadata.set(TOKEN_KEY, this.#token);
    const options = { deadline: this.#now() + DEADLINE_MS };
    this.#client.makeUnaryRequest(OFFER_PATH, identity, identity, request, metadata, options, (error, answer) => {
      const outcomes = error || !answer ? undefined : this.#read(answer, waiting.length);
      if (error) {
        this.#logger.warn({ err: error }, 'another node of this tier does not take L1 batches; offering them again');
      }
      waiting.forEach(({ resolve }, i) => resolve(outcomes?.[i] ?? { kind: 'busy', retryAfterMs: RETRY_MS }));
    });
  }

  #read(answer: Buffer, expected: number): readonly BatchOutcome[] | undefined {
    try {
      const outcomes = decodeOutcomes(answer);
      return outcomes.length === expected ? outcomes.map(toBatchOutcome) : undefined;
    } catch (err) {
      this.#logger.warn({ err }, 'the answer of another node cannot be read; offering the batches again');
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function toBatchOutcome({ kind, value }: OfferOutcome): BatchOutcome {
  switch (kind) {
    case 'committed':
    case 'duplicate':
      return { kind, appliedSeq: value };
    case 'gap':
      return { kind, expectedSeq: value };
    case 'notOwner':
      return { kind };
    case 'busy':
      return { kind, retryAfterMs: value };
  }
}

function toOfferOutcome(outcome: BatchOutcome): OfferOutcome {
  switch (outcome.kind) {
    case 'committed':
    case 'duplicate':
      return { kind: outcome.kind, value: outcome.appliedSeq };
    case 'gap':
      return { kind: 'gap', value: outcome.expectedSeq };
    case 'busy':
      return { kind: 'busy', value: outcome.retryAfterMs };
    case 'notOwner':
    case 'forked': // local logs have no chain and no generations: not reachable, and safe as "not here"
    case 'fenced':
      return { kind: 'notOwner', value: 0 };
  }
}

/** The service that other nodes of this tier call; `token` '' asks for none. */
export function slotIntakeService(
  intake: Pick<SlotIntake, 'offer'>,
  token: string,
): {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
} {
  const identity = (bytes: Buffer) => bytes;
  const mayCome = tokenCheck(token);
  const offer: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    if (!mayCome(call.metadata.get(TOKEN_KEY)[0])) {
      callback({
        code: status.PERMISSION_DENIED,
        details: 'not a node of this tier: cluster.zookeeper.internalToken differs',
      });
      return;
    }
    let offered: Promise<BatchOutcome>[];
    try {
      const { producer, batches } = decodeOffer(call.request);
      offered = batches.map((batch) => toIncoming(producer, batch)).map((batch) => intake.offer(batch));
    } catch (err) {
      const details = err instanceof DecodeError || err instanceof Error ? err.message : 'not an offer';
      callback({ code: status.INVALID_ARGUMENT, details });
      return;
    }
    Promise.all(offered).then(
      (outcomes) => callback(null, Buffer.from(encodeOutcomes(outcomes.map(toOfferOutcome)))),
      (err: unknown) => callback({ code: status.INTERNAL, details: String(err) }),
    );
  };
  return {
    definition: {
      offer: {
        path: OFFER_PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    implementation: { offer },
  };
}

function toIncoming(producer: string, offered: OfferedBatch): IncomingBatch {
  return {
    logId: offered.logId,
    slot: offered.slot,
    gen: offered.gen,
    seq: offered.seq,
    producer,
    kind: 'local',
    header: decodeHeader(offered.header),
    headerBytes: NOTHING,
    contentBytes: NOTHING,
    chain: NOTHING,
    batch: decodeContent(splitContent(offered.content)),
  };
}
