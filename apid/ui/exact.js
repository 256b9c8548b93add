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
export const format = (value) => JSON.stringify(value, null, 2);
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
