// SPDX-License-Identifier: Apache-2.0
// Who should own which slot: a pure function from the previous map and the members to the next map.

export interface SlotMember {
  readonly instanceId: string;
  /** Share relative to the others, > 0. */
  readonly weight: number;
}

/**
 * The next slot -> instanceId map: every member gets its share (slots * weight / sum of weights, rounded down or up so
 * that it adds up), and as few slots as possible move. With equal weights counts differ by at most one.
 *
 * `previous` may have another length or name members that are gone. No members: all ''. Same input, same output on every
 * node; the order of `members` does not matter. `members` are distinct by instanceId.
 */
export function assignSlots(
  previous: readonly string[],
  members: readonly SlotMember[],
  slots: number,
): readonly string[] {
  const owners: string[] = Array.from({ length: slots }, () => '');
  if (members.length === 0) return owners;

  const held = new Map(members.map(({ instanceId }) => [instanceId, 0]));
  for (let slot = 0; slot < slots; slot += 1) {
    const count = held.get(previous[slot] ?? '');
    if (count !== undefined) held.set(previous[slot]!, count + 1);
  }

  // Largest remainder; on a tie the one more goes to who already has it, so that nothing moves for it.
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const shares = members.map(({ instanceId, weight }) => {
    const exact = (slots * weight) / total;
    const floor = Math.floor(exact);
    return { instanceId, floor, rest: exact - floor, spare: held.get(instanceId)! > floor };
  });
  let left = slots - shares.reduce((sum, { floor }) => sum + floor, 0);
  shares.sort((a, b) => b.rest - a.rest || Number(b.spare) - Number(a.spare) || (a.instanceId < b.instanceId ? -1 : 1));
  const room = new Map<string, number>();
  for (const { instanceId, floor } of shares) {
    room.set(instanceId, floor + (left > 0 ? 1 : 0));
    left -= 1;
  }

  for (let slot = 0; slot < slots; slot += 1) {
    const owner = previous[slot] ?? '';
    const free = room.get(owner) ?? 0;
    if (free === 0) continue;
    owners[slot] = owner; // stays
    room.set(owner, free - 1);
  }
  const takers = [...room].sort(([a], [b]) => (a < b ? -1 : 1));
  let next = 0;
  for (let slot = 0; slot < slots; slot += 1) {
    if (owners[slot] !== '') continue;
    while (takers[next]![1] === 0) next += 1; // shares add up to `slots`, so there is always one with room
    owners[slot] = takers[next]![0];
    takers[next]![1] -= 1;
  }
  return owners;
}
