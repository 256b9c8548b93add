// The differences of two configurations, as the server tells them: by path,
// and of credentials only that they changed.

import { el } from './el.js';

const line = (name, sign, word, value, secret) => el('div', { class: name },
    el('span', { class: 'sr' }, word), `${sign} ${secret ? '(a secret)' :
	JSON.stringify(value, null, 1)}`);

export function diffView({ changes, equal, truncated }) {
	return el('div', { class: 'diff', tabindex: '0', role: 'region',
	    'aria-label': 'Differences' }, equal ? el('p', null,
	    'Nothing is different.') : changes.map((c) => el('div', null,
	    el('code', null, c.path || '/'), c.kind === 'added' ? null :
		line('gone', '\u2212', 'before: ', c.a, c.secret),
	    c.kind === 'removed' ? null :
		line('new', '+', 'after: ', c.b, c.secret))),
	    truncated ? el('p', null, 'There are more differences.') : null);
}
