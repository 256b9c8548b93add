// Differences of two JSON documents, by path. The order of members is none;
// items of a list with an id are told apart by it.

import { el } from './el.js';

const kind = (v) => Array.isArray(v) ? 'list' : v === null ? 'null' : typeof v;
const idOf = (v) => v && typeof v === 'object' ? v.id ?? v.flow_id : undefined;
const step = (s) => String(s).replaceAll('~', '~0').replaceAll('/', '~1');

function lists(a, b, path, out) {
	const keyed = [...a, ...b].every((v) => idOf(v) !== undefined);
	const index = (list) => new Map(list.map((v, i) => [keyed ? idOf(v) : i,
	    v]));
	const was = index(a), is = index(b);
	for (const key of new Set([...was.keys(), ...is.keys()]))
		walk(was.get(key), is.get(key), `${path}/${step(key)}`, out,
		    was.has(key), is.has(key));
}

function walk(a, b, path, out, hasA = true, hasB = true) {
	if (!hasA || !hasB || kind(a) !== kind(b)) {
		if (hasA || hasB)
			out.push({ path, a: hasA ? a : undefined,
			    b: hasB ? b : undefined });
	} else if (kind(a) === 'list') {
		lists(a, b, path, out);
	} else if (kind(a) === 'object') {
		for (const key of new Set([...Object.keys(a),
		    ...Object.keys(b)]))
			walk(a[key], b[key], `${path}/${step(key)}`, out,
			    Object.hasOwn(a, key), Object.hasOwn(b, key));
	} else if (!Object.is(a, b)) {
		out.push({ path, a, b });
	}
}

// [{path, a, b}]: undefined a was not there, undefined b goes.
export function diff(a, b) {
	const out = [];
	walk(a, b, '', out);
	return out;
}

const line = (sign, name, value) => value === undefined ? null : el('div',
    { class: name }, el('span', { class: 'sr' }, name === 'gone' ?
	'before: ' : 'after: '), `${sign} ${JSON.stringify(value, null, 1)}`);

export function diffView(changes) {
	return el('div', { class: 'diff', tabindex: '0', role: 'region',
	    'aria-label': 'Differences' }, changes.map((c) => el('div', null,
	    el('code', null, c.path || '/'), line('\u2212', 'gone', c.a),
	    line('+', 'new', c.b))));
}
