// SPDX-License-Identifier: Apache-2.0
// Entities and their ids. Ids are pure functions of names, so two clusters that use one name agree without talking.
// Source: SkyWalking IDManager; the byte form of a descriptor is ours (docs/protocol.md).
import { ByteReader, ByteWriter, DecodeError, latin1, utf8Decode, utf8Encode } from './bytes.js';
import { scopeById, scopeOf, type ScopeName } from './scope.js';

/** One end of an entity. `layer` is the sorted, comma-joined set of layer names; `name` is the instance or endpoint, '' for a service. */
export interface EntityPart {
  readonly service: string;
  readonly normal: boolean;
  readonly layer: string;
  readonly name: string;
}

/** What a metric row is about. `id` is derived from the other fields; `dest` is there for relation scopes only. */
export interface Entity {
  readonly scope: ScopeName;
  readonly id: string;
  readonly source: EntityPart;
  readonly dest?: EntityPart;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_CODES = Uint8Array.from(BASE64, (c) => c.charCodeAt(0));
const PADDING = '='.charCodeAt(0);

/** Standard Base64 with padding of the UTF-8 of `text`. */
export function base64Encode(text: string): string {
  return withBase64('', text, '');
}

/** `before`, the Base64 of `text`, `after` (both ASCII) as one flat text: ids are kept by the million, and joined texts keep their parts. */
function withBase64(before: string, text: string, after: string): string {
  const b = utf8Encode(text);
  const out = new Uint8Array(before.length + Math.ceil(b.length / 3) * 4 + after.length);
  for (let i = 0; i < before.length; i++) out[i] = before.charCodeAt(i);
  for (let i = 0; i < after.length; i++) out[out.length - after.length + i] = after.charCodeAt(i);
  for (let i = 0, at = before.length; i < b.length; i += 3) {
    const n = (b[i]! << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0);
    out[at++] = BASE64_CODES[n >> 18]!;
    out[at++] = BASE64_CODES[(n >> 12) & 63]!;
    out[at++] = i + 1 < b.length ? BASE64_CODES[(n >> 6) & 63]! : PADDING;
    out[at++] = i + 2 < b.length ? BASE64_CODES[n & 63]! : PADDING;
  }
  return latin1(out);
}

/** Value of a Base64 character by its code, -1 for others. */
const BASE64_VALUE = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) BASE64_VALUE[BASE64.charCodeAt(i)] = i;

/** The text behind standard padded Base64, exactly as `base64Encode` writes it; anything else is a DecodeError. */
export function base64Decode(encoded: string): string {
  const n = encoded.length;
  if (n % 4 !== 0) throw new DecodeError(`not Base64: "${encoded}"`);
  const padding = n > 0 && encoded[n - 1] === '=' ? (encoded[n - 2] === '=' ? 2 : 1) : 0;
  const out = new Uint8Array((n / 4) * 3 - padding);
  let bits = 0;
  let have = 0;
  let at = 0;
  let bad = false;
  for (let i = 0; i < n - padding && !bad; i++) {
    const v = BASE64_VALUE[encoded.charCodeAt(i)] ?? -1;
    bad = v < 0;
    bits = ((bits << 6) | v) & 0xfff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = bits >> have;
    }
  }
  if (bad || (bits & ((1 << have) - 1)) !== 0) throw new DecodeError(`not Base64: "${encoded}"`);
  return utf8Decode(out);
}

/** Java's whitespace (Character.isWhitespace), which is not JavaScript's: no-break spaces are part of a name. */
function isBlank(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    const control = (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
    if (!control && !(c > 0xff && JAVA_SPACES.includes(name[i]!))) return false;
  }
  return true;
}
const JAVA_SPACES = '\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000';

const nameOrBlank = (name: string) => (isBlank(name) ? '_blank' : name);

export function serviceId(name: string, normal: boolean): string {
  return withBase64('', nameOrBlank(name), normal ? '.1' : '.0');
}

/** Instance or endpoint of a service: `serviceId_base64(name)`. */
export function namedPartId(ofServiceId: string, name: string): string {
  return withBase64(`${ofServiceId}_`, nameOrBlank(name), '');
}

/** Splits a service id; undefined when it is not one that `serviceId` makes. */
export function tryParseServiceId(id: string): { readonly name: string; readonly normal: boolean } | undefined {
  const match = /^([A-Za-z0-9+/]+=*)\.([01])$/.exec(id);
  if (!match) return undefined;
  try {
    return { name: base64Decode(match[1]!), normal: match[2] === '1' };
  } catch {
    return undefined; // Base64 of something that is no UTF-8: not an id of ours
  }
}

