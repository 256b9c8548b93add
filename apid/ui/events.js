// Events as a table: filters in the address, the newest coming in by
// themselves, older ones by the cursor, and acknowledging.

import * as api from './api.js';
import { dialog } from './dialog.js';
import { el, setAttr, setText, show } from './el.js';
import { form } from './form.js';
import { local, plural } from './format.js';
import { onNews } from './live.js';
import { may } from './session.js';
import { cell, Table } from './table.js';
import { button, chip, debounce, errorBox, facts, labelled, select, time,
    toast, word } from './widgets.js';

const PAGE = 50;
const FILTERS = ['search', 'severity', 'category', 'flow_id', 'from', 'to'];
const SEVERITIES = ['critical', 'warning', 'info'];

// The note of an acknowledgement: resolves to what run gave.
export function askNote(title, what, run) {
	let box;
	const f = form({ action: 'Acknowledge', cancel: () => box.close(),
	    fields: [{ name: 'note', label: 'Note', type: 'textarea', rows: 2,
		max: 512, help: what }], submit: run,
	    done: (answer) => box.close(answer ?? true) });
	box = dialog(title, f.node);
	f.focus();
	return box.closed;
}

function details(e, again) {
	const box = dialog('Event', [facts([['Severity', chip(e.severity,
	    e.severity_raw ?? undefined)], ['When', time(e.created_at)],
	    ['Exactly', local(Date.parse(e.created_at))],
	    ['Node', el('a', { href: `/nodes/${e.node_id}`, on: { click: () =>
		box.close() } }, el('bdi', null, e.node_name ?? e.node_id))],
	    ['Category', el('bdi', null, e.category)],
	    e.flow_id ? ['Flow', el('bdi', null, e.flow_id)] : null,
	    e.acknowledged ? ['Acknowledged by', el('bdi', null,
		e.acknowledged_by_name ?? 'somebody who is gone')] : null,
	    e.acknowledged_at ? ['Acknowledged', time(e.acknowledged_at)] :
		null, e.note ? ['Note', el('bdi', null, e.note)] : null]),
	    el('p', { class: 'message', tabindex: '0', role: 'region',
		'aria-label': 'Message' }, el('bdi', null, e.message)),
	    e.details !== null && e.details !== undefined ? el('pre',
		{ tabindex: '0', role: 'region', 'aria-label': 'Details' },
		JSON.stringify(e.details, null, 2)) : null,
	    may('operator') && !e.acknowledged ? el('div', { class: 'actions' },
		button('Acknowledge', () => {
		    box.close();
		    return again(e);
		})) : null], { wide: true });
}

function columns(log, withNode) {
	const list = [
		cell('message', 'Message', () => el('div', { class: 'cell-name' },
		    el('button', { type: 'button', class: 'link', on: { click:
			(ev) => details(ev.currentTarget.row, log.ack) } },
			el('bdi', { class: 'clamp' })), el('bdi',
			{ class: 'node-note' })), (part, e) => {
			part.firstChild.row = e;
			setText(part.firstChild.firstChild, e.message ||
			    '(no text)');
			setText(part.lastChild, e.flow_id ?
			    `Flow ${e.flow_id}` : '');
		    }),
		cell('severity', 'Severity', () => el('span', { class: 'chip' }),
		    (part, e) => {
			setText(part, word(e.severity));
			setAttr(part, 'data-state', e.severity);
		    }),
		{ id: 'when', label: 'When', show: (td, e) => {
			if (td.at !== e.created_at)
				td.replaceChildren(time(td.at = e.created_at));
		} }];
	if (withNode)
		list.push(cell('node', 'Node', () => el('a', null, el('bdi')),
		    (part, e) => {
			setAttr(part, 'href', `/nodes/${e.node_id}`);
			setText(part.firstChild, e.node_name || e.node_id);
		    }));
	list.push({ id: 'category', label: 'Category', show: (td, e) =>
	    setText(td, e.category) },
	{ id: 'ack', label: 'Seen by', show: (td, e) => {
		const key = `${e.id}${e.acknowledged}`;
		if (td.key === key)
			return;
		td.key = key;
		td.replaceChildren(e.acknowledged ? el('bdi', { title: e.note },
		    e.acknowledged_by_name ?? 'Somebody') : may('operator') ?
		    button('Acknowledge', () => log.ack(e), { 'aria-label':
			`Acknowledge: ${e.message.slice(0, 60)}` }) :
		    '\u2013');
	} });
	return list;
}

