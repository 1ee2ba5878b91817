// SPDX-License-Identifier: Apache-2.0
// The dictionary's rows: an entity as its canonical descriptor, and the columns that views and filters read.
import { createHash } from 'node:crypto';
import { decodeEntity, encodeEntity, scopeOf, serviceId, type Entity, type ScopeName } from '@oap-federation/model';
import type { DictionaryEntry } from './port.js';

export interface DictionaryRow {
  readonly slot: number;
  readonly code: number;
  readonly scope: number;
  readonly entityHash: Uint8Array;
  readonly entityId: string;
  readonly descriptor: Uint8Array;
  readonly serviceHash: Uint8Array;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly name: string;
  readonly destServiceName: string | null;
  readonly destName: string | null;
  readonly normal: boolean;
  readonly layers: string;
}

/** First 16 bytes of SHA-256: nobody can make two names meet (md5 would let them), and the index stays small. */
export function textHash(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, 16));
}

export function entityHash(scope: ScopeName, entityId: string): Uint8Array {
  return textHash(`${scopeOf(scope).id} ${entityId}`);
}

export function serviceHash(id: string): Uint8Array {
  return textHash(id);
}

export function encodeDictionary(slot: number, { code, entity }: DictionaryEntry): DictionaryRow {
  const { source, dest } = entity;
  const service = serviceId(source.service, source.normal);
  return {
    slot,
    code,
    scope: scopeOf(entity.scope).id,
    entityHash: entityHash(entity.scope, entity.id),
    entityId: entity.id,
    descriptor: encodeEntity(entity),
    serviceHash: serviceHash(service),
    serviceId: service,
    serviceName: source.service,
    name: source.name,
    destServiceName: dest?.service ?? null,
    destName: dest?.name ?? null,
    normal: source.normal,
    layers: source.layer,
  };
}

export function decodeDescriptor(bytes: unknown): Entity {
  return decodeEntity(bytes as Uint8Array);
}
