// What is wrong now: one row for a node, an object and a code, however often
// it was reported. What follows from an offline node stands back.

import * as api from './api.js';
import { el, setText } from './el.js';
import { askNote, severityFilter } from './events.js';
import { readNodes } from './fleet.js';
import { count } from './format.js';
import { eventTabs } from './page_events.js';
import { Pager } from './pager.js';
import { may } from './session.js';
import { at, chips, nodeLinks, noted, Table } from './table.js';
import { button, check, heading, labelled, select, word } from './widgets.js';

export const title = 'Alarms';
const ORDER = { critical: 0, warning: 1, info: 2 };

const columns = (ack) => [
	noted('message', 'Alarm', (a) => [a.message, [a.object ?
	    `At ${a.object}` : '', a.code, a.note ? `Note: ${a.note}` : '']
	    .filter(Boolean).join(' \u00b7 ')], { sort: (a) => a.message }),
	chips('severity', 'Severity', (a) => a.closed_at ? ['good', 'Closed'] :
	    [a.severity, word(a.severity)],
	    { sort: (a) => ORDER[a.severity] ?? 9 }),
	nodeLinks({ sort: (a) => a.node_name }),
	{ id: 'count', label: 'Times', num: true, sort: (a) => a.count,
	  show: (td, a) => setText(td, count(a.count)) },
	at('since', 'Since', (a) => a.first_at),
	at('last', 'Last', (a) => a.last_at),
	{ id: 'ack', label: 'Seen by', show: (td, a) => {
		const key = `${a.acknowledged_at}${a.closed_at}`;
		if (td.key === key)
			return;
		td.key = key;
		td.replaceChildren(a.acknowledged ? el('bdi', null,
		    a.acknowledged_by_name ?? 'Somebody') : may('operator') &&
		    !a.closed_at ? button('Acknowledge', () => ack(a),
			{ 'aria-label': 'Acknowledge: ' +
			    a.message.slice(0, 60) }) : '\u2013');
	  } }];

export function render(ctx) {
	const q = ctx.query;
	const ack = async (a) => {
		const done = await askNote('Acknowledge', a.message.slice(0, 300),
		    (doc) => api.post(`/api/v1/alarms/${a.id}/ack`, doc));
		if (done) {
			await pager.read();
			void readNodes();
		}
	};
	const table = new Table({ caption: 'Alarms', columns: columns(ack),
	    key: (a) => a.id, sort: q.get('sort') ?? 'severity', onSort: (s) =>
		ctx.setQuery({ sort: s }), empty: 'Loading alarms' }).watch(ctx);
	const pager = new Pager(ctx, table, { what: 'alarms', older: 'More',
	    news: (rows) => rows.alarms, empty: () => (ctx.query.get('state') ??
		'open') === 'open' ? 'Nothing is wrong.' :
		'No alarm matches the filters.',
	    path: () => {
		const now = ctx.query;
		return '/api/v1/alarms' + api.search({ limit: 200,
		    state: now.get('state'), severity: now.get('severity'),
		    node_id: now.get('node_id'), acknowledged: now.get('new') ?
			'false' : '', symptoms: now.get('symptoms') ? '' :
			'false' });
	    } });
	const set = (name) => (v) => {
		ctx.setQuery({ [name]: v });
		void pager.read();
	};
	const box = (name, text) => check(text, q.has(name), (on) =>
	    set(name)(on ? '1' : ''), name);
	return el('div', null, heading('Alarms'), eventTabs('alarms'),
	    el('section', { class: 'card', 'aria-label': 'Alarms' },
		el('div', { class: 'filters' },
		    labelled('State', select([['', 'Open'], ['closed',
			'Closed'], ['all', 'All']], q.get('state') ?? '',
			set('state'))), severityFilter(ctx, set('severity')),
		    box('new', 'Only not acknowledged'),
		    box('symptoms', 'With what follows from offline nodes')),
		pager.parts));
}
