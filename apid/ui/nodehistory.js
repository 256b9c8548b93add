// What the node measured, as bands of least and most with their mean, and
// the strip of its states. Gaps are gaps.

import * as api from './api.js';
import { paint } from './canvas.js';
import { el, setText, show, svg } from './el.js';
import { bitrate, count, decimal, local, NONE } from './format.js';
import { errorBox, labelled, section, select, word } from './widgets.js';

const RANGES = { '1h': ['Last hour', 3600], '6h': ['Last 6 hours', 21600],
    '24h': ['Last day', 86400], '7d': ['Last 7 days', 604800],
    '30d': ['Last 30 days', 2592000] };
const NAMES = { bitrate: 'Bitrate in', bitrate_out: 'Bitrate out',
    packets_lost: 'Packets lost', rtt: 'Round trip', cpu: 'Processor',
    ram: 'Memory', tr101290_p1: 'TR 101 290 priority 1',
    tr101290_p2: 'TR 101 290 priority 2', active: 'Active', peers: 'Peers' };

const valued = (v, unit) => unit === 'bps' || unit === 'b/s' ? bitrate(v) :
    `${Math.abs(v) >= 100 ? count(Math.round(v)) : decimal(v, 2)} ${unit === '1' ? '' : unit}`.trim();

function draw(g, w, h, colour, series, range) {
	const { from, to, step } = range;
	const top = Math.max(1e-9, ...series.map((p) => p[3])) * 1.08;
	const x = (t) => (t - from) / (to - from) * w;
	const y = (v) => h - 1 - v / top * (h - 3);
	g.strokeStyle = colour('edge');
	g.lineWidth = 1;
	for (const part of [0, 0.5, 1]) {
		g.beginPath();
		g.moveTo(0, Math.round(y(top * part)) + 0.5);
		g.lineTo(w, Math.round(y(top * part)) + 0.5);
		g.stroke();
	}
	for (let i = 0; i < series.length;) {
		let n = i + 1;
		while (n < series.length && series[n][0] - series[n - 1][0] <=
		    step * 1.5)
			n++;
		const run = series.slice(i, n);
		g.beginPath();
		run.forEach((p) => g.lineTo(x(p[0]), y(p[3])));
		run.toReversed().forEach((p) => g.lineTo(x(p[0]), y(p[1])));
		g.fillStyle = colour('spark-bg');
		g.fill();
		g.beginPath();
		run.forEach((p) => g.lineTo(x(p[0]), y(p[2])));
		if (run.length === 1)
			g.rect(x(run[0][0]), y(run[0][2]) - 1, 2, 2);
		g.strokeStyle = colour('spark');
		g.lineWidth = 1.75;
		g.stroke();
		i = n;
	}
}

function chart(ctx, s, range) {
	const points = s.points.map(([at, ...v]) => [Date.parse(at), ...v.map(
	    Number)]);
	const name = NAMES[s.metric] ?? s.metric;
	const most = Math.max(...points.map((p) => p[3]));
	const last = points.at(-1);
	const canvas = el('canvas', { class: 'chart-big', role: 'img',
	    'aria-label': `${name}: last ${valued(last[2], s.unit)}, at most ` +
		valued(most, s.unit) });
	const rest = `last ${valued(last[2], s.unit)}, at most ${valued(most,
	    s.unit)}`;
	const read = el('span', { class: 'soft' }, rest);
	paint(ctx, canvas, (g, w, h, colour) => draw(g, w, h, colour, points,
	    range));
	ctx.listen(canvas, 'pointermove', (event) => {
		const t = range.from + event.offsetX / canvas.clientWidth *
		    (range.to - range.from);
		const near = points.reduce((a, b) => Math.abs(b[0] - t) <
		    Math.abs(a[0] - t) ? b : a);
		setText(read, `${local(near[0])}: ${valued(near[2], s.unit)} (${
		    valued(near[1], s.unit)} to ${valued(near[3], s.unit)})`);
	});
	ctx.listen(canvas, 'pointerleave', () => setText(read, rest));
	const table = el('details', { class: 'fold' }, el('summary', null,
	    'As numbers'));
	table.addEventListener('toggle', () => {
		if (table.open && !table.querySelector('table'))
			table.append(el('div', { class: 'scroll', tabindex: '0',
			    role: 'region', 'aria-label': `${name} as numbers` },
			    el('table', { class: 'plain' }, el('thead', null,
			    el('tr', null, ['From', 'Least', 'Mean', 'Most'].map(
				(t) => el('th', { scope: 'col' }, t)))),
			    el('tbody', null, points.map((p) => el('tr', null,
				el('td', null, local(p[0])), p.slice(1).map((v) =>
				    el('td', null, valued(v, s.unit)))))))));
	});
	return el('figure', null, el('figcaption', null, el('h3', null, name),
	    read), canvas, table);
}