/** The sorted, comma-joined union of two layer sets; UNDEFINED gives way to anything known. */
export function mergeLayers(a: string, b: string): string {
  if (a === b || b === '') return a;
  if (a === '') return b;
  const all = new Set([...a.split(','), ...b.split(',')]);
  if (all.size > 1) all.delete('UNDEFINED');
  return [...all].toSorted().join(',');
}

function entityId(scope: ScopeName, source: EntityPart, dest: EntityPart | undefined): string {
  const spec = scopeOf(scope);
  const from = serviceId(source.service, source.normal);
  if (!spec.relation) return spec.part === 'service' ? from : namedPartId(from, source.name);
  const to = serviceId(dest!.service, dest!.normal);
  if (spec.part === 'service') return `${from}-${to}`;
  if (spec.part === 'instance') return `${namedPartId(from, source.name)}-${namedPartId(to, dest!.name)}`;
  const srcEndpoint = base64Encode(nameOrBlank(source.name));
  return `${from}-${srcEndpoint}-${to}-${base64Encode(nameOrBlank(dest!.name))}`;
}

/**
 * Builds an entity and its id. Errors: BUG when a relation lacks its `dest` or another scope has one, or when an end that is a service
 * alone has a name of its own (the id would not tell the two apart).
 */
export function entityOf(scope: ScopeName, source: EntityPart, dest?: EntityPart): Entity {
  const spec = scopeOf(scope);
  if (spec.relation !== (dest !== undefined)) throw new Error(`BUG: ${scope} entity with wrong number of ends`);
  if (spec.part === 'service' && (source.name !== '' || (dest !== undefined && dest.name !== '')))
    throw new Error(`BUG: ${scope} entity of service "${source.service}" with a name beside the service's`);
  const id = entityId(scope, source, dest);
  return dest === undefined ? { scope, id, source } : { scope, id, source, dest };
}

/** The same entity with the layers of `other` added. Both must have one id. */
export function withLayersOf(entity: Entity, other: Entity): Entity {
  const source = mergeLayers(entity.source.layer, other.source.layer);
  const dest = entity.dest && other.dest ? mergeLayers(entity.dest.layer, other.dest.layer) : undefined;
  if (source === entity.source.layer && dest === entity.dest?.layer) return entity;
  return {
    ...entity,
    source: { ...entity.source, layer: source },
    ...(entity.dest && dest !== undefined ? { dest: { ...entity.dest, layer: dest } } : {}),
  };
}

function writePart(w: ByteWriter, part: EntityPart): void {
  w.string(part.service);
  w.string(part.layer);
  w.string(part.name);
}

/** Canonical bytes of an entity: the same entity is the same bytes in every tier. */
export function encodeEntity(entity: Entity): Uint8Array {
  const w = new ByteWriter(64);
  writeEntity(w, entity);
  return w.finish();
}

export function writeEntity(w: ByteWriter, entity: Entity): void {
  w.varint(scopeOf(entity.scope).id);
  w.byte((entity.source.normal ? 1 : 0) | (entity.dest ? 2 : 0) | (entity.dest?.normal ? 4 : 0));
  writePart(w, entity.source);
  if (entity.dest) writePart(w, entity.dest);
}

const NAME_BYTES_MAX = 2_048; // 512 characters of 4 bytes: longer names are cut at the leaf (core.*NameMaxLength)

/** Reads what `encodeEntity` wrote; anything else is a DecodeError. */
export function decodeEntity(bytes: Uint8Array): Entity {
  const r = new ByteReader(bytes);
  const scopeId = r.varint();
  const spec = scopeById(scopeId);
  if (!spec) throw new DecodeError(`unknown scope id ${scopeId}`);
  const flags = r.byte();
  if (flags > 7 || ((flags & 2) !== 0) !== spec.relation || (flags & 6) === 4)
    throw new DecodeError(`flags ${flags} do not fit scope ${spec.name}`);
  const part = (normal: boolean): EntityPart => ({
    service: r.string(NAME_BYTES_MAX),
    normal,
    layer: r.string(NAME_BYTES_MAX),
    name: r.string(NAME_BYTES_MAX),
  });
  const source = part((flags & 1) !== 0);
  const dest = spec.relation ? part((flags & 4) !== 0) : undefined;
  if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the entity`);
  if (spec.part === 'service' && (source.name !== '' || (dest !== undefined && dest.name !== '')))
    throw new DecodeError(`${spec.name} entity with a name beside the service's`);
  return entityOf(spec.name as ScopeName, source, dest);
}

/** Java's `String.hashCode`: int32 over UTF-16 units. */
export function javaStringHash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0;
  return h;
}

/**
 * The slot of an entity: FNV-1a 32 over the id's UTF-16 units (ids are ASCII), avalanched, modulo `slots`.
 * A protocol constant: every tier of a federation must agree, so it never changes (test vectors beside it).
 */
export function slotOf(id: string, slots: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return (h >>> 0) % slots;
}
