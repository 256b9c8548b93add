// The fleet at a glance: one sentence, the figures, every node as a cell,
// who needs attention, and what happened last.

import * as api from './api.js';
import { band, paint } from './canvas.js';
import { el, place, setAttr, setText, show } from './el.js';
import { EventList } from './eventlist.js';
import { firstRun } from './firstrun.js';
import { LEVELS, needNodes, openCount, totals, watchFleet } from './fleet.js';
import { bitrate, count, NONE } from './format.js';
import { rates, SPAN_MS, times } from './history.js';
import { Honeycomb } from './honeycomb.js';
import { onRows } from './pager.js';
import { errorBox, heading, section, word } from './widgets.js';

export const title = 'Overview';
const EVENTS = 10, ATTENTION = 8;

function headline(sum, fresh, loaded) {
	if (!loaded)
		return 'Nodes';
	if (!fresh)
		return 'The state of the nodes is not known';
	if (sum.nodes === 0)
		return 'No nodes yet';
	if (sum.attention === 0)
		return sum.nodes === 1 && sum.online === 1 ?
		    'The node is fine' : sum.online === sum.nodes ?
		    `All ${count(sum.nodes)} nodes are online` :
		    `${count(sum.online)} of ${count(sum.nodes)} nodes ` +
			(sum.online === 1 ? 'is' : 'are') + ' online';
	return `${count(sum.attention)} of ${count(sum.nodes)} ` +
	    (sum.nodes === 1 ? 'node needs' : sum.attention === 1 ?
	    'nodes needs' : 'nodes need') + ' attention';
}

function figure(label, href) {
	const value = el('dd', { class: 'value' }, NONE);
	return { value, box: el('div', { class: 'card figure' },
	    el('dt', null, href ? el('a', { href }, label) : label), value) };
}

class Cards {
	constructor(ctx) {
		this.online = figure('Online', '/nodes');
		this.attention = figure('Need attention',
		    '/nodes?attention=1');
		this.flows = figure('Active flows');
		this.alarms = figure('Open alarms', '/alarms');
		this.rate = figure('Total bitrate');
		const canvas = el('canvas', { class: 'band', role: 'img',
		    'aria-label': 'Total bitrate of the last ten minutes' });
		this.rate.box.classList.add('rate');
		this.rate.box.append(el('dd', { class: 'chart' }, canvas));
		this.node = el('dl', { class: 'totals', id: 'totals' }, this
		    .online.box, this.attention.box, this.flows.box,
		    this.alarms.box, this.rate.box);
		this.again = paint(ctx, canvas, (g, w, h, colour) => {
			const to = Date.now();
			band(g, w, h, { times, values: rates, from: to - SPAN_MS,
			    to, gapMs: 4000, line: colour('spark'), area:
				colour('spark-bg') });
		});
		ctx.every(1000, this.again);
	}

	show(sum, fresh) {
		const say = (f, text) => setText(f.value, fresh ? text : NONE);
		say(this.online, `${count(sum.online)} of ${count(sum.nodes)}`);
		say(this.attention, count(sum.attention));
		setAttr(this.attention.box, 'data-level', fresh &&
		    sum.attention > 0 ? 'warn' : null);
		say(this.flows, `${count(sum.active)} of ${count(sum.flows)}`);
		say(this.rate, bitrate(sum.bitrate));
		const open = openCount();
		setText(this.alarms.value, count(open));
		setAttr(this.alarms.box, 'data-level', open > 0 ? 'warn' : null);
	}

}

// The nodes that need somebody, the worst first.
class Attention {
	constructor() {
		this.rows = new Map();
		this.list = el('ul', { class: 'attention' });
		this.none = el('p', { class: 'empty' });
		this.more = el('p', { class: 'more' }, el('a', { href:
		    '/nodes?attention=1' }, 'All that need attention'));
		this.node = section('Needs attention', null, this.none,
		    this.list, this.more);
	}

	row(v) {
		let row = this.rows.get(v.id);
		if (!row) {
			row = { chip: el('span', { class: 'chip' }),
			    name: el('a', { class: 'node-name', href:
				`/nodes/${v.id}` }, el('bdi')),
			    why: el('span', { class: 'node-note' }) };
			row.node = el('li', null, row.chip, el('div', null,
			    row.name, row.why));
			this.rows.set(v.id, row);
		}
		setText(row.chip, word(v.why ? v.level === 'bad' ? 'error' :
		    'warning' : v.state));
		setAttr(row.chip, 'data-state', v.level);
		setText(row.name.firstChild, v.name);
		setText(row.why, v.why || v.seenText);
		return row.node;
	}

	set(views, fresh) {
		const list = fresh ? views.filter((v) => v.attention) : [];
		list.sort((a, b) => LEVELS.indexOf(a.level) -
		    LEVELS.indexOf(b.level));
		const top = list.slice(0, ATTENTION);
		place(this.list, top.map((v) => this.row(v)));
		const ids = new Set(top.map((v) => v.id));
		for (const id of this.rows.keys())
			if (!ids.has(id))
				this.rows.delete(id);
		show(this.none, list.length === 0);
		setText(this.none, fresh ? 'Every node is fine.' :
		    'Not known without fresh data.');
		show(this.more, list.length > top.length);
	}
}

export async function load() {
	await needNodes();
}

export function render(ctx) {
	const head = heading('Nodes');
	const h1 = head.querySelector('h1');
	h1.id = 'headline';
	const cards = new Cards(ctx);
	const comb = new Honeycomb(ctx);
	const attention = new Attention();
	const events = new EventList(ctx);
	const fault = el('div', { hidden: true });
	const first = el('div', { hidden: true });
	const rest = el('div', { class: 'stack' }, cards.node, section(
	    'Nodes by state', null, comb.node), el('div', { class: 'columns' },
	    attention.node, section('Last events', el('a', { href: '/events' },
		'All events'), fault, events.node)));
	const node = el('div', { id: 'board' }, head, first, rest);
	let guide = null;

	watchFleet(ctx, ({ views, fresh, loaded }) => {
		const sum = totals(views);
		// Until the first node was ever seen there is nothing to show.
		const begin = loaded && !views.some((v) => v.item ||
		    Number.isFinite(v.seen));
		show(first, begin);
		show(rest, !begin);
		if (begin)
			(guide ??= firstRun(ctx, first)).show(views);
		const text = begin ? 'Set up the first node' :
		    headline(sum, fresh, loaded);
		setText(h1, text);
		node.classList.toggle('stale', !fresh);
		if (!begin) {
			cards.show(sum, fresh);
			comb.set(views, fresh);
			attention.set(views, fresh);
		}
	});

	async function read() {
		try {
			events.set(await api.get(`/api/v1/events?per_page=${
			    EVENTS}`, { signal: ctx.signal }));
			show(fault, false);
		} catch (error) {
			if (!ctx.alive)
				return;
			fault.replaceChildren(errorBox(error,
			    'The events could not be read'));
			show(fault, true);
		}
	}
	void read();
	onRows(ctx, (rows) => rows.events, read);
	return node;
}
