// SPDX-License-Identifier: Apache-2.0
// Makes a fresh or outdated checkout ready: right Node, dependencies as the lock file says, packages compiled.
// Runs before node_modules exists, so it uses Node alone. Every other script begins with `await ensure()`.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** A program of a development dependency, as `npx` would find it. */
export const bin = (name) => path.join(root, 'node_modules', '.bin', name);

const NODE_MIN = [20, 19];

/**
 * Checks Node, then installs and compiles what is missing; `projects` are the packages to compile, all by default.
 * Prints one line per step that has something to do; ends the process with a message when a step fails.
 */
export async function ensure({ projects = [] } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    fail(`Node ${NODE_MIN.join('.')} or newer is needed, this is ${process.versions.node} (${process.execPath}).`);
  }
  const missing = missingDependency();
  if (missing !== undefined) {
    console.log(`> npm ci (${missing})`);
    const status = await run('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']);
    if (status !== 0) fail(`npm ci ended with status ${status}; see its messages above.`);
  }
  const compiled = existsSync(path.join(root, 'packages/server/dist/index.js'));
  if (!compiled) console.log('> tsc -b (first build)');
  const status = await run(bin('tsc'), ['-b', ...projects]); // does nothing, in 0.2 s, when nothing changed
  if (status !== 0) fail(`tsc -b ended with status ${status}; see its messages above.`);
}

/** The reason to run `npm ci`, or undefined when what is installed is what package-lock.json says. */
function missingDependency() {
  const installed = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return 'nothing is installed yet';
  const wanted = packagesOf(path.join(root, 'package-lock.json'));
  const present = packagesOf(installed);
  for (const [name, { version, optional, link }] of Object.entries(wanted)) {
    if (!name.startsWith('node_modules/') || optional || link) continue;
    const found = present[name]?.version;
    if (found !== version) return `${name} is ${found ?? 'missing'}, the lock file has ${version}`;
  }
  return undefined;
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/**
 * Runs a program in the repository with this process's output and no input; resolves with its exit status
 * (128 + n for signal n, as shells do). SIGTERM and SIGHUP are passed on; so is SIGINT, unless a terminal does that.
 */
export function run(command, args, { stdin = 'ignore', env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: [stdin, 'inherit', 'inherit'] });
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };
    for (const signal of Object.keys(signals)) process.on(signal, forward);
    const done = (status) => {
      for (const signal of Object.keys(signals)) process.off(signal, forward);
      resolve(status);
    };
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      done(127);
    });
    child.once('exit', (code, signal) => done(code ?? 128 + (signals[signal] ?? 9)));
  });
}

/** Whether `module` is the script that was started, not one that was imported. */
export function isMain(module) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(module);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (isMain(import.meta.url)) await ensure();
