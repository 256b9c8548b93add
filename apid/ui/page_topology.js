// The topology as a picture in columns, whose nodes can be moved, and the
// same as a table.

import * as api from './api.js';
import { el, setAttr, setText, show, svg } from './el.js';
import { needNodes, watchFleet } from './fleet.js';
import { count } from './format.js';
import { layout, readGraph } from './graph.js';
import { go } from './router.js';
import { Table, text } from './table.js';
import { button, debounce, failed, heading, section, toast, word }
    from './widgets.js';

export const title = 'Topology';
const W = 220, H = 40, MOST = 400;

export async function load(ctx) {
	await needNodes();
	const [graph, { positions }] = await Promise.all([
	    readGraph(ctx.signal), api.get('/api/v1/topology/positions',
		{ signal: ctx.signal })]);
	return { graph, saved: positions };
}

// Between the sides that face each other; within a column around it.
function curve(a, b) {
	const back = b.x + W <= a.x, on = a.x + W <= b.x;
	const x1 = back ? a.x : a.x + W, x2 = on ? b.x : b.x + W;
	const y1 = a.y + H / 2, y2 = b.y + H / 2;
	const bend = Math.max(40, Math.abs(x2 - x1) / 2);
	return `M${x1} ${y1}C${back ? x1 - bend : x1 + bend} ${y1} ${on ?
	    x2 - bend : x2 + bend} ${y2} ${x2} ${y2}`;
}

class Picture {
	constructor(ctx, graph, saved) {
		this.graph = graph;
		this.saved = saved;
		this.boxes = new Map();
		this.lines = new Map();
		this.root = svg('svg', { class: 'topology', role: 'group',
		    'aria-label': 'Topology; the table below has the same' });
		this.node = el('div', { class: 'scroll', tabindex: '0',
		    role: 'region', 'aria-label': 'Picture of the topology' },
		    this.root);
		this.keep = debounce(400, async () => {
			try {
				await api.put('/api/v1/topology/positions',
				    { view: 'graph', positions: this.saved });
			} catch (error) {
				failed(error, 'The places were not saved');
			}
		});
		this.make();
		watchFleet(ctx, (f) => this.states(f));
	}

	make() {
		const columns = layout(this.graph, this.saved);
		const items = [...this.graph.items.values()];
		this.root.replaceChildren();
		for (const c of columns)
			this.root.append(svg('text', { x: c.x, y: 24, class:
			    'column' }, c.name));
		for (const l of this.graph.links.values()) {
			const path = svg('path', { class: 'wire', 'data-level':
			    l.level ?? null }, svg('title', null, l.texts.slice(
				0, 10).join(', ')));
			this.lines.set(l.id, { l, path });
			this.root.append(path);
		}
		for (const n of items.slice(0, MOST))
			this.root.append(this.box(n));
		this.wires();
	}

	box(n) {
		const name = n.name.length > 22 ? `${n.name.slice(0, 21)}\u2026` :
		    n.name;
		const rect = svg('rect', { width: W, height: H, rx: 8 });
		const g = svg(n.outside ? 'g' : 'a', { class: 'box',
		    href: n.outside ? null : `/nodes/${n.id}`,
		    'data-outside': n.outside ? '' : null }, rect,
		    svg('circle', { cx: 16, cy: H / 2, r: 6 }),
		    svg('text', { x: 32, y: H / 2 + 5 }, name),
		    svg('title', null, n.name));
		setAttr(g, 'transform', `translate(${n.x} ${n.y})`);
		this.boxes.set(n.id, g);
		if (!n.outside)
			this.drag(g, n);
		return g;
	}

	drag(g, n) {
		let from = null, moved = false;
		g.addEventListener('pointerdown', (e) => {
			if (e.button !== 0)
				return;
			from = { x: e.clientX - n.x, y: e.clientY - n.y };
			moved = false;
			g.setPointerCapture(e.pointerId);
		});
		g.addEventListener('dragstart', (e) => e.preventDefault());
		g.addEventListener('pointermove', (e) => {
			if (!from)
				return;
			const x = Math.max(0, e.clientX - from.x);
			const y = Math.max(30, e.clientY - from.y);
			moved ||= Math.hypot(x - n.x, y - n.y) > 4;
			if (moved)
				this.move(n, x, y);
		});
		const end = () => {
			if (from && moved)
				this.keep();
			from = null;
		};
		g.addEventListener('pointerup', end);
		g.addEventListener('pointercancel', end);
		g.addEventListener('click', (e) => {
			e.preventDefault();
			if (!moved)
				go(`/nodes/${n.id}`);
			moved = false;
		});
		// Without a mouse: arrows move, Enter opens.
		g.addEventListener('keydown', (e) => {
			const d = { ArrowLeft: [-20, 0], ArrowRight: [20, 0],
			    ArrowUp: [0, -20], ArrowDown: [0, 20] }[e.key];
			if (!d)
				return;
			e.preventDefault();
			this.move(n, Math.max(0, n.x + d[0]), Math.max(30, n.y +
			    d[1]));
			this.keep();
		});
	}

	move(n, x, y) {
		n.x = x;
		n.y = y;
		this.saved[n.id] = { x, y };
		setAttr(this.boxes.get(n.id), 'transform', `translate(${x} ${y})`);
		this.wires();
	}

	wires() {
		const at = this.graph.items;
		let w = 0, h = 0;
		for (const id of this.boxes.keys()) {
			w = Math.max(w, at.get(id).x + W + 20);
			h = Math.max(h, at.get(id).y + H + 20);
		}
		for (const { l, path } of this.lines.values()) {
			const a = at.get(l.from), b = at.get(l.to);
			show(path, this.boxes.has(l.from) &&
			    this.boxes.has(l.to));
			setAttr(path, 'd', curve(a, b));
		}
		setAttr(this.root, 'width', w);
		setAttr(this.root, 'height', h);
	}

	states({ byId, fresh }) {
		for (const [id, g] of this.boxes) {
			const v = byId.get(id);
			if (v) {
				setAttr(g, 'data-level', fresh ? v.level :
				    'mute');
				setText(g.lastChild, `${v.name}: ${word(
				    fresh ? v.state : 'unknown')}`);
			}
		}
	}
}

export function render(ctx, { graph, saved }) {
	const picture = new Picture(ctx, graph, saved);
	const name = (id) => graph.items.get(id)?.name ?? id;
	const table = new Table({ caption: 'Links', key: (l) => l.id,
	    sort: 'from', empty: 'No link is known: edges tell where they ' +
		'send when they report their configuration.', columns: [
		text('from', 'From', (l) => name(l.from)),
		text('to', 'To', (l) => name(l.to)),
		text('what', 'What', (l) => l.texts.slice(0, 20).join(', '),
		    { wide: true })] }).watch(ctx);
	table.set([...graph.links.values()]);
	const reset = button('Reset places', async () => {
		await api.del('/api/v1/topology/positions?view=graph');
		for (const id of Object.keys(saved))
			delete saved[id];
		picture.lines.clear();
		picture.boxes.clear();
		picture.make();
		toast('The places are the columns again.');
	});
	return el('div', null, heading('Topology', reset),
	    graph.items.size > MOST ? el('p', { class: 'soft' },
		`The picture has the first ${count(MOST)} of ${count(
		    graph.items.size)}; the table has all links.`) : null,
	    el('div', { class: 'card' }, graph.items.size === 0 ? el('p',
		{ class: 'empty' }, 'There are no nodes yet.') : picture.node),
	    section('Links', null, table.node));
}
