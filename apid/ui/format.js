// Numbers and times as people read them.

export const NONE = '\u2013';
// Made once: what the methods of numbers, dates and texts make at each call
// costs more than all else in a table.
const counts = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium',
    timeStyle: 'long' });
const collator = new Intl.Collator(undefined, { numeric: true,
    sensitivity: 'base' });
// The order of texts as people read them.
export const byText = collator.compare;

function scaled(n, step, units) {
	let value = n, unit = 0;
	while (Math.abs(value) >= step - step / 2000 && unit < units.length - 1) {
		value /= step;
		unit++;
	}
	const digits = unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
	return `${value.toFixed(digits)} ${units[unit]}`;
}

export const bitrate = (bps) => Number.isFinite(bps) ?
    scaled(bps, 1000, ['b/s', 'kb/s', 'Mb/s', 'Gb/s', 'Tb/s']) : NONE;
export const bytes = (n) => Number.isFinite(n) ?
    scaled(n, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']) : NONE;

export function duration(seconds) {
	if (!Number.isFinite(seconds))
		return NONE;
	const s = Math.max(0, Math.floor(seconds));
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h`;
	return `${Math.floor(s / 86400)} d`;
}

// In the past, or in the future for negative seconds.
export function ago(seconds) {
	if (!Number.isFinite(seconds))
		return NONE;
	if (seconds < -2)
		return `in ${duration(-seconds)}`;
	return seconds < 3 ? 'now' : `${duration(seconds)} ago`;
}

export function count(n) {
	return Number.isFinite(n) ? counts.format(n) : NONE;
}

export const decimal = (n, digits) => Number.isFinite(n) ?
    n.toFixed(digits) : NONE;

// Milliseconds since 1970 of an RFC 3339 text, or NaN.
export function when(text) {
	return typeof text === 'string' ? Date.parse(text) : NaN;
}

// What an input of local time shows for a time: nothing for none.
export function localInput(text) {
	const at = new Date(text ?? NaN);
	return Number.isNaN(at.getTime()) ? '' : new Date(at -
	    at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

export function local(ms) {
	return Number.isFinite(ms) ? times.format(ms) : '';
}

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;
