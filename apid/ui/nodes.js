// The table of nodes: what the database knows of each, and over it what the
// last live update said. Rows are made once and then only changed.

import { el, by, setText, setAttr, show } from './el.js';
import { ago, bitrate, count, duration, local, when, NONE } from './format.js';
import { serverNow } from './api.js';

const ROWS = 500;
const QUIET_MS = 10000;	// a node's own silence that is worth saying
const WORDS = {
	online: 'Online', quiet: 'No data', pending: 'Pending',
	offline: 'Offline', degraded: 'Degraded', error: 'Error',
	expired: 'Expired', unknown: 'Unknown',
};
const ATTENTION = new Set(['quiet', 'offline', 'degraded', 'error',
    'expired']);
const COLUMNS = ['Name', 'State', 'Type', 'Version', 'Flows', 'Bitrate',
    'Last seen'];

function metricsOf(live) {
	const pairs = live?.driver_metrics?.metrics;
	const map = new Map(Array.isArray(pairs) ? pairs : []);
	const number = (...names) => {
		for (const name of names)
			if (typeof map.get(name) === 'number')
				return map.get(name);
		return NaN;
	};
	const flows = map.has('total_flows');
	return {
		flows,		// else it carries tunnels only
		active: flows ? number('active_flows') : number('active_tunnels'),
		total: flows ? number('total_flows') : number('total_tunnels'),
		bps: number('total_bitrate_bps', 'total_bandwidth_bps'),
	};
}

class Row {
	constructor() {
		this.name = el('span', { class: 'node-name' });
		this.note = el('span', { class: 'node-note' });
		this.chip = el('span', { class: 'chip' });
		this.cells = COLUMNS.slice(2).map((label) => el('td', {
		    role: 'cell', 'data-label': label,
		    class: label === 'Type' || label === 'Version' ? null : 'num',
		}));
		this.node = el('tr', { role: 'row' },
		    el('th', { scope: 'row', role: 'rowheader' }, this.name,
			this.note),
		    el('td', { role: 'cell', 'data-label': 'State' }, this.chip),
		    ...this.cells);
	}

	show(view, fresh) {
		const [type, version, flows, rate, seen] = this.cells;
		const state = fresh ? view.state : 'unknown';
		setText(this.name, view.name);
		setText(this.note, view.description);
		setText(this.chip, WORDS[state] ?? state);
		setAttr(this.chip, 'data-state', state);
		setText(type, view.type);
		setText(version, view.version || NONE);
		const old = !fresh || view.state !== 'online';
		setText(flows, old || Number.isNaN(view.active) ? NONE :
		    `${count(view.active)} of ${count(view.total)}` +
		    (view.flows ? '' : ' tunnels'));
		setText(rate, old ? NONE : bitrate(view.bps));
		setText(seen, view.seenText);
		setAttr(seen, 'title', local(view.seen));
	}
}

