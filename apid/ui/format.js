// Numbers and times as people read them.

export const NONE = '\u2013';

export function bitrate(bps) {
	if (!Number.isFinite(bps))
		return NONE;
	if (bps < 1000)
		return `${Math.round(bps)} b/s`;
	const units = ['kb/s', 'Mb/s', 'Gb/s', 'Tb/s'];
	let value = bps / 1000, unit = 0;
	while (value >= 999.5 && unit < units.length - 1) {
		value /= 1000;
		unit++;
	}
	const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
	return `${value.toFixed(digits)} ${units[unit]}`;
}

export function duration(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h`;
	return `${Math.floor(s / 86400)} d`;
}

export function ago(seconds) {
	return seconds < 3 ? 'now' : `${duration(seconds)} ago`;
}

export function count(n) {
	return Number.isFinite(n) ? n.toLocaleString('en') : NONE;
}

// Milliseconds since 1970 of an RFC 3339 text, or NaN.
export function when(text) {
	return typeof text === 'string' ? Date.parse(text) : NaN;
}

export function local(ms) {
	return Number.isFinite(ms) ? new Date(ms).toLocaleString() : '';
}
