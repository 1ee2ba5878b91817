// SPDX-License-Identifier: Apache-2.0
export { systemClock, type Cancel, type Clock } from './clock.js';
export { randomInt, seededRng, systemRng, uuidV7, type Rng } from './rng.js';