export class Nodes {
	constructor() {
		this.known = new Map();	// id -> the REST object
		this.live = new Map();	// id -> of the last update
		this.rows = new Map();
		this.loaded = false;
		this.body = el('tbody', { role: 'rowgroup' });
		this.table = el('table', { class: 'grid', role: 'table' },
		    el('caption', { class: 'sr' },
			'Nodes with their state, rates and last contact'),
		    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' },
			...COLUMNS.map((label, i) => el('th', { scope: 'col',
			    role: 'columnheader', class: i > 3 ? 'num' : null },
			    label)))), this.body);
		this.empty = el('div', { class: 'empty' });
		this.more = el('p', { class: 'more' });
		by('nodes').append(this.table, this.empty, this.more);
	}

	reset() {
		this.known.clear();
		this.live.clear();
		this.loaded = false;
	}

	setKnown(list) {
		this.known = new Map(list.map((node) => [node.id, node]));
		this.loaded = true;
	}

	// True when a node appeared or went that the list does not explain.
	setLive(update) {
		const live = new Map();
		for (const node of update.nodes ?? [])
			live.set(node.node_id, node);
		let moved = live.size !== this.live.size;
		for (const id of live.keys())
			moved ||= !this.known.has(id) || !this.live.has(id);
		this.live = live;
		return moved;
	}

	view(id) {
		const known = this.known.get(id);
		const live = this.live.get(id);
		const seen = when(live?.last_seen_at ?? known?.last_seen_at);
		const age = serverNow() - seen;
		const view = {
			id, seen,
			name: live?.name ?? known?.name ?? id,
			description: known?.description ?? '',
			type: live?.device_type ?? known?.device_type ?? '',
			version: live?.software_version ??
			    known?.software_version ?? '',
			...metricsOf(live),
		};
		if (live)
			view.state = age > QUIET_MS ? 'quiet' : 'online';
		else if (when(known?.expires_at) < serverNow())
			view.state = 'expired';
		else if (known?.status === 'pending')
			view.state = 'pending';
		else
			view.state = 'offline';
		view.seenText = Number.isNaN(seen) ? 'Never' :
		    view.state === 'quiet' ?
		    `No data for ${duration(age / 1000)}` : ago(age / 1000);
		view.attention = ATTENTION.has(view.state);
		return view;
	}

	views() {
		const ids = new Set([...this.known.keys(), ...this.live.keys()]);
		const all = [...ids].map((id) => this.view(id));
		all.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 :
		    a.id < b.id ? -1 : 1);
		return all;
	}

	static sum(views) {
		const sum = { nodes: views.length, online: 0, attention: 0,
		    active: 0, flows: 0, bitrate: 0 };
		for (const view of views) {
			sum.attention += view.attention ? 1 : 0;
			if (view.state !== 'online' && view.state !== 'quiet')
				continue;
			sum.online++;
			if (view.flows && view.state === 'online') {
				sum.active += view.active || 0;
				sum.flows += view.total || 0;
			}
			if (view.state === 'online')
				sum.bitrate += view.bps || 0;
		}
		return sum;
	}

	show(views, fresh, text, onlyAttention) {
		const want = text.trim().toLowerCase();
		const match = views.filter((v) => (!onlyAttention || v.attention) &&
		    (want === '' || `${v.name} ${v.type} ${v.version}`
			.toLowerCase().includes(want)));
		const visible = match.slice(0, ROWS);
		const keep = new Set();
		let at = this.body.firstChild;
		for (const view of visible) {
			let row = this.rows.get(view.id);
			if (!row)
				this.rows.set(view.id, row = new Row());
			keep.add(view.id);
			row.show(view, fresh);
			if (at === row.node)
				at = at.nextSibling;
			else
				this.body.insertBefore(row.node, at);
		}
		for (const [id, row] of this.rows) {
			if (!keep.has(id)) {
				row.node.remove();
				this.rows.delete(id);
			}
		}
		this.table.classList.toggle('stale', !fresh);
		show(this.table, visible.length > 0);
		show(this.more, match.length > visible.length);
		setText(this.more, match.length > visible.length ?
		    `Showing ${count(visible.length)} of ${count(match.length)}` +
		    ' nodes. Use the filter to narrow them down.' : '');
		this.showEmpty(views, match);
	}

	showEmpty(views, match) {
		show(this.empty, match.length === 0);
		const why = !this.loaded ? 'loading' :
		    views.length > 0 ? 'filter' : 'none';
		if (match.length > 0 || this.empty.dataset.why === why)
			return;
		this.empty.dataset.why = why;
		if (why === 'loading')
			this.empty.replaceChildren(el('p', null, 'Loading nodes'));
		else if (why === 'filter')
			this.empty.replaceChildren(el('p', null,
			    'No node matches the filter.'));
		else
			this.empty.replaceChildren(
			    el('p', null, 'There is no node here yet. Register one' +
				' on the server and give its token to the device:'),
			    el('pre', null, el('code', null,
				'mastctl node add edge-01 --type edge')));
	}
}
