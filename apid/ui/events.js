// Events as a table: filters in the address, the newest coming in by
// themselves, older ones by the cursor, and acknowledging.

import * as api from './api.js';
import { ask, dialog } from './dialog.js';
import { el, setText } from './el.js';
import { nodeLink } from './eventlist.js';
import { local, localInput, plural } from './format.js';
import { Pager } from './pager.js';
import { may } from './session.js';
import { at, cell, chips, nodeLinks, Table } from './table.js';
import { button, check, chip, debounce, facts, labelled, select, time, toast,
    word } from './widgets.js';

const PAGE = 50;
const FILTERS = ['search', 'severity', 'category', 'flow_id', 'from', 'to'];
const SEVERITIES = ['critical', 'warning', 'info'];

// The note of an acknowledgement: resolves to what run gave.
export const askNote = (title, what, run) => ask(title, 'Acknowledge', [
    { name: 'note', label: 'Note', type: 'textarea', rows: 2, max: 512,
      help: what }], run);

export const severityFilter = (ctx, set) => labelled('Severity', select([
    ['', 'All'], ...SEVERITIES.map((s) => [s, word(s)])],
    ctx.query.get('severity') ?? '', set));

function details(e, again) {
	const box = dialog('Event', [facts([['Severity', chip(e.severity,
	    e.severity_raw ?? undefined)], ['When', time(e.created_at)],
	    ['Exactly', local(Date.parse(e.created_at))],
	    ['Node', nodeLink(e.node_id, e.node_name, { click: () =>
		box.close() })],
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

const columns = (log, withNode) => [
	cell('message', 'Message', () => el('div', null, el('button',
	    { type: 'button', class: 'link', on: { click: (ev) =>
		details(ev.currentTarget.row, log.ack) } }, el('bdi',
		    { class: 'clamp' })), el('bdi', { class: 'node-note' })),
	    (part, e) => {
		part.firstChild.row = e;
		setText(part.firstChild.firstChild, e.message || '(no text)');
		setText(part.lastChild, e.flow_id ? `Flow ${e.flow_id}` : '');
	    }),
	chips('severity', 'Severity', (e) => [e.severity, word(e.severity)]),
	at('when', 'When', (e) => e.created_at),
	...withNode ? [nodeLinks()] : [],
	{ id: 'category', label: 'Category', show: (td, e) =>
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
	  } }];

export class EventLog {
	// fixed: parameters that always hold ({node_id} on a node's page)
	constructor(ctx, fixed = {}) {
		this.ctx = ctx;
		this.fixed = fixed;
		this.ack = async (e) => {
			const done = await askNote('Acknowledge', e.message
			    .slice(0, 300), (doc) => api.post(
				`/api/v1/events/${e.id}/ack`, doc));
			if (done)
				await this.pager.read();
		};
		const table = new Table({ caption: 'Events, newest first',
		    columns: columns(this, !fixed.node_id), key: (e) => e.id,
		    paged: true, empty: 'Loading events' }).watch(ctx);
		this.pager = new Pager(ctx, table, { what: 'events', keep: true,
		    older: 'Older events', news: (rows) => rows.events,
		    empty: 'No event matches the filters.',
		    path: () => `/api/v1/events${api.search(this.params())}`,
		    pick: (list) => list.filter((e) => !e.acknowledged ||
			!ctx.query.has('open')) });
		this.node = el('section', { class: 'card', id: 'events',
		    'aria-label': 'Events' }, this.filters(),
		    this.pager.parts);
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
		const { ctx, pager } = this, q = ctx.query;
		const set = (name) => debounce(name === 'search' ? 300 : 0, (v) => {
			ctx.setQuery({ [name]: v });
			pager.list = [];
			void pager.read();
		});
		const search = el('input', { type: 'search', maxlength: 256,
		    autocomplete: 'off', value: q.get('search') });
		const apply = set('search');
		search.addEventListener('input', () => apply(search.value));
		const when = (name) => el('input', { type: 'datetime-local',
		    value: localInput(q.get(name)), on: { change: (event) => {
			const { value } = event.target;
			set(name)(value ? new Date(value).toISOString() : '');
		    } } });
		return el('div', { class: 'filters' }, labelled('Search', search),
		    severityFilter(ctx, set('severity')), labelled('From',
			when('from')), labelled('To', when('to')),
		    check('Only not acknowledged', q.has('open'), (on) => {
			ctx.setQuery({ open: on ? '1' : '' });
			pager.draw();
		    }, 'open'), this.ackAll());
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
			});
			if (done) {
				toast(`${plural(total, 'event', 'events')} ` +
				    'acknowledged.');
				await this.pager.read();
			}
		});
	}
}
