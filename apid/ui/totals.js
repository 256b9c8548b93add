// The figures on top, and the last two minutes of the total bitrate.

import { el, svg, by, setText, setAttr } from './el.js';
import { bitrate, count, NONE } from './format.js';

const POINTS = 120;
const WIDTH = 240, HEIGHT = 44;

function figure(label, extra) {
	const value = el('dd', { class: 'value' }, NONE);
	const box = el('div', { class: 'card figure' }, el('dt', null, label),
	    value, extra ?? null);
	return { box, value };
}

export class Totals {
	constructor() {
		this.line = svg('path', { class: 'line', d: '' });
		this.area = svg('path', { class: 'area', d: '' });
		const chart = svg('svg', { class: 'spark', 'aria-hidden': 'true',
		    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
		    preserveAspectRatio: 'none' }, this.area, this.line);
		this.online = figure('Online');
		this.attention = figure('Need attention');
		this.flows = figure('Active flows');
		this.alarms = figure('Open alarms');
		this.rate = figure('Total bitrate', el('dd', { class: 'chart' },
		    chart));
		by('totals').append(this.online.box, this.attention.box,
		    this.flows.box, this.alarms.box, this.rate.box);
		this.rate.box.classList.add('wide');
		this.reset();
	}

	reset() {
		this.points = new Array(POINTS).fill(null);
		this.alarm = NaN;
		this.draw();
	}

	setAlarms(n) {
		this.alarm = n;
	}

	// One point a second; a second without news is a gap, not a guess.
	show(sum, fresh) {
		setText(this.online.value, fresh ?
		    `${count(sum.online)} of ${count(sum.nodes)}` : NONE);
		setText(this.attention.value, fresh ? count(sum.attention) : NONE);
		setAttr(this.attention.box, 'data-level',
		    fresh && sum.attention > 0 ? 'warn' : null);
		setText(this.flows.value, fresh ?
		    `${count(sum.active)} of ${count(sum.flows)}` : NONE);
		setText(this.alarms.value, count(this.alarm));
		setAttr(this.alarms.box, 'data-level',
		    this.alarm > 0 ? 'warn' : null);
		setText(this.rate.value, fresh ? bitrate(sum.bitrate) : NONE);
	}

	sample(bps) {
		this.points.shift();
		this.points.push(bps);
		this.draw();
	}

	draw() {
		const known = this.points.filter((p) => p !== null);
		const top = Math.max(1, ...known) * 1.15;
		let line = '', area = '', from = 0;
		for (let i = 0; i <= POINTS; i++) {
			const p = i < POINTS ? this.points[i] : null;
			const before = i > 0 ? this.points[i - 1] : null;
			const x = (i * WIDTH / (POINTS - 1)).toFixed(1);
			if (p === null) {
				if (before !== null)
					area += `L${from} ${HEIGHT}Z`;
				continue;
			}
			const y = (HEIGHT - p / top * HEIGHT).toFixed(1);
			line += `${before === null ? 'M' : 'L'}${x} ${y}`;
			if (before === null)
				area += `M${x} ${HEIGHT}`;
			area += `L${x} ${y}`;
			from = x;
		}
		setAttr(this.line, 'd', line);
		setAttr(this.area, 'd', area);
	}
}