function strip(states) {
	const cells = states.cells;
	const w = 1000 / Math.max(1, cells.length);
	const sum = (name) => cells.reduce((n, c) => n + c[name], 0);
	const all = sum('online') + sum('degraded') + sum('offline');
	const share = all > 0 ? `${decimal((sum('online') + sum('degraded')) /
	    all * 100, 2)} %` : NONE;
	return el('div', { class: 'body' }, el('p', null, `Online ${share} of ` +
	    'the time that is known.'), svg('svg', { class: 'strip', viewBox:
	    '0 0 1000 24', preserveAspectRatio: 'none', role: 'img',
	    'aria-label': `States: online ${share}` }, cells.map((c, i) =>
		svg('rect', { x: i * w, y: 0, width: w + 0.3, height: 24,
		    'data-state': c.state }, svg('title', null,
			`${local(Date.parse(c.at))}: ${word(c.state)}`)))),
	    el('ul', { class: 'legend' }, [['good', 'Online'], ['warn',
		'Degraded'], ['bad', 'Offline'], ['mute', 'Unknown']].map(
		([level, text]) => el('li', { 'data-level': level }, text))));
}

export function side(ctx, node) {
	const q = ctx.query;
	const box = el('div', { class: 'body charts' });
	const states = el('div');
	const objects = select([['', 'The node']], '', (v) => set({ object: v }));
	let turn = 0, drawing = null;

	const set = (values) => {
		ctx.setQuery(values);
		void read();
	};
	const range = select(Object.entries(RANGES).map(([k, [text]]) => [k,
	    text]), q.get('range') ?? '1h', (v) => set({ range: v }));

	// What the charts of one reading listen to ends with the next.
	function scope() {
		drawing?.abort();
		drawing = new AbortController();
		const signal = AbortSignal.any([ctx.signal, drawing.signal]);
		return { get alive() { return !signal.aborted; },
		    watch: (end) => signal.addEventListener('abort', end),
		    listen: (t, type, fn) => t.addEventListener(type, fn,
			{ signal }) };
	}

	function fill(m) {
		const inner = scope();
		const span = { from: Date.parse(m.from), to: Date.parse(m.to),
		    step: m.step * 1000 };
		const list = m.series.filter((s) => s.points.length > 0);
		box.replaceChildren(...list.map((s) => chart(inner, s, span)));
		if (list.length === 0)
			box.append(el('p', { class: 'empty' },
			    'Nothing was measured in this time.'));
		const object = ctx.query.get('object') ?? '';
		objects.replaceChildren(...[['', 'The node'], ...m.objects.map(
		    (o) => [o, o])].map(([v, text]) => el('option', { value: v,
			selected: v === object }, text.slice(0, 80))));
		show(objects.parentNode, m.objects.length > 0);
	}

	async function read() {
		const mine = ++turn;
		const now = ctx.query;
		const key = RANGES[now.get('range')] ? now.get('range') : '1h';
		const to = new Date();
		const from = new Date(to - RANGES[key][1] * 1000);
		try {
			const [m, s] = await Promise.all([api.get(
			    `/api/v1/nodes/${node.id}/metrics` + api.search({
				from: from.toISOString(), to: to.toISOString(),
				object: now.get('object') }),
			    { signal: ctx.signal }), api.get(`/api/v1/nodes/${
			    node.id}/states?range=${key.endsWith('h') ? '24h' :
				key}`, { signal: ctx.signal })]);
			if (mine !== turn)
				return;
			fill(m);
			states.replaceChildren(strip(s));
		} catch (error) {
			if (ctx.alive && mine === turn)
				box.replaceChildren(errorBox(error, 'The ' +
				    'history could not be read', read));
		}
	}
	const node_ = el('div', { class: 'stack' }, section('States', null,
	    states), section('Measured', el('div', { class: 'tools' },
		labelled('Of', objects), labelled('Time', range)), box));
	void read();
	ctx.every(30000, read);
	return node_;
}
