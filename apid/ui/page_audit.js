// The audit: who did what, by filters that stand in the address, page by
// page, and to take away.

import { at, opener, saveFile } from './admin.js';
import * as api from './api.js';
import { dialog } from './dialog.js';
import { el, setText, show } from './el.js';
import { count, local, when } from './format.js';
import { Table, text } from './table.js';
import { button, chip, debounce, errorBox, facts, heading, labelled, time,
    toast } from './widgets.js';

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
		const had = q.get(name) ?? '';
		const ms = when(had);
		input.value = !(name in TIMES) ? had : Number.isNaN(ms) ? '' :
		    new Date(ms - new Date(ms).getTimezoneOffset() * 60000)
			.toISOString().slice(0, 16);
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
	let list = [], next = null, turn = 0;
	const fault = el('div', { class: 'body', hidden: true });
	const note = el('span', { class: 'soft', role: 'status' });
	const table = new Table({ caption: 'Audit, newest first', key: (a) =>
	    a.id, empty: 'Loading', columns: [
		{ ...opener('What', (a) => a.action, details), sort: null },
		text('who', 'Who', who, { sort: null }),
		text('target', 'Target', target, { sort: null }),
		{ ...at('when', 'When', (a) => a.at), sort: null },
		text('address', 'From', (a) => a.address ?? '', { sort: null }),
		text('seal', 'Sealed', sealed, { sort: null })] }).watch(ctx);
	const more = button('Older', async () => {
		const answer = await api.call('GET', next, { signal: ctx.signal });
		list = [...list, ...answer.data];
		next = answer.next;
		draw();
	});

	function draw() {
		table.empty = 'Nothing in the audit matches.';
		table.set(list);
		show(more, next !== null);
	}

	async function read() {
		const mine = ++turn;
		try {
			const answer = await api.call('GET', '/api/v1/audit' +
			    api.search(params(ctx.query)), { signal: ctx.signal });
			if (mine !== turn)
				return;
			list = answer.data;
			next = answer.next;
			show(fault, false);
			draw();
		} catch (error) {
			if (!ctx.alive || mine !== turn)
				return;
			fault.replaceChildren(errorBox(error,
			    'The audit could not be read', read));
			show(fault, true);
		}
	}
	void read();
	return el('div', null, heading('Audit', note, button('Take away as CSV',
	    () => take(ctx, 'text/csv', 'csv', note)), button('As JSON lines',
	    () => take(ctx, 'application/x-ndjson', 'jsonl', note))),
	    el('section', { class: 'card rows', 'aria-label': 'Audit' },
		filters(ctx, read), fault, table.node,
		el('div', { class: 'more' }, more)));
}
