// The differences of two configurations, as the server tells them: by path,
// and of credentials only that they changed.

import { el } from './el.js';

export const differences = (...what) => el('div', { class: 'diff', tabindex:
    '0', role: 'group', 'aria-label': 'Differences' }, ...what);

const line = (tag, value) => el(tag, null, el('span', { class: 'sr' },
    tag === 'del' ? 'before: ' : 'after: '), typeof value === 'string' ? value :
	JSON.stringify(value, null, 1));

// One of them: undefined where there was or is nothing.
export const change = (path, before, after) => [el('code', null, path || '/'),
    before === undefined ? null : line('del', before),
    after === undefined ? null : line('ins', after)];

export function diffView({ changes, equal, truncated }) {
	const value = (c, side, none) => c.kind === none ? undefined : c.secret ?
	    '(a secret)' : JSON.stringify(c[side], null, 1);
	return differences(equal ? el('p', null, 'Nothing is different.') :
	    changes.map((c) => el('div', null, change(c.path, value(c, 'a',
		'added'), value(c, 'b', 'removed')))), truncated ? el('p', null,
	    'There are more differences.') : null);
}
