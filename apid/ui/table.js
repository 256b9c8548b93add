// Tables that stay usable with thousands of rows: sorted by the address,
// windowed, changed in place. A row is made once per key and then only
// told what is different.
//
// Columns: {id, label, num, wide, show(td, row), sort(row)}. show changes a
// cell to fit the row. The first column is the row's heading.

import { el, setAttr, setText, show } from './el.js';
import { byText, count } from './format.js';
import { button, time } from './widgets.js';

const WINDOW_FROM = 120;	// fewer rows are simply all there
const SPARE = 12;

function compare(a, b) {
	if (typeof a === 'number' && typeof b === 'number')
		return (Number.isNaN(a) ? -1 : a) - (Number.isNaN(b) ? -1 : b);
	return byText(String(a), String(b));
}

export class Table {
	// options: caption, columns, key(row), sort ("id" or "-id"), onSort,
	// select (a Set of keys, with check boxes), onSelect, empty (text or
	// node), row(tr, row), paged (rows that are not all there are in the
	// order in which they come)
	constructor(options) {
		Object.assign(this, { select: null, sort: '', empty: '' },
		    options);
		this.rows = [];
		this.made = new Map();
		this.top = el('tbody', { class: 'spacer', 'aria-hidden':
		    'true' }, el('tr', null, el('td')));
		this.bottom = this.top.cloneNode(true);
		this.body = el('tbody', { role: 'rowgroup' });
		// What :has() would find, without a search at each change.
		this.table = el('table', { class: `grid${this.select ? ' picks' :
		    ''}${this.columns.at(-1).id === 'tools' ? ' tooled' : ''}`,
		    role: 'table' },
		    el('caption', { class: 'sr' }, this.caption),
		    this.head(), this.top, this.body, this.bottom);
		this.none = el('div', { class: 'empty' });
		this.node = el('div', { class: 'table' }, this.table, this.none);
		this.height = 0;
	}

	head() {
		this.heads = new Map();
		const cells = this.columns.map((c) => {
			if (!c.sort || this.paged)
				return el('th', { scope: 'col', role:
				    'columnheader', class: c.num ? 'num' :
				    null }, c.label);
			const th = el('th', { scope: 'col', role:
			    'columnheader', class: c.num ? 'num' : null },
			    el('button', { type: 'button', class: 'sort',
				on: { click: () => this.turn(c.id) } },
				c.label));
			this.heads.set(c.id, th);
			return th;
		});
		if (this.select) {
			this.all = el('input', { type: 'checkbox',
			    'aria-label': 'Select all', on: { change: () =>
				this.selectAll() } });
			cells.unshift(el('th', { scope: 'col', role:
			    'columnheader', class: 'pick' }, this.all));
		}
		return el('thead', { role: 'rowgroup' }, el('tr', { role:
		    'row' }, cells));
	}

	// Sorted by a column, or the other way round.
	turn(id) {
		this.sort = this.sort === id ? `-${id}` : id;
		this.onSort?.(this.sort);
		this.set(this.rows);
	}

	selectAll() {
		for (const row of this.rows) {
			if (this.all.checked)
				this.select.add(this.key(row));
			else
				this.select.delete(this.key(row));
		}
		this.onSelect?.();
		this.draw();
	}

	order(rows) {
		const id = this.sort.replace(/^-/, '');
		const column = this.columns.find((c) => c.id === id && c.sort);
		for (const [name, th] of this.heads)
			setAttr(th, 'aria-sort', name !== id ? null :
			    this.sort.startsWith('-') ? 'descending' :
			    'ascending');
		if (!column)
			return rows;
		const sign = this.sort.startsWith('-') ? -1 : 1;
		// What is equal keeps the order in which it came.
		return rows.map((row) => [column.sort(row), row])
		    .sort((a, b) => sign * compare(a[0], b[0]))
		    .map((pair) => pair[1]);
	}

	set(rows) {
		this.rows = this.order(rows);
		show(this.table, rows.length > 0);
		show(this.none, rows.length === 0);
		if (rows.length === 0 && this.none.shown !== this.empty) {
			this.none.shown = this.empty;
			this.none.replaceChildren(typeof this.empty ===
			    'string' ? el('p', null, this.empty) : this.empty);
		}
		setAttr(this.table, 'aria-rowcount', rows.length + 1);
		if (this.all) {
			const n = this.select.size && rows.filter((r) =>
			    this.select.has(this.key(r))).length;
			this.all.checked = n > 0 && n === rows.length;
			this.all.indeterminate = n > 0 && n < rows.length;
		}
		this.draw();
	}

	// What of the rows is to be seen.
	range() {
		const n = this.rows.length;
		if (n <= WINDOW_FROM)
			return [0, n];
		const h = this.height || 44;
		const above = -this.table.getBoundingClientRect().top;
		const from = Math.max(0, Math.floor(above / h) - SPARE);
		const to = Math.ceil((above + window.innerHeight) / h) + SPARE;
		return [Math.min(from, n), Math.max(Math.min(to, n),
		    Math.min(n, SPARE))];
	}

	space(body, rows) {
		show(body, rows > 0);
		body.style.height = `${rows * this.height}px`;
		body.firstChild.firstChild.style.height =
		    `${rows * this.height}px`;
	}

