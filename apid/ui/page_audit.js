// The audit: who did what, by filters that stand in the address, page by
// page, and to take away.

import { saveFile } from './admin.js';
import * as api from './api.js';
import { dialog } from './dialog.js';
import { el, setText } from './el.js';
import { count, local, localInput, when } from './format.js';
import { Pager } from './pager.js';
import { at, opener, Table, text } from './table.js';
import { button, chip, debounce, facts, heading, labelled, time, toast }
    from './widgets.js';

export const title = 'Audit';
const FILTERS = { actor: 'Who', action_prefix: 'What begins with',
    target_type: 'Kind of target', target_id: 'Target', node: 'Node id',
    request_id: 'Request' };
const TIMES = { from: 'From', to: 'To' };
const target = (a) => [a.target_type, a.target_id].filter(Boolean).join(' ');
const who = (a) => a.actor_name ?? a.actor_user ?? a.actor_kind;
const sealed = (a) => a.seal === null ? 'Not yet' : `Seal ${a.seal}`;

function details(a) {
	dialog(a.action, [facts([['Who', el('bdi', null, who(a))],
	    ['As', a.actor_kind], ['When', time(a.at)],
	    ['Exactly', local(when(a.at))], ['Target', el('bdi', null,
		target(a))], ['From', el('bdi', null, a.address ?? '\u2013')],
	    ['Request', el('code', null, a.request_id ?? '\u2013')],
	    ['Sealed', chip(a.seal === null ? 'warn' : 'good', sealed(a))]]),
	    a.details && el('pre', { tabindex: '0', role: 'region',
		'aria-label': 'Details' }, JSON.stringify(a.details, null, 2))],
	    { wide: true });
}

function params(q) {
	const out = {};
	for (const name of Object.keys({ ...FILTERS, ...TIMES }))
		out[name] = q.get(name);
	return out;
}

// All that the filters select, page by page.
async function take(ctx, type, ending, note) {
	const parts = [];
	let next = '/api/v1/audit' + api.search({ ...params(ctx.query),
	    limit: 1000 });
	for (let n = 1; next && ctx.alive; n++) {
		const answer = await api.call('GET', next, { accept: type,
		    text: true, signal: ctx.signal });
		parts.push(answer.data ?? '');
		next = answer.next;
		setText(note, next ? `${count(n * 1000)} rows read` : '');
	}
	if (!ctx.alive)
		return;
	saveFile(`audit.${ending}`, type, parts);
	toast('The file is complete.');
}

function filters(ctx, read) {
	const q = ctx.query;
	const set = debounce(300, () => {
		for (const [name, input] of inputs)
			ctx.setQuery({ [name]: name in TIMES && input.value ?
			    new Date(input.value).toISOString() :
			    input.value.trim() });
		void read();
	});
	const inputs = Object.keys({ ...FILTERS, ...TIMES }).map((name) => {
		const input = el('input', { type: name in TIMES ?
		    'datetime-local' : 'search', maxlength: 256, autocomplete:
		    'off', spellcheck: 'false', id: `f-${name}`,
		    on: { input: set } });
		input.value = name in TIMES ? localInput(q.get(name)) :
		    q.get(name) ?? '';
		return [name, input];
	});
	return el('div', { class: 'filters' }, inputs.map(([name, input]) =>
	    labelled(FILTERS[name] ?? TIMES[name], input)),
	    button('Clear', () => {
		for (const [, input] of inputs)
			input.value = '';
		set();
	    }));
}

export function render(ctx) {
	const note = el('span', { class: 'soft', role: 'status' });
	const table = new Table({ caption: 'Audit, newest first', paged: true,
	    key: (a) => a.id, empty: 'Loading', columns: [
		opener('What', (a) => a.action, details),
		text('who', 'Who', who), text('target', 'Target', target),
		at('when', 'When', (a) => a.at),
		text('address', 'From', (a) => a.address ?? ''),
		text('seal', 'Sealed', sealed)] }).watch(ctx);
	const pager = new Pager(ctx, table, { what: 'audit', older: 'Older',
	    empty: 'Nothing in the audit matches.', path: () =>
		'/api/v1/audit' + api.search(params(ctx.query)) });
	return el('div', null, heading('Audit', note, button('Take away as CSV',
	    () => take(ctx, 'text/csv', 'csv', note)), button('As JSON lines',
	    () => take(ctx, 'application/x-ndjson', 'jsonl', note))),
	    el('section', { class: 'card rows', 'aria-label': 'Audit' },
		filters(ctx, pager.read), pager.parts));
}
