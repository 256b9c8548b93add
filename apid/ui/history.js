// The total bitrate of the last ten minutes, as this tab saw it: one point a
// second. A second without news is a gap, not a guess. The room for it is
// taken once, so that a tab that stays open does not grow by it.

import { fleet, totals } from './fleet.js';
import { isFresh, onState, onUpdate } from './live.js';

export const SPAN_MS = 600000;
const ROOM = 640, APART_MS = 950;
// The newest last: milliseconds, and bits per second or NaN.
export const times = new Float64Array(ROOM);
export const rates = new Float64Array(ROOM);

onUpdate(() => {
	const now = Date.now();
	if (!fleet.loaded || now - times.at(-1) < APART_MS)
		return;
	times.copyWithin(0, 1);
	rates.copyWithin(0, 1);
	times[ROOM - 1] = now;
	rates[ROOM - 1] = isFresh() ? totals(fleet.views).bitrate : NaN;
});
onState((live) => {
	if (live.state === 'off')
		times.fill(0);		// the next person sees other nodes
});
