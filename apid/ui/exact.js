// JSON in which every number stays as it was written: a counter beyond what
// JavaScript counts exactly, or 2.0, is not changed by being looked at.

const raw = typeof JSON.rawJSON === 'function';

function keep(key, value, context) {
	if (typeof value !== 'number')
		return value;
	if (raw && context)
		return String(value) === context.source ? value :
		    JSON.rawJSON(context.source);
	if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
		throw new SyntaxError('it holds a number that this browser ' +
		    'cannot keep');
	return value;
}

export const parse = (text) => JSON.parse(text, keep);
// Marks that turn the direction of a text stand as their escapes: what is
// seen has the order of what is there.
export const format = (value) => JSON.stringify(value, null, 2).replace(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (mark) =>
	`\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
// The number that a person typed.
export function number(text) {
	const n = Number(text);
	if (raw && !Number.isSafeInteger(n) && /^-?\d+$/.test(text))
		return JSON.rawJSON(String(BigInt(text)));
	return Number.isNaN(n) ? text : n;	// the server says what is wrong
}
// A value as text to be shown in a field.
export const shown = (value) => typeof value === 'string' ? value :
    JSON.stringify(value);
