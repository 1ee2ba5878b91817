// SPDX-License-Identifier: Apache-2.0
// Goal: the repository keeps its own rules (layers, purity, ports to the world, documents, dependencies).
// Method: each rule is a function from files to complaints; it must find nothing in the tree, and must find a planted violation.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

// ---- what the rules look at ----

/** A file by its path from the root. `code` is `text` with comments and the insides of strings blanked out. */
interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly code: string;
}

interface PackageJson {
  readonly name: string;
  readonly oapFederation?: { readonly rank: number; readonly pure?: boolean };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
}

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

const SCOPE = '@oap-federation/';
const IGNORED = new Set(['node_modules', 'dist', '.git', 'data', 'tmp']);

function filesUnder(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return IGNORED.has(entry.name) ? [] : filesUnder(name);
    return entry.isFile() ? [name] : [];
  });
}

function sourceFile(name: string, text: string): SourceFile {
  return { path: name, text, code: blank(text) };
}

const readJson = (name: string) => JSON.parse(readFileSync(path.join(root, name), 'utf8')) as PackageJson;
const everyFile = filesUnder('.');
const isSource = (name: string) => /\.(ts|mjs|js)$/.test(name) && !name.includes('/gen/');
const sources = everyFile.filter(isSource).map((name) => sourceFile(name, readFileSync(path.join(root, name), 'utf8')));
const documents = everyFile
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ path: name, text: readFileSync(path.join(root, name), 'utf8') }));
const packages = new Map<string, PackageJson>(
  readdirSync(path.join(root, 'packages')).map((name) => [name, readJson(`packages/${name}/package.json`)] as const),
);
const rootPackage = readJson('package.json');

/** The package a file belongs to, undefined for files outside packages/. */
const packageOf = (file: string) => /^packages\/([^/]+)\//.exec(file)?.[1];
const isTest = (file: string) => /\.(test|bench)\.ts$/.test(file) || !file.startsWith('packages/');
/** Contract kits and fixtures: shipped for tests, never part of the program. */
const isTestKit = (file: string) => isTest(file) || /\/src\/(.*\/)?testing(\.ts$|\/)/.test(file);

