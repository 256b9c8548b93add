// A list of the API in a table, page by page: the newest is read again when
// there is news, and older rows come when they are asked for.

import * as api from './api.js';
import { el, show } from './el.js';
import { onNews } from './live.js';
import { button, debounce, errorBox } from './widgets.js';

// read, soon after the rows that fn picks were told of.
export function onRows(ctx, fn, read) {
	const soon = debounce(300, () => ctx.alive && void read());
	ctx.watch(onNews((rows) => (rows.missed || fn(rows)) && soon()));
}

export class Pager {
	// options: path() of the first page; what, of which there is none
	// when it fails; older, what the button says; empty, what is said of
	// none; news(rows), whether they are a reason to read again; keep,
	// whether older rows stay then; pick(list), what of it is shown.
	constructor(ctx, table, options) {
		Object.assign(this, { ctx, table, list: [], next: null, turn: 0,
		    pick: (list) => list }, options);
		this.fault = el('div', { class: 'body', hidden: true });
		this.foot = el('div', { class: 'more', hidden: true }, button(
		    this.older, () => this.more()));
		this.parts = [this.fault, table.node, this.foot];
		this.read = () => this.first();
		void this.read();
		if (this.news)
			onRows(ctx, this.news, this.read);
	}

	async first() {
		const mine = ++this.turn;
		try {
			const { data, next } = await api.call('GET', this.path(),
			    { signal: this.ctx.signal });
			if (mine !== this.turn)
				return;
			const last = data.at(-1);
			const at = last && this.keep ? this.list.findIndex((r) =>
			    r.id === last.id) : -1;
			const rest = at < 0 ? [] : this.list.slice(at + 1);
			if (rest.length === 0)
				this.next = next;
			this.list = [...data, ...rest];
			show(this.fault, false);
			this.draw();
		} catch (error) {
			if (!this.ctx.alive || mine !== this.turn)
				return;
			this.fault.replaceChildren(errorBox(error,
			    `The ${this.what} could not be read`, this.read));
			show(this.fault, true);
		}
	}

	async more() {
		const { turn } = this;
		const { data, next } = await api.call('GET', this.next,
		    { signal: this.ctx.signal });
		if (turn !== this.turn)
			return;		// they are others by now
		this.next = next;
		this.list = [...this.list, ...data];
		this.draw();
	}

	draw() {
		this.table.empty = this.empty?.call ? this.empty() : this.empty;
		this.table.set(this.pick(this.list));
		show(this.foot, this.next !== null);
	}
}
