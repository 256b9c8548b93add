// Every node as one cell, the worst first. The same nodes stand in the table
// of the Nodes page, which is the way for a keyboard and a screen reader.

import { el, setAttr, setText, show } from './el.js';
import { paint } from './canvas.js';
import { LEVELS } from './fleet.js';
import { plural } from './format.js';
import { go } from './router.js';
import { word } from './widgets.js';

const SIGN = { bad: '\u00d7', warn: '!' };
const CORNERS = [1, 3, 5, 7, 9, 11].map((k) =>
    [Math.cos(k * Math.PI / 6), Math.sin(k * Math.PI / 6)]);
const NAMES = { bad: 'in trouble', warn: 'with a warning', good: 'fine',
    mute: 'pending or unknown' };

// The largest radius that lets n cells stand in a width within a height.
function fit(n, w, most) {
	for (let r = 20; r > 4; r -= 0.5) {
		const across = Math.max(1, Math.floor((w - r) / (r * 1.732)));
		if (Math.ceil(n / across) * r * 1.5 + r / 2 <= most)
			return { r, across };
	}
	return { r: 4, across: Math.max(1, Math.floor((w - 4) / 6.93)) };
}

export class Honeycomb {
	constructor(ctx) {
		this.cells = [];
		this.list = [];
		this.canvas = el('canvas', { role: 'img', class: 'honeycomb' });
		this.tip = el('div', { class: 'tip', 'aria-hidden': 'true',
		    hidden: true });
		this.legend = el('ul', { class: 'legend' });
		this.links = new Map(LEVELS.map((level) => {
			const a = el('a', { href: `/nodes?level=${level}` });
			const li = el('li', { 'data-level': level }, a);
			this.legend.append(li);
			return [level, { a, li }];
		}));
		this.node = el('div', { class: 'body' }, el('div',
		    { class: 'comb' }, this.canvas, this.tip), this.legend);
		this.again = paint(ctx, this.canvas, (g, w, h, colour) =>
		    this.draw(g, w, colour));
		ctx.listen(this.canvas, 'pointermove', (e) => this.point(e));
		ctx.listen(this.canvas, 'pointerleave', () =>
		    show(this.tip, false));
		ctx.listen(this.canvas, 'click', (e) => {
			const cell = this.at(e);
			if (cell)
				go(`/nodes/${cell.v.id}`);
		});
	}

	set(views, fresh) {
		const by = (v) => fresh ? LEVELS.indexOf(v.level) : 0;
		this.list = [...views].sort((a, b) => by(a) - by(b));
		this.fresh = fresh;
		const n = { bad: 0, warn: 0, good: 0, mute: 0 };
		for (const v of views)
			n[v.level]++;
		const parts = [];
		for (const [level, { a, li }] of this.links) {
			const text = `${plural(n[level], 'node', 'nodes')} ` +
			    NAMES[level];
			setText(a, text);
			show(li, n[level] > 0);
			if (n[level] > 0)
				parts.push(text);
		}
		setAttr(this.canvas, 'aria-label', fresh ?
		    `Nodes by state: ${parts.join(', ')}` :
		    'The state of the nodes is not known');
		const w = this.canvas.parentNode.clientWidth || 300;
		const { r, across } = fit(this.list.length, w, 340);
		this.r = r;
		this.across = across;
		this.canvas.style.height = `${Math.ceil(this.list.length /
		    across) * r * 1.5 + r / 2}px`;
		// What looks the same is not drawn again.
		const look = `${fresh} ${w} ${LEVELS.map((l) => n[l])}`;
		if (look !== this.look)
			this.again();
		this.look = look;
	}

	draw(g, w, colour) {
		const { r, across } = this;
		const colours = Object.fromEntries(LEVELS.map((l) =>
		    [l, colour(`cell-${l}`)]));
		const sign = colour('page');
		const dx = r * 1.732;
		this.cells = [];
		g.textAlign = 'center';
		g.textBaseline = 'middle';
		g.font = `700 ${r * 1.1}px sans-serif`;
		this.list.forEach((v, i) => {
			const row = Math.floor(i / across);
			const x = (i % across + (row % 2 ? 1 : 0.5)) * dx;
			const y = row * r * 1.5 + r;
			const level = this.fresh ? v.level : 'mute';
			this.cells.push({ x, y, sign: SIGN[level] });
			g.beginPath();
			for (const [cos, sin] of CORNERS)
				g.lineTo(x + cos * (r - 1), y + sin * (r - 1));
			g.fillStyle = colours[level];
			g.fill();
		});
		g.fillStyle = sign;
		for (const c of r < 7 ? [] : this.cells)
			if (c.sign)
				g.fillText(c.sign, c.x, c.y);
	}

	at(event) {
		const near = this.r * this.r;
		const i = this.cells.findIndex((c) => (c.x - event.offsetX) ** 2 +
		    (c.y - event.offsetY) ** 2 < near);
		return this.list[i] && { ...this.cells[i], v: this.list[i] };
	}

	point(event) {
		const cell = this.at(event);
		show(this.tip, Boolean(cell));
		this.canvas.style.cursor = cell ? 'pointer' : '';
		if (!cell)
			return;
		setText(this.tip, `${cell.v.name.slice(0, 80)}: ${this.fresh ?
		    word(cell.v.state) : 'Unknown'}` + (cell.v.why ?
		    `, ${cell.v.why.slice(0, 80)}` : ''));
		this.tip.style.left = `${Math.min(cell.x,
		    this.canvas.clientWidth - 160)}px`;
		this.tip.style.top = `${cell.y + this.r + 4}px`;
	}
}
