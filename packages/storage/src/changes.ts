// SPDX-License-Identifier: Apache-2.0
// What changed in the storage since this process first looked, by whichever node: the base of every cache over it. In: one statement per
// check, shared by all who wait for one. Out: labels; two equal labels of the same minutes mean that their rows are the same.
import type { SqlDatabase, SqlSession } from './sql.js';

/**
 * Everything that a flush, a claim, an expiry or an operator changes shows here: a slot's revision grows with each flush, and with each
 * expiry; a claim is another one before anybody flushes into a restored storage.
 */
const STATE = `SELECT (SELECT string_agg(concat_ws(' ', slot, claim, revision, entities_revision, expired_revision, kept_from), ',' ORDER BY slot) FROM slot),
  (SELECT string_agg(concat_ws(' ', tier, retired_at_ms), ',' ORDER BY tier) FROM expected_child)`;

interface SlotState {
  readonly slot: number;
  readonly claim: number;
  readonly revision: number;
  /** Revision that changed the dictionary last, and the one that dropped the minutes before `keptFrom`. */
  readonly entities: number;
  readonly expired: number;
  readonly keptFrom: number;
}

export class Changes {
  readonly #db: SqlDatabase;
  /** The answer to STATE that the rest is made of; undefined before the first check. */
  #state: string | undefined;
  readonly #slots = new Map<number, SlotState>();
  /** Grows with each change that is found. Changes are numbered by it. */
  #number = 0;
  /** Change that made everything before it worthless: a slot has another owner, or the storage went back. */
  #reset = 0;
  /** Newest change of the dictionary. */
  #entities = 0;
  /** Minutes before `keptFrom` were dropped by the change `expired`. */
  #keptFrom = 0;
  #expired = 0;
  /** Newest change of each minute that changed since the last reset. */
  readonly #minutes = new Map<number, number>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  readonly #keeping: boolean;

  /** `keeping` false: nothing is looked at, and no two labels are equal. */
  constructor(db: SqlDatabase, keeping: boolean) {
    this.#db = db;
    this.#keeping = keeping;
  }

  /** Resolves when labels are those of a moment after the call. Whoever calls while a check runs shares the next one. */
  async check(): Promise<void> {
    if (!this.#keeping) this.#reset = ++this.#number;
    else await this.#shared();
  }

  #shared(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => {}) // those who wait for it have the error
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<void> {
    const running = this.#db
      .read((session) => this.#look(session))
      .finally(() => {
        this.#running = undefined;
      });
    this.#running = running;
    return running;
  }

  /** True when the session's snapshot is the state that labels are of. */
  async isCurrent(session: SqlSession): Promise<boolean> {
    return (await readState(session)) === this.#state;
  }

  async #look(session: SqlSession): Promise<void> {
    const state = await readState(session);
    if (state === this.#state) return;
    const slots = slotsOf(state);
    const known = (slot: SlotState) => this.#slots.get(slot.slot);
    const isSuccessor = (slot: SlotState) => {
      const before = known(slot);
      return before !== undefined && before.claim === slot.claim && before.revision <= slot.revision;
    };
    const number = ++this.#number;
    if (!slots.every(isSuccessor)) {
      this.#reset = number;
      this.#minutes.clear();
    } else {
      const grown = slots.filter((slot) => slot.revision > known(slot)!.revision);
      const { rows } = await session.query(
        `SELECT DISTINCT r.minute FROM unnest($1::int[], $2::bigint[]) AS w (slot, revision)
         JOIN revision r ON r.slot = w.slot AND r.revision > w.revision`,
        [grown.map((slot) => slot.slot), grown.map((slot) => known(slot)!.revision)],
      );
      for (const [minute] of rows) this.#minutes.set(minute as number, number);
      if (grown.some((slot) => slot.entities > known(slot)!.entities)) this.#entities = number;
      if (grown.some((slot) => slot.expired > known(slot)!.expired)) {
        this.#expired = number;
        this.#keptFrom = Math.max(...slots.map((slot) => slot.keptFrom));
        for (const minute of this.#minutes.keys()) if (minute < this.#keptFrom) this.#minutes.delete(minute);
      }
    }
    for (const slot of slots) this.#slots.set(slot.slot, slot);
    this.#state = state;
  }

  /** Of everything: marks, what is known of losses, the dictionary, rows. */
  get ofAll(): number {
    return this.#number;
  }

  /** Of the dictionary. */
  get ofEntities(): number {
    return Math.max(this.#reset, this.#entities);
  }

  /** Of the claims: codes of entities and origins mean the same while it is the same. */
  get ofCodes(): number {
    return this.#reset;
  }

  /** Of the rows of all minutes in [from, end): the newest change of any of them. */
  ofMinutes(from: number, end: number): number {
    let newest = from < this.#keptFrom ? Math.max(this.#reset, this.#expired) : this.#reset;
    if (this.#minutes.size < end - from) {
      for (const [minute, change] of this.#minutes) {
        if (minute >= from && minute < end && change > newest) newest = change;
      }
      return newest;
    }
    for (let minute = from; minute < end; minute++) {
      const change = this.#minutes.get(minute);
      if (change !== undefined && change > newest) newest = change;
    }
    return newest;
  }
}

async function readState(session: SqlSession): Promise<string> {
  const { rows } = await session.query(STATE);
  return rows[0]!.join('\n');
}

function slotsOf(state: string): readonly SlotState[] {
  return state
    .split('\n')[0]!
    .split(',')
    .map((text) => {
      const [slot, claim, revision, entities, expired, keptFrom] = text.split(' ').map(Number);
      return {
        slot: slot!,
        claim: claim!,
        revision: revision!,
        entities: entities!,
        expired: expired!,
        keptFrom: keptFrom!,
      };
    });
}