	draw() {
		const big = this.rows.length > WINDOW_FROM;
		this.table.classList.toggle('windowed', big);
		const [from, to] = this.range();
		const keep = new Set();
		let at = this.body.firstChild;
		for (let i = from; i < to; i++) {
			const row = this.rows[i];
			const key = this.key(row);
			const tr = this.line(key);
			keep.add(key);
			this.fill(tr, row, i);
			if (at === tr)
				at = at.nextSibling;
			else
				this.body.insertBefore(tr, at);
		}
		for (const [key, tr] of this.made) {
			const focus = !keep.has(key) && tr.contains(
			    document.activeElement);
			// Out of sight it keeps the focus; gone it has none.
			if (keep.has(key) || focus && this.rows.some((row) =>
			    this.key(row) === key))
				continue;
			tr.remove();
			this.made.delete(key);
			if (focus)
				document.querySelector('main h1')?.focus();
		}
		// All are equally high. To ask makes the browser lay it all out
		// at once, so that is done once in each width.
		if (big && !this.height)
			this.height = this.body.firstChild?.offsetHeight ?? 0;
		this.space(this.top, big ? from : 0);
		this.space(this.bottom, big ? this.rows.length - to : 0);
	}

	line(key) {
		let tr = this.made.get(key);
		if (tr)
			return tr;
		const cells = this.columns.map((c, i) => el(i === 0 ? 'th' :
		    'td', { role: i === 0 ? 'rowheader' : 'cell', scope: i ===
		    0 ? 'row' : null, 'data-label': c.label, class: c.num ?
		    'num' : c.wide ? 'wide' : null }));
		tr = el('tr', { role: 'row' }, this.select ? this.pick(key) :
		    null, cells);
		tr.cells_ = cells;
		this.made.set(key, tr);
		return tr;
	}

	pick(key) {
		const box = el('input', { type: 'checkbox', on: { change: () => {
			if (box.checked)
				this.select.add(key);
			else
				this.select.delete(key);
			this.onSelect?.();
			this.set(this.rows);
		} } });
		return el('td', { role: 'cell', class: 'pick' }, box);
	}

	fill(tr, row, index) {
		setAttr(tr, 'aria-rowindex', index + 2);
		this.columns.forEach((c, i) => c.show(tr.cells_[i], row));
		if (this.select) {
			const box = tr.firstChild.firstChild;
			box.checked = this.select.has(this.key(row));
			setAttr(box, 'aria-label', `Select ${this.name?.(row) ??
			    this.key(row)}`);
		}
		this.row?.(tr, row);
	}

	// The window follows the page's scrolling while ctx lives.
	watch(ctx) {
		let due = false;
		const later = () => {
			if (due || this.rows.length <= WINDOW_FROM)
				return;
			due = true;
			requestAnimationFrame(() => {
				due = false;
				this.draw();
			});
		};
		// How high its rows are shows when it is in the page.
		requestAnimationFrame(() => this.draw());
		ctx.listen(window, 'scroll', later);
		ctx.listen(window, 'resize', () => {
			this.height = 0;
			later();
		});
		return this;
	}
}

// A column of plain text.
export const text = (id, label, get, more = {}) => ({ id, label,
    show: (td, row) => setText(td, get(row)), sort: (row) => get(row),
    ...more });

// A cell that is made once and then changed by fn(part, row).
export const cell = (id, label, make, change, more = {}) => ({ id, label,
    show: (td, row) => {
	td.kept ??= (td.append(make()), td.firstChild);
	change(td.kept, row, td);
    }, ...more });

// A column of a state: get gives the level that colours it, and the word.
export const chips = (id, label, get, more) => cell(id, label, () =>
    el('span', { class: 'chip' }), (part, row) => {
	const [level, word] = get(row);
	setText(part, word);
	setAttr(part, 'data-state', level);
}, more);

// A column of a text with a note below it: get gives both.
export const noted = (id, label, get, more) => cell(id, label, () =>
    el('div', null, el('bdi', { class: 'clamp' }), el('bdi', { class:
	'node-note' })), (part, row) => {
	const [words, note] = get(row);
	setText(part.firstChild, words);
	setText(part.lastChild, note);
}, more);

// A column of nodes, which lead to their pages.
export const nodeLinks = (more) => cell('node', 'Node', () => el('a', null,
    el('bdi')), (part, row) => {
	setAttr(part, 'href', `/nodes/${row.node_id}`);
	setText(part.firstChild, row.node_name || row.node_id);
}, more);

// A column of one button, called by what it is about.
export const act = (name, run, label, when = () => true) => ({ id: name,
    label: name, show: (td, row) => {
	td.row = row;
	if (!td.firstChild)
		td.append(button(name, () => run(td.row)));
	td.firstChild.setAttribute('aria-label', `${name}: ${label(row)}`);
	show(td.firstChild, when(row));
    } });

// A column of times; get gives the text of one.
export const at = (id, label, get, none) => ({ id, label,
    sort: (row) => get(row) ?? '', show: (td, row) => {
	const text = get(row);
	if (td.at !== text || !td.firstChild)
		td.replaceChildren(time(td.at = text, none));
    } });

// The first column, which opens a row.
export const opener = (label, get, run) => ({ id: 'name', label, sort: get,
    show: (td, row) => {
	td.row = row;
	if (!td.firstChild)
		td.append(el('button', { type: 'button', class: 'link',
		    on: { click: () => run(td.row) } }, el('bdi', { class:
			'clamp' })));
	setText(td.firstChild.firstChild, get(row));
    } });

// How many of how many are shown.
export const shown = (some, all, one, many) => some === all ?
    `${count(all)} ${all === 1 ? one : many}` :
    `${count(some)} of ${count(all)} ${many}`;
