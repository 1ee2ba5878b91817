// SPDX-License-Identifier: Apache-2.0
// `npm run build`: a ready checkout: what is missing is installed, what is stale is compiled.
import { ensure } from './ensure.mjs';

await ensure();
