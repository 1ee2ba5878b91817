// SPDX-License-Identifier: Apache-2.0
// Dashboards of the UI, one row each. In: those that this release ships, and what users save. Out: all of them.
import type { SqlDatabase } from './sql.js';

/** A dashboard. `configuration` is JSON text as the UI wrote it; a disabled one is not shown, and stays. */
export interface UiTemplate {
  readonly id: string;
  readonly configuration: string;
  readonly updatedAtMs: number;
  readonly disabled: boolean;
}

/** Every method may throw StorageUnavailable. Writers do not see each other: the last one wins. */
export interface UiTemplateStore {
  /** All, disabled ones too, by id. */
  list(): Promise<readonly UiTemplate[]>;
  /** False, and nothing changes, when the id is taken. */
  add(id: string, configuration: string, nowMs: number): Promise<boolean>;
  /** Replaces the configuration, and shows a disabled one again. False when there is none of that id. */
  change(id: string, configuration: string, nowMs: number): Promise<boolean>;
  /** False when there is none of that id. */
  disable(id: string, nowMs: number): Promise<boolean>;
  /** Adds what is missing and brings up to date what no user has ever changed or disabled. */
  ship(templates: readonly Pick<UiTemplate, 'id' | 'configuration'>[], nowMs: number): Promise<void>;
}

export class SqlUiTemplateStore implements UiTemplateStore {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  async list(): Promise<readonly UiTemplate[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(`SELECT id, configuration, updated_at_ms, disabled FROM ui_template ORDER BY id COLLATE "C"`),
    );
    return rows.map(([id, configuration, updatedAtMs, disabled]) => ({
      id: id as string,
      configuration: configuration as string,
      updatedAtMs: Number(updatedAtMs),
      disabled: disabled as boolean,
    }));
  }

  add(id: string, configuration: string, nowMs: number): Promise<boolean> {
    return this.#wrote(
      `INSERT INTO ui_template (id, configuration, updated_at_ms, disabled, by_user) VALUES ($1, $2, $3::bigint, false, true)
       ON CONFLICT (id) DO NOTHING`,
      [id, configuration, nowMs],
    );
  }

  change(id: string, configuration: string, nowMs: number): Promise<boolean> {
    return this.#wrote(
      `UPDATE ui_template SET configuration = $2, updated_at_ms = $3::bigint, disabled = false, by_user = true WHERE id = $1`,
      [id, configuration, nowMs],
    );
  }

  disable(id: string, nowMs: number): Promise<boolean> {
    return this.#wrote(
      `UPDATE ui_template SET updated_at_ms = $2::bigint, disabled = true, by_user = true WHERE id = $1`,
      [id, nowMs],
    );
  }

  async ship(templates: readonly Pick<UiTemplate, 'id' | 'configuration'>[], nowMs: number): Promise<void> {
    await this.#wrote(
      `INSERT INTO ui_template (id, configuration, updated_at_ms, disabled, by_user)
       SELECT id, configuration, $3::bigint, false, false FROM unnest($1::text[], $2::text[]) AS w (id, configuration) ORDER BY id
       ON CONFLICT (id) DO UPDATE SET configuration = excluded.configuration, updated_at_ms = excluded.updated_at_ms
         WHERE NOT ui_template.by_user AND ui_template.configuration <> excluded.configuration`,
      [templates.map((t) => t.id), templates.map((t) => t.configuration), nowMs],
    );
  }

  async #wrote(text: string, values: readonly (string | number | readonly string[])[]): Promise<boolean> {
    const { rowCount } = await this.#db.read((session) => session.query(text, values));
    return rowCount > 0;
  }
}
