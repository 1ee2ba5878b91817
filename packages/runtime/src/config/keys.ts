// SPDX-License-Identifier: Apache-2.0
// The building blocks of the configuration schema: keys (one value each), groups of keys, modules with their providers.
import { z } from 'zod';

/** How a key reads what the file has: as YAML's value, as the text written, or as a list (also `a,b`). */
export type Reading = 'value' | 'text' | 'list' | 'texts';

/** One value: what it may be, what it is when left out, its SkyWalking environment name, and what it does. */
export interface Key<T> {
  readonly kind: 'key';
  readonly schema: z.ZodType<T>;
  readonly fallback: T;
  /** Undefined: the key has no environment variable and stands in the file only. */
  readonly env: string | undefined;
  /** Allowed values, for people. */
  readonly allowed: string;
  readonly doc: string;
  readonly reading: Reading;
  readonly secret: boolean;
}

export interface Group<Keys extends GroupKeys = GroupKeys> {
  readonly kind: 'group';
  readonly doc: string;
  readonly keys: Keys;
}

/** Groups of one shape under names that the operator chooses. */
export interface Named<Of extends Group = Group> {
  readonly kind: 'named';
  readonly doc: string;
  /** Environment variable that may hold the whole map, as YAML on one line. */
  readonly env: string;
  readonly of: Of;
  /** What is wrong with a name. */
  readonly check: (name: string) => string | undefined;
}

export interface GroupKeys {
  readonly [name: string]: Key<unknown> | Group | Named;
}

/** A SkyWalking module: one of its providers is chosen by `selector`. */
export interface Module<Providers extends Readonly<Record<string, Group>> = Readonly<Record<string, Group>>> {
  readonly kind: 'module';
  readonly doc: string;
  readonly selector: string;
  readonly env: string;
  /** Whether `-` may leave the module out. */
  readonly optional: boolean;
  readonly providers: Providers;
}

/** The plain values of a group, or of each group under its name. */
export type Settings<G> =
  G extends Group<infer Keys>
    ? { readonly [Name in keyof Keys]: Keys[Name] extends Key<infer T> ? T : Settings<Keys[Name]> }
    : G extends Named<infer Of>
      ? Readonly<Record<string, Settings<Of>>>
      : never;

/** The plain values of a module: `selector` is `-` when it is left out; every provider has its values. */
export type ModuleSettings<M> =
  M extends Module<infer Providers>
    ? { readonly selector: (keyof Providers & string) | '-' } & {
        readonly providers: { readonly [Name in keyof Providers]: Settings<Providers[Name]> };
      }
    : never;

interface About {
  readonly env?: string;
  readonly doc: string;
}

export function group<const Keys extends GroupKeys>(doc: string, keys: Keys): Group<Keys> {
  return { kind: 'group', doc, keys };
}

export function named<const Of extends Group>(
  of: Of,
  about: Required<About>,
  check: (name: string) => string | undefined,
): Named<Of> {
  return { kind: 'named', of, check, env: about.env, doc: about.doc };
}

function key<T>(schema: z.ZodType<T>, fallback: T, allowed: string, about: About, reading: Reading = 'value'): Key<T> {
  return { kind: 'key', schema, fallback, allowed, env: about.env, doc: about.doc, reading, secret: false };
}

export function integer(fallback: number, [min, max]: readonly [number, number], about: About): Key<number> {
  const allowed = max === Number.MAX_SAFE_INTEGER ? `integer >= ${min}` : `integer ${min}..${max}`;
  return key(z.number().int().min(min).max(max), fallback, allowed, about);
}

export function decimal(fallback: number, [min, max]: readonly [number, number], about: About): Key<number> {
  return key(z.number().min(min).max(max), fallback, `number ${min}..${max}`, about);
}

/** 0 asks the system for a free port. */
export function port(fallback: number, about: About): Key<number> {
  return integer(fallback, [0, 65_535], about);
}

export function flag(fallback: boolean, about: About): Key<boolean> {
  return key(z.boolean(), fallback, 'true, false', about);
}

export function choice<const T extends string>(options: readonly [T, ...T[]], fallback: T, about: About): Key<T> {
  return key(z.enum(options) as unknown as z.ZodType<T>, fallback, options.join(', '), about, 'text');
}

/** Text; `check` returns what is wrong with it. */
export function text(
  fallback: string,
  about: About,
  allowed = 'text',
  check: (value: string) => string | undefined = () => undefined,
): Key<string> {
  return key(checked(z.string(), check), fallback, allowed, about, 'text');
}

export function secret(fallback: string, about: About): Key<string> {
  return { ...text(fallback, about), secret: true };
}

export function list(
  fallback: readonly string[],
  about: About,
  allowed = 'list of texts',
  check: (value: string) => string | undefined = () => undefined,
): Key<readonly string[]> {
  return key(z.array(checked(z.string(), check)), fallback, allowed, about, 'list');
}

export function choices<const T extends string>(
  options: readonly [T, ...T[]],
  fallback: readonly T[],
  about: About,
): Key<readonly T[]> {
  const schema = z.array(z.enum(options) as unknown as z.ZodType<T>);
  return key(schema, fallback, `list of ${options.join(', ')}`, about, 'list');
}

/** A map of texts, all of them secret. */
export function secrets(about: About): Key<Readonly<Record<string, string>>> {
  return { ...key(z.record(z.string(), z.string()), {}, 'map of texts', about, 'texts'), secret: true };
}

export function numbers(
  fallback: Readonly<Record<string, number>>,
  [min, max]: readonly [number, number],
  about: About,
): Key<Readonly<Record<string, number>>> {
  const schema = z.record(z.string(), z.number().int().min(min).max(max));
  return key(schema, fallback, `map of integers ${min}..${max}`, about);
}

export function module<const Providers extends Readonly<Record<string, Group>>>(
  about: {
    readonly doc: string;
    readonly selector: (keyof Providers & string) | '-';
    readonly env: string;
    readonly optional: boolean;
  },
  providers: Providers,
): Module<Providers> {
  return { kind: 'module', ...about, providers };
}

function checked(schema: z.ZodType<string>, check: (value: string) => string | undefined): z.ZodType<string> {
  return schema.superRefine((value, context) => {
    const reason = check(value);
    if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
  });
}
