// SPDX-License-Identifier: Apache-2.0
// Finding a program, and installing its Debian package when we are root. In: paths to look for and a package name.
// Out: whether it is there now, or why not.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Full path of a program on PATH, or undefined. */
export function onPath(program: string): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(dir, program);
    if (dir !== '' && existsSync(file)) return file;
  }
  return undefined;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * Makes sure that `find` finds something, installing Debian packages if need be.
 * Returns what was found, or the reason why not. `flock` serialises installs of parallel test processes; the kernel
 * frees the lock when its holder dies.
 */
export function findOrInstall<T>(find: () => T | undefined, packages: readonly string[]): T | { unavailable: string } {
  const found = find();
  if (found !== undefined) return found;
  const names = packages.join(' ');
  if (!isRoot() || onPath('apt-get') === undefined || onPath('flock') === undefined) {
    return { unavailable: `not installed, and only root on Debian can install it here: apt-get install ${names}` };
  }
  const lock = join(tmpdir(), 'oap-test-apt.lock');
  const locked = (script: string) =>
    spawnSync('flock', [lock, 'sh', '-c', script], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
      timeout: 300_000,
    });
  const install = `apt-get -o DPkg::Lock::Timeout=240 install -y --no-install-recommends ${names}`;
  // the package lists may be stale or absent: try, then update once and try again
  const run = locked(`${install} || { apt-get -o DPkg::Lock::Timeout=240 update && ${install}; }`);
  const now = find();
  if (now !== undefined) return now;
  return {
    unavailable: `apt-get install ${names} failed (status ${run.status}): ${(run.stderr ?? '').trim().slice(-400)}`,
  };
}

/** The same for one program on PATH; `name` is what people call it. */
export function findOrInstallProgram(
  name: string,
  program: string,
  packageName: string,
): { readonly program: string } | { unavailable: string } {
  const found = findOrInstall(() => onPath(program), [packageName]);
  return typeof found === 'string' ? { program: found } : { unavailable: `${name}: ${found.unavailable}` };
}
