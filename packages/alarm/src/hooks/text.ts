// SPDX-License-Identifier: Apache-2.0
// What people read: the alarm message with what must not be missed, put into the templates of alarm-settings.yml.
import { messageOf } from '@oap-federation/runtime';
import type { AlarmMessage } from '../message.js';
import type { SettingsReader } from './settings-reader.js';

const ENDS = {
  recovered: undefined, // the recovery template says it
  noData: 'no data any more',
  retracted: 'retracted: later data says that it never was',
  withdrawn: 'withdrawn: the rule was changed or removed',
} as const;

/** The alarm message; in brackets behind it how it ended, that it comes late, and who was missing when it was judged. */
export function textOf({ alarmMessage, recovery, late, completeness }: AlarmMessage): string {
  const notes = [
    recovery && ENDS[recovery.kind],
    late ? 'late' : undefined,
    completeness.complete ? undefined : `incomplete, missing: ${completeness.missing.join(', ') || 'unknown'}`,
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? alarmMessage : `${alarmMessage} [${notes.join('; ')}]`;
}

/** At most so many bytes of UTF-8, whole characters, with an ellipsis where something was cut. */
export function clip(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax - 3; // the ellipsis
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}…`;
}

/** `%s` is the message, `%%` a percent sign, as in a Java format. */
export function fillText(template: string, text: string): string {
  return template.replace(/%[s%]/g, (hole) => (hole === '%s' ? text : '%'));
}

/** A template that is a JSON object, with holes in its texts: whatever the message holds, it stays JSON. */
export type JsonTemplate = Readonly<Record<string, unknown>>;

export function fillJson(template: JsonTemplate, text: string): Record<string, unknown> {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return fillText(value, text);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
    return value;
  };
  return fill(template) as Record<string, unknown>;
}

/** The templates for alarms and, where it is set, for recoveries. */
export interface Templates<T> {
  readonly alarm: T;
  readonly recovery: T | undefined;
}

/** The template for this message; undefined for a recovery that nobody wants to hear of. */
export function templateFor<T>(templates: Templates<T>, message: AlarmMessage): T | undefined {
  return message.recovery ? templates.recovery : templates.alarm;
}

export function textTemplates(reader: SettingsReader): Templates<string> {
  return { alarm: reader.required('text-template'), recovery: reader.text('recovery-text-template') };
}

export function jsonTemplates(reader: SettingsReader): Templates<JsonTemplate> {
  const parse = (name: string, text: string | undefined): JsonTemplate | undefined => {
    if (text === undefined || text === '') return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonTemplate;
      reader.problem(name, 'must be a JSON object');
    } catch (error) {
      reader.problem(name, `must be a JSON object: ${messageOf(error)}`);
    }
    return undefined;
  };
  return {
    alarm: parse('text-template', reader.required('text-template')) ?? {},
    recovery: parse('recovery-text-template', reader.text('recovery-text-template')),
  };
}
