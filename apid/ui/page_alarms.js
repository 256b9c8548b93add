// What is wrong now: one row for a node, an object and a code, however often
// it was reported. What follows from an offline node stands back.

import * as api from './api.js';
import { el, setAttr, setText, show } from './el.js';
import { askNote } from './events.js';
import { readNodes } from './fleet.js';
import { count } from './format.js';
import { onNews } from './live.js';
import { eventTabs } from './page_events.js';
import { may } from './session.js';
import { cell, Table } from './table.js';
import { button, debounce, errorBox, heading, labelled, select, time, word }
    from './widgets.js';

export const title = 'Alarms';
const ORDER = { critical: 0, warning: 1, info: 2 };

function columns(page) {
	return [
		{ ...cell('message', 'Alarm', () => el('div', { class:
		    'cell-name' }, el('bdi', { class: 'clamp' }), el('bdi',
			{ class: 'node-note' })), (part, a) => {
			setText(part.firstChild, a.message);
			setText(part.lastChild, [a.object ? `At ${a.object}` : '',
			    a.code, a.note ? `Note: ${a.note}` : ''].filter(
				Boolean).join(' \u00b7 '));
		    }), sort: (a) => a.message },
		{ ...cell('severity', 'Severity', () => el('span', { class:
		    'chip' }), (part, a) => {
			setText(part, a.closed_at ? 'Closed' :
			    word(a.severity));
			setAttr(part, 'data-state', a.closed_at ? 'good' :
			    a.severity);
		    }), sort: (a) => ORDER[a.severity] ?? 9 },
		{ ...cell('node', 'Node', () => el('a', null, el('bdi')),
		    (part, a) => {
			setAttr(part, 'href', `/nodes/${a.node_id}`);
			setText(part.firstChild, a.node_name);
		    }), sort: (a) => a.node_name },
		{ id: 'count', label: 'Times', num: true, sort: (a) => a.count,
		  show: (td, a) => setText(td, count(a.count)) },
		{ id: 'since', label: 'Since', sort: (a) => a.first_at,
		  show: (td, a) => td.at === a.first_at ||
			td.replaceChildren(time(td.at = a.first_at)) },
		{ id: 'last', label: 'Last', sort: (a) => a.last_at,
		  show: (td, a) => td.at === a.last_at ||
			td.replaceChildren(time(td.at = a.last_at)) },
		{ id: 'ack', label: 'Seen by', show: (td, a) => {
			const key = `${a.acknowledged_at}${a.closed_at}`;
			if (td.key === key)
				return;
			td.key = key;
			td.replaceChildren(a.acknowledged ? el('bdi', null,
			    a.acknowledged_by_name ?? 'Somebody') :
			    may('operator') && !a.closed_at ? button(
				'Acknowledge', () => page.ack(a),
				{ 'aria-label': 'Acknowledge: ' +
				    a.message.slice(0, 60) }) : '\u2013');
		  } }];
}

export function render(ctx) {
	const q = ctx.query;
	let list = [], next = null, turn = 0;
	const page = { ack: async (a) => {
		const done = await askNote('Acknowledge', a.message.slice(0, 300),
		    (doc) => api.post(`/api/v1/alarms/${a.id}/ack`, doc));
		if (done) {
			await read();
			void readNodes();
		}
	} };
	const fault = el('div', { class: 'body', hidden: true });
	const table = new Table({ caption: 'Alarms', columns: columns(page),
	    key: (a) => a.id, sort: q.get('sort') ?? 'severity', onSort: (s) =>
		ctx.setQuery({ sort: s }), empty: 'Loading alarms' }).watch(ctx);
	const more = button('More', async () => {
		const answer = await api.call('GET', next);
		list = [...list, ...answer.data];
		next = answer.next;
		draw();
	});

	function draw() {
		const all = ctx.query;
		table.empty = (all.get('state') ?? 'open') === 'open' ?
		    'Nothing is wrong.' : 'No alarm matches the filters.';
		table.set(list);
		show(more, next !== null);
	}

	async function read() {
		const mine = ++turn;
		const now = ctx.query;
		try {
			const answer = await api.call('GET', '/api/v1/alarms' +
			    api.search({ limit: 200, state: now.get('state'),
				severity: now.get('severity'),
				node_id: now.get('node_id'),
				acknowledged: now.get('new') ? 'false' : '',
				symptoms: now.get('symptoms') ? '' : 'false' }),
			    { signal: ctx.signal });
			if (mine !== turn)
				return;
			list = answer.data;
			next = answer.next;
			show(fault, false);
			draw();
		} catch (error) {
			if (!ctx.alive)
				return;
			fault.replaceChildren(errorBox(error,
			    'The alarms could not be read', read));
			show(fault, true);
		}
	}

	const set = (values) => {
		ctx.setQuery(values);
		void read();
	};
	const box = (name, text) => {
		const input = el('input', { type: 'checkbox', id: name, checked:
		    q.has(name) });
		input.addEventListener('change', () => set({ [name]:
		    input.checked ? '1' : '' }));
		return el('div', { class: 'check' }, input, el('label',
		    { for: name }, text));
	};
	const soon = debounce(300, () => ctx.alive && read());
	ctx.watch(onNews((rows) => (rows.alarms || rows.missed) && soon()));
	void read();
	return el('div', null, heading('Alarms'), eventTabs('alarms'),
	    el('section', { class: 'card', 'aria-label': 'Alarms' },
		el('div', { class: 'filters' },
		    labelled('State', select([['', 'Open'], ['closed',
			'Closed'], ['all', 'All']], q.get('state') ?? '',
			(v) => set({ state: v }))),
		    labelled('Severity', select([['', 'All'], ['critical',
			'Critical'], ['warning', 'Warning'], ['info', 'Info']],
			q.get('severity') ?? '', (v) => set({ severity: v }))),
		    box('new', 'Only not acknowledged'),
		    box('symptoms', 'With what follows from offline nodes')),
		fault, table.node, el('div', { class: 'more' }, more)));
}