/** Replaces comments, string insides and regular expressions by spaces; lines stay lines, so positions stay true. */
function blank(text: string): string {
  let out = '';
  let i = 0;
  const skipTo = (end: number) => {
    out += text.slice(i, end).replace(/[^\n]/g, ' ');
    i = end;
  };
  const templates: number[] = []; // brace depth at which each open `${` of a template ends
  let depth = 0;
  const template = () => {
    for (let j = i; j < text.length; j++) {
      if (text[j] === '\\') j++;
      else if (text[j] === '`') return skipTo(j + 1);
      else if (text[j] === '$' && text[j + 1] === '{') {
        templates.push(depth++);
        return skipTo(j + 2);
      }
    }
    return skipTo(text.length);
  };
  while (i < text.length) {
    const c = text[i]!;
    if (text.startsWith('//', i)) skipTo(indexOr(text, '\n', i));
    else if (text.startsWith('/*', i)) skipTo(indexOr(text, '*/', i + 2) + 2);
    else if (c === "'" || c === '"') {
      let j = i + 1;
      while (j < text.length && text[j] !== c && text[j] !== '\n') j += text[j] === '\\' ? 2 : 1;
      out += c; // the quotes stay: importsOf looks for them
      i++;
      skipTo(Math.min(j, text.length));
      if (text[i] === c) out += text[i++];
    } else if (c === '`') {
      skipTo(i + 1);
      template();
    } else if (c === '/' && /(^|[(,=:[!&|?{};\n]|=>|\b(return|typeof|case))\s*$/.test(out.slice(-40))) {
      let inClass = false;
      let j = i + 1;
      for (; j < text.length && text[j] !== '\n' && (inClass || text[j] !== '/'); j++) {
        if (text[j] === '\\') j++;
        else if (text[j] === '[') inClass = true;
        else if (text[j] === ']') inClass = false;
      }
      skipTo(Math.min(j + 1, text.length));
    } else {
      if (c === '{') depth++;
      if (c === '}' && templates.at(-1) === --depth) {
        templates.pop();
        skipTo(i + 1);
        template();
        continue;
      }
      out += c;
      i++;
    }
  }
  return out;
}

function indexOr(text: string, needle: string, from: number): number {
  const at = text.indexOf(needle, from);
  return at < 0 ? text.length : at;
}

/** What a file imports or re-exports. The places come from `code`, the names from `text`. */
function importsOf({ text, code }: SourceFile): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(/\b(?:import|export)\b(\s*\(\s*|\s*|[^;'"]*?\bfrom\s*)['"]/g)) {
    const from = /^[^'"\n]+/.exec(text.slice(match.index + match[0].length));
    if (from === null) continue;
    // `import { type A, type B } from` keeps the module at run time only when a name without `type` is among them
    const clause = match[1] ?? '';
    const names = /\{([^}]*)\}/
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '') ?? [clause];
    const typeOnly = /^\s*type\b/.test(clause) || names.every((name) => /^\s*type\s/.test(name));
    found.push({ from: from[0], typeOnly });
  }
  return found;
}

/** Complaints about every place where `pattern` occurs in the code of `file`. */
function places(file: SourceFile, pattern: RegExp, what: (found: string) => string): string[] {
  return [...file.code.matchAll(pattern)].map(
    (match) => `${file.path}:${file.code.slice(0, match.index).split('\n').length} ${what(match[0])}`,
  );
}

// ---- layers ----

/** A package imports lower ranks only, only what its package.json names, and reaches no other package by a path. */
function layerComplaints(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const own = packageOf(file.path);
    if (own === undefined || !file.path.startsWith(`packages/${own}/src/`)) return [];
    const { dependencies = {}, oapFederation } = packages.get(own)!;
    const allowed = { ...dependencies, ...(isTestKit(file.path) ? rootPackage.devDependencies : {}) };
    return importsOf(file).flatMap(({ from }) => {
      if (from.startsWith('.')) {
        const target = path.posix.join(path.posix.dirname(file.path), from);
        const inside = target.startsWith(`packages/${own}/`) || (isTestKit(file.path) && target.startsWith('test/'));
        return inside ? [] : [`${file.path} reaches out of its package: ${from}`];
      }
      if (/^(node:|#)/.test(from)) return []; // # is a path of the package itself
      const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/');
      if (name === `${SCOPE}${own}`) return [`${file.path} imports its own package by name`];
      if (!(name in allowed)) return [`${file.path} imports ${name}, which package.json does not name`];
      const other = packages.get(name.slice(SCOPE.length))?.oapFederation;
      if (!name.startsWith(SCOPE) || other!.rank < oapFederation!.rank) return [];
      return [`${file.path} (rank ${oapFederation!.rank}) imports ${name} (rank ${other!.rank})`];
    });
  });
}

/** package.json and tsconfig.json name the same packages, all of lower rank. */
function referenceComplaints(
  name: string,
  { oapFederation, dependencies = {} }: PackageJson,
  tsconfig: string,
): string[] {
  const { references } = JSON.parse(tsconfig) as { readonly references: readonly { readonly path: string }[] };
  const referenced = references.map((reference) => path.basename(reference.path)).toSorted();
  const depended = Object.keys(dependencies).flatMap((each) =>
    each.startsWith(SCOPE) ? [each.slice(SCOPE.length)] : [],
  );
  const higher = depended.filter((each) => packages.get(each)!.oapFederation!.rank >= oapFederation!.rank);
  return [
    ...higher.map((each) => `${name} depends on ${each}, which is not of lower rank`),
    ...(referenced.join() === depended.toSorted().join()
      ? []
      : [`${name}: tsconfig references ${referenced.join()}, package.json ${depended.join()}`]),
  ];
}

/** Packages marked pure use no Node API, no time and no randomness, and their tsconfig says so too. */
function purityComplaints(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const own = packageOf(file.path);
    if (own === undefined || packages.get(own)!.oapFederation?.pure !== true || isTestKit(file.path)) return [];
    return [
      ...importsOf(file).flatMap(({ from }) => (from.startsWith('node:') ? [`${file.path} imports ${from}`] : [])),
      ...places(
        file,
        /\b(process|Buffer|globalThis|fetch|crypto|performance|console)\s*[.[(]/g,
        (found) => `uses ${found}`,
      ),
      ...worldComplaints([file]),
    ];
  });
}

/** No run-time import cycle between files (type imports vanish when compiled). */
function cycleComplaints(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map((file) => {
      const targets = importsOf(file).filter(({ from, typeOnly }) => from.startsWith('.') && !typeOnly);
      const folder = path.posix.dirname(file.path);
      return [file.path, targets.map(({ from }) => path.posix.join(folder, from).replace(/\.js$/, '.ts'))] as const;
    }),
  );
  const done = new Set<string>();
  const complaints: string[] = [];
  const visit = (file: string, trail: readonly string[]) => {
    const at = trail.indexOf(file);
    if (at >= 0) complaints.push([...trail.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return complaints;
}

// ---- ports to the world ----

/** Time, randomness and timers come in through the ports of runtime. */
function worldComplaints(files: readonly SourceFile[]): string[] {
  const world =
    /\b(Date\.now\b|performance\.now\b|Math\.random\b|new Date\(\s*\)|(setTimeout|setInterval|setImmediate)\s*\()/g;
  return files
    .filter((file) => packageOf(file.path) !== undefined && packageOf(file.path) !== 'runtime')
    .filter((file) => file.path.includes('/src/') && !isTestKit(file.path))
    .flatMap((file) => places(file, world, (found) => `uses ${found}: take the Clock or Rng of runtime`));
}

/** The environment is read in runtime and server, and only the program's entry ends the process. */
function processComplaints(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => packageOf(file.path) !== undefined && file.path.includes('/src/') && !isTestKit(file.path))
    .flatMap((file) => {
      const mayRead = ['runtime', 'server'].includes(packageOf(file.path)!);
      return [
        ...(mayRead ? [] : places(file, /\bprocess\.env\b/g, () => 'reads process.env')),
        ...(file.path === 'packages/server/src/main.ts'
          ? []
          : places(file, /\bprocess\.exit\s*\(/g, () => 'ends the process')),
      ];
    });
}

// ---- source files ----

/** No `export *`, no test that runs alone, nothing left behind. */
function leftoverComplaints(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    ...places(file, /\bexport\s*\*/g, () => 'exports everything: name what is exported'),
    ...places(file, /\b(it|test|describe)(\.\w+)*\.only\b/g, (found) => `runs alone: ${found}`),
    ...places(file, /\bdebugger\b/g, () => 'stops in the debugger'),
    ...[...file.text.matchAll(/^(<{7} |>{7} |={7}$)|\b(FIX[M]E|XX[X]|TO[D]O remove)\b/gm)].map(
      ([found]) => `${file.path} has a leftover: ${found}`,
    ),
  ]);
}

/** The first line (after `#!`) is the licence. */
function licenceComplaints(files: readonly { readonly path: string; readonly text: string }[]): string[] {
  return files
    .filter(({ text }) => !text.replace(/^#!.*\n/, '').startsWith('// SPDX-License-Identifier: Apache-2.0\n'))
    .map((file) => `${file.path} does not start with the SPDX line`);
}

const SIZE_MAX_BYTES = 1024 * 1024;

function sizeComplaints(files: readonly { readonly path: string; readonly bytes: number }[]): string[] {
  return files.filter(({ bytes }) => bytes > SIZE_MAX_BYTES).map((file) => `${file.path} has ${file.bytes} bytes`);
}

// ---- documents ----

/** Links to files of the repository lead somewhere. */
function linkComplaints(files: readonly { readonly path: string; readonly text: string }[]): string[] {
  return files.flatMap(({ path: file, text }) =>
    [...text.replace(/```[^]*?```|`[^`\n]*`/g, '').matchAll(/\]\(([^)\s#]+)(#[^)\s]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(path.join(root, path.dirname(file), target)))
      .map((target) => `${file} links to ${target}, which does not exist`),
  );
}

/** A package that exports something says in a README what it is for. */
function readmeComplaints(name: string, index: string, readme: string | undefined): string[] {
  if (/^export \{\};?$/m.test(index)) return [];
  if (readme === undefined) return [`packages/${name} has no README.md`];
  const lines = readme.trimEnd().split('\n').length;
  return lines >= 8 ? [] : [`packages/${name}/README.md has ${lines} lines: say its job, ports, invariants, refusals`];
}

// ---- dependencies ----

/** Every version is exact, so that two checkouts of one commit are one program. */
function versionComplaints({ name, dependencies = {}, devDependencies = {} }: PackageJson): string[] {
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([dependency, version]) => `${name}: ${dependency} ${version} is not an exact version`);
}

/** No entry of the lock file names a host: the registry is the installer's choice. */
function lockComplaints(lock: string): string[] {
  const entries = Object.entries((JSON.parse(lock) as { packages: Record<string, { resolved?: string }> }).packages);
  return entries.flatMap(([name, { resolved = '' }]) =>
    /^[\w+]+:/.test(resolved) ? [`${name} is resolved to ${resolved}`] : [],
  );
}

const NODE_FLOOR = [20, 19, 0] as const;

/** Every installed package says that it runs on the oldest Node that we promise. */
function engineComplaints(
  installed: readonly { readonly name: string; readonly engines?: string | undefined }[],
): string[] {
  return installed
    .filter(({ engines }) => engines !== undefined && !accepts(engines, NODE_FLOOR))
    .map(({ name, engines }) => `${name} needs Node ${engines}`);
}

type Version = readonly [number, number, number];

/** Whether an npm version range (`^20.19.0 || >=22`, `>=16 <21`, `6.*`) contains `version`. */
function accepts(range: string, version: Version): boolean {
  return range.split('||').some((alternative) => {
    const terms = alternative.trim().replace(/([<>=^~])\s+/g, '$1');
    return terms === '' || terms.split(/\s+/).every((term) => acceptsTerm(term, version));
  });
}

function acceptsTerm(term: string, version: Version): boolean {
  const [, operator = '', digits = ''] = /^(>=|<=|>|<|=|\^|~)?v?(.*)$/.exec(term)!;
  const parts = digits
    .split('.')
    .filter((part) => /^\d+$/.test(part))
    .map(Number);
  const [major = 0, minor = 0, patch = 0] = parts;
  const order = compare(version, [major, minor, patch]);
  // the first version after everything that the written parts cover: `20` covers 20.x.x, `20.9` covers 20.9.x
  const covered: Version =
    parts.length < 2 ? [major + 1, 0, 0] : parts.length < 3 ? [major, minor + 1, 0] : [major, minor, patch + 1];
  if (parts.length === 0) return true;
  if (operator === '>=') return order >= 0;
  if (operator === '<') return order < 0;
  if (operator === '>') return compare(version, covered) >= 0;
  if (operator === '<=') return compare(version, covered) < 0;
  if (operator === '^') return order >= 0 && version[0] === major;
  if (operator === '~') return order >= 0 && compare(version, parts.length < 2 ? covered : [major, minor + 1, 0]) < 0;
  return order >= 0 && compare(version, covered) < 0;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function installedPackages(folder = 'node_modules'): { name: string; engines: string | undefined }[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory() || entry.name.startsWith('.')) return [];
    const name = path.posix.join(folder, entry.name);
    if (entry.name.startsWith('@')) return installedPackages(name);
    if (!existsSync(path.join(root, name, 'package.json'))) return [];
    const nested = path.posix.join(name, 'node_modules');
    return [
      { name, engines: readJson(`${name}/package.json`).engines?.node },
      ...(existsSync(path.join(root, nested)) ? installedPackages(nested) : []),
    ];
  });
}

// ---- generated files ----

/** Runs every generator without writing; `args` may point it at other files than those of the tree. */
function checkGenerated(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate.mjs', '--check', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stderr };
}

// ---- the tree keeps the rules ----

describe('the tree', () => {
  it('has files to look at', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(100);
    expect(documents.length).toBeGreaterThan(3);
    expect(installedPackages().length).toBeGreaterThan(100);
  });

  it.each<[string, () => string[]]>([
    ['imports go to lower ranks and declared dependencies', () => layerComplaints(sources)],
    [
      'tsconfig references are the declared packages',
      () =>
        [...packages].flatMap(([name, json]) =>
          referenceComplaints(name, json, readFileSync(path.join(root, `packages/${name}/tsconfig.json`), 'utf8')),
        ),
    ],
    ['pure packages are pure', () => purityComplaints(sources)],
    ['no import cycles', () => cycleComplaints(sources)],
    ['time, randomness and timers come from runtime', () => worldComplaints(sources)],
    ['process.env and process.exit stay where they belong', () => processComplaints(sources)],
    ['nothing is left over', () => leftoverComplaints(sources)],
    ['each source file has its licence line', () => licenceComplaints(sources)],
    [
      'no file is over 1 MiB',
      () => sizeComplaints(everyFile.map((name) => ({ path: name, bytes: statSync(path.join(root, name)).size }))),
    ],
    ['links in documents lead somewhere', () => linkComplaints(documents)],
    [
      'each package has a README',
      () =>
        [...packages.keys()].flatMap((name) =>
          readmeComplaints(
            name,
            optional(`packages/${name}/src/index.ts`) ?? '',
            optional(`packages/${name}/README.md`),
          ),
        ),
    ],
    ['versions are exact', () => [rootPackage, ...packages.values()].flatMap(versionComplaints)],
    ['the lock file names no host', () => lockComplaints(readFileSync(path.join(root, 'package-lock.json'), 'utf8'))],
    ['every dependency runs on the oldest Node that we promise', () => engineComplaints(installedPackages())],
  ])('%s', (_, complaints) => {
    expect(complaints()).toEqual([]);
  });

  it('pure packages compile without the types of Node', () => {
    for (const [name, { oapFederation }] of packages) {
      const { compilerOptions } = JSON.parse(
        readFileSync(path.join(root, `packages/${name}/tsconfig.json`), 'utf8'),
      ) as {
        compilerOptions: { types?: string[] };
      };
      if (oapFederation?.pure === true) expect([name, compilerOptions.types]).toEqual([name, []]);
    }
  });

  it('generated code, references and the package graph are up to date', () => {
    expect(checkGenerated()).toEqual({ status: 0, stderr: '' });
  });

  function optional(name: string): string | undefined {
    return existsSync(path.join(root, name)) ? readFileSync(path.join(root, name), 'utf8') : undefined;
  }
});

// ---- every rule finds a planted violation ----

describe('planted violations are found', () => {
  const plant = (name: string, text: string) => [sourceFile(name, text)];

  it.each<[string, string[], RegExp]>([
    [
      'a higher rank',
      layerComplaints(plant('packages/storage/src/x.ts', "import { a } from '@oap-federation/query';")),
      /query, which package.json/,
    ],
    [
      'an equal rank, through a re-export',
      layerComplaints(plant('packages/wire/src/x.ts', "export { a } from '@oap-federation/runtime';")),
      /runtime/,
    ],
    ['an undeclared dependency', layerComplaints(plant('packages/model/src/x.ts', "import pg from 'pg';")), /pg/],
    [
      'an undeclared dependency, dynamic',
      layerComplaints(plant('packages/model/src/x.ts', "const a = await import('pg');")),
      /pg/,
    ],
    [
      'a development dependency outside tests',
      layerComplaints(plant('packages/model/src/x.ts', "import fc from 'fast-check';")),
      /fast-check/,
    ],
    [
      'a path into another package',
      layerComplaints(plant('packages/oal/src/x.ts', "import { a } from '../../model/src/scope.js';")),
      /reaches out/,
    ],
    [
      'its own name',
      layerComplaints(plant('packages/oal/src/x.ts', "import { a } from '@oap-federation/oal';")),
      /own package/,
    ],
    [
      'a rank that is not lower',
      referenceComplaints(
        'wire',
        { name: 'wire', oapFederation: { rank: 1 }, dependencies: { '@oap-federation/storage': '0.1.0' } },
        '{"references":[{"path":"../storage"}]}',
      ),
      /not of lower rank/,
    ],
    [
      'a reference that is not declared',
      referenceComplaints('oal', { name: 'oal', oapFederation: { rank: 1 } }, '{"references":[{"path":"../model"}]}'),
      /tsconfig references model/,
    ],
    [
      'Node in a pure package',
      purityComplaints(plant('packages/model/src/x.ts', "import { readFileSync } from 'node:fs';")),
      /node:fs/,
    ],
    [
      'a Node global in a pure package',
      purityComplaints(plant('packages/oal/src/x.ts', 'const b = Buffer.from(a);')),
      /Buffer/,
    ],
    ['time in a pure package', purityComplaints(plant('packages/mqe/src/x.ts', 'const b = Date.now();')), /Date.now/],
    [
      'a cycle',
      cycleComplaints([
        ...plant('packages/a/src/a.ts', "import { b } from './b.js';"),
        ...plant('packages/a/src/b.ts', "import { a, type C } from './a.js';"),
      ]),
      /a.ts -> .*b.ts -> .*a.ts/,
    ],
    [
      'Date.now',
      worldComplaints(plant('packages/storage/src/x.ts', '\nconst now = Date.now();')),
      /x.ts:2 uses Date.now/,
    ],
    [
      'Date.now in a template',
      worldComplaints(plant('packages/storage/src/x.ts', 'const s = `at ${Date.now()} ms`;')),
      /Date.now/,
    ],
    ['Math.random', worldComplaints(plant('packages/storage/src/x.ts', "/* it's */ f(Math.random)")), /Math.random/],
    ['new Date()', worldComplaints(plant('packages/storage/src/x.ts', 'f(/["]/, new Date());')), /new Date/],
    ['a timer', worldComplaints(plant('packages/storage/src/x.ts', 'setTimeout(f, 10);')), /setTimeout/],
    [
      'process.env',
      processComplaints(plant('packages/storage/src/x.ts', "const a = process.env['A'];")),
      /process.env/,
    ],
    [
      'process.exit',
      processComplaints(plant('packages/server/src/compose.ts', 'process.exit(1);')),
      /ends the process/,
    ],
    ['export *', leftoverComplaints(plant('packages/model/src/x.ts', "export * from './y.js';")), /exports everything/],
    [
      'a test that runs alone',
      leftoverComplaints(plant('packages/model/src/x.test.ts', `it.${'on'}ly('x', () => {});`)),
      /runs alone/,
    ],
    ['a leftover', leftoverComplaints(plant('packages/model/src/x.ts', `// ${'TO'}${'DO'} remove`)), /leftover/],
    ['a merge conflict', leftoverComplaints(plant('packages/model/src/x.ts', `${'<'.repeat(7)} HEAD\n`)), /leftover/],
    ['no licence', licenceComplaints(plant('packages/model/src/x.ts', '// What it holds.\n')), /SPDX/],
    ['a large file', sizeComplaints([{ path: 'docs/film.png', bytes: SIZE_MAX_BYTES + 1 }]), /film/],
    [
      'a dead link',
      linkComplaints([{ path: 'docs/x.md', text: 'see [the picture](nowhere/at-all.md#there)' }]),
      /at-all.md/,
    ],
    ['no README', readmeComplaints('x', "export { a } from './a.js';", undefined), /no README/],
    ['a README of one line', readmeComplaints('x', "export { a } from './a.js';", '# x\n'), /has 1 lines/],
    ['a version range', versionComplaints({ name: 'x', dependencies: { pg: '^8.0.0' } }), /pg/],
    [
      'a registry host',
      lockComplaints('{"packages":{"node_modules/a":{"resolved":"https://registry.example/a.tgz"}}}'),
      /registry.example/,
    ],
    ['a package for newer Node', engineComplaints([{ name: 'a', engines: '>=22.12.0' }]), /22.12/],
  ])('%s', (_, complaints, expected) => {
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(expected);
  });

  it('stale documents and a stale package graph', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'oap-tidy-'));
    try {
      cpSync(path.join(root, 'docs'), path.join(folder, 'docs'), { recursive: true });
      cpSync(path.join(root, 'deploy/application.yml'), path.join(folder, 'deploy/application.yml'));
      const graph = `<!-- package graph: generated by npm run generate, do not edit -->\n\`\`\`mermaid\ngraph TD\n\`\`\`\n<!-- end of package graph -->\n`;
      writeFileSync(path.join(folder, 'ARCHITECTURE.md'), graph);
      writeFileSync(path.join(folder, 'docs/errors.md'), '# Errors\n');
      const { status, stderr } = checkGenerated('--in', folder);
      expect(status).toBe(1);
      expect(stderr).toBe('stale: docs/errors.md, ARCHITECTURE.md; run npm run generate\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('what only looks like a violation is none', () => {
    const innocent = [
      "// Date.now(), import x from 'pg'",
      "const text = 'Math.random() it\\'s';",
      'const shape = `${1 + 1} Date.now() ${`setTimeout(${1})`} Math.random()`;',
      'const pattern = /[/"]Date.now()/;',
      'const half = a / b; const c = "d"; // setTimeout(',
      'const at = new Date(0);',
      "import type { A } from './a.js';",
    ].join('\n');
    const files = plant('packages/model/src/x.ts', innocent);
    expect([...worldComplaints(files), ...layerComplaints(files), ...purityComplaints(files)]).toEqual([]);
    const types = plant('packages/a/src/a.ts', "import { type B } from './b.js';");
    expect(cycleComplaints([...types, ...plant('packages/a/src/b.ts', "import { a } from './a.js';")])).toEqual([]);
  });

  it.each([
    ['^20.19.0 || >=22.12.0', true],
    ['20 || >=22', true],
    ['18 || 20 || >=22', true],
    ['>= 10.x', true],
    ['6.* || 8.* || >= 10.*', true],
    ['>=16 || 14 >=14.17', true],
    ['>=0.8.x', true],
    ['*', true],
    ['', true],
    ['>=v12.0.0', true],
    ['~20.19', true],
    ['>=18 <21', true],
    ['<=20', true],
    ['^20.20.0 || >=22', false],
    ['>=20.19.1', false],
    ['>20', false],
    ['~20.18.0', false],
    ['18.x', false],
    ['>=18 <20', false],
    ['<20.19.0', false],
  ])('the range %s contains 20.19.0: %s', (range, expected) => {
    expect(accepts(range, NODE_FLOOR)).toBe(expected);
  });
});
