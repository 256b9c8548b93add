// The total bitrate of the last ten minutes, as this tab saw it: one point a
// second. A second without news is a gap, not a guess.

import { fleet, totals } from './fleet.js';
import { isFresh, onState, onUpdate } from './live.js';

export const SPAN_MS = 600000;
export const samples = [];	// [milliseconds, bits per second or null]

onUpdate(() => {
	const now = Date.now();
	if (!fleet.loaded || now - (samples.at(-1)?.[0] ?? 0) < 950)
		return;
	samples.push([now, isFresh() ? totals(fleet.views).bitrate : null]);
	while (samples[0][0] < now - SPAN_MS)
		samples.shift();
});
onState((live) => {
	if (live.state === 'off')
		samples.length = 0;	// the next person sees other nodes
});