export class EventLog {
	// fixed: parameters that always hold ({node_id} on a node's page)
	constructor(ctx, fixed = {}) {
		this.ctx = ctx;
		this.fixed = fixed;
		this.events = [];
		this.next = null;
		this.turn = 0;
		this.ack = async (e) => {
			const done = await askNote('Acknowledge', e.message
			    .slice(0, 300), (doc) => api.post(
				`/api/v1/events/${e.id}/ack`, doc));
			if (done)
				await this.read();
		};
		this.table = new Table({ caption: 'Events, newest first',
		    columns: columns(this, !fixed.node_id), key: (e) => e.id,
		    empty: 'Loading events' }).watch(ctx);
		this.fault = el('div', { class: 'body', hidden: true });
		this.more = button('Older events', () => this.older());
		this.foot = el('div', { class: 'more', hidden: true }, this.more);
		this.node = el('section', { class: 'card', id: 'events',
		    'aria-label': 'Events' }, this.filters(), this.fault,
		    this.table.node, this.foot);
		void this.read();
		const soon = debounce(300, () => ctx.alive && this.read());
		ctx.watch(onNews((rows) => (rows.events || rows.missed) &&
		    soon()));
	}

	params() {
		const p = { ...this.fixed, limit: PAGE };
		const q = this.ctx.query;
		for (const name of FILTERS)
			if (q.get(name))
				p[name] = q.get(name);
		if (!this.fixed.node_id && q.get('node_id'))
			p.node_id = q.get('node_id');
		return p;
	}

	filters() {
		const q = this.ctx.query;
		const set = (name) => debounce(name === 'search' ? 300 : 0, (v) => {
			this.ctx.setQuery({ [name]: v });
			this.events = [];
			void this.read();
		});
		const search = el('input', { type: 'search', maxlength: 256,
		    autocomplete: 'off', value: q.get('search') });
		const apply = set('search');
		search.addEventListener('input', () => apply(search.value));
		const when = (name) => {
			const input = el('input', { type: 'datetime-local' });
			const at = new Date(q.get(name) ?? NaN);
			if (!Number.isNaN(at.getTime()))
				input.value = new Date(at - at
				    .getTimezoneOffset() * 60000)
				    .toISOString().slice(0, 16);
			input.addEventListener('change', () => set(name)(
			    input.value ? new Date(input.value)
				.toISOString() : ''));
			return input;
		};
		const open = el('input', { type: 'checkbox', id: 'open',
		    checked: q.has('open') });
		open.addEventListener('change', () => {
			this.ctx.setQuery({ open: open.checked ? '1' : '' });
			this.draw();
		});
		const severity = select([['', 'All'], ...SEVERITIES.map((s) =>
		    [s, word(s)])], q.get('severity') ?? '', set('severity'));
		return el('div', { class: 'filters' }, labelled('Search', search),
		    labelled('Severity', severity), labelled('From',
			when('from')), labelled('To', when('to')),
		    el('div', { class: 'check' }, open, el('label',
			{ for: 'open' }, 'Only not acknowledged')),
		    this.ackAll());
	}

	// Everything that the filters select, in one request or a few.
	ackAll() {
		if (!may('operator'))
			return null;
		return button('Acknowledge all of these', async () => {
			const { limit: _, ...filter } = this.params();
			let total = 0;
			const names = Object.keys(filter);
			const done = await askNote('Acknowledge all', names.length ?
			    'Every event that these filters select: ' +
			    names.map((n) => `${n} ${filter[n]}`).join(', ') :
			    'Every event that you may see.', async (doc) => {
				for (let more = true; more;) {
					const a = await api.post(
					    '/api/v1/events/ack',
					    { ...filter, ...doc });
					total += a.count;
					more = a.more && a.count > 0;
				}
				return { total };
			});
			if (done) {
				toast(`${plural(total, 'event', 'events')} ` +
				    'acknowledged.');
				await this.read();
			}
		});
	}

	// The newest again; older ones that were asked for stay.
	async read() {
		const mine = ++this.turn;
		try {
			const { data, next } = await api.call('GET',
			    `/api/v1/events${api.search(this.params())}`,
			    { signal: this.ctx.signal });
			if (mine !== this.turn)
				return;
			const least = data.at(-1)?.id ?? Infinity;
			const rest = data.length < PAGE ? [] :
			    this.events.filter((e) => e.id < least);
			if (rest.length === 0)
				this.next = next;
			this.events = [...data, ...rest];
			show(this.fault, false);
			this.draw();
		} catch (error) {
			this.failed(error);
		}
	}

	failed(error) {
		if (!this.ctx.alive)
			return;
		this.fault.replaceChildren(errorBox(error,
		    'The events could not be read', () => this.read()));
		show(this.fault, true);
	}

	async older() {
		const { data, next } = await api.call('GET', this.next,
		    { signal: this.ctx.signal });
		this.next = next;
		this.events = [...this.events, ...data];
		this.draw();
	}

	draw() {
		const open = this.ctx.query.has('open');
		this.table.empty = 'No event matches the filters.';
		this.table.set(this.events.filter((e) => !open ||
		    !e.acknowledged));
		show(this.foot, this.next !== null);
	}
}
