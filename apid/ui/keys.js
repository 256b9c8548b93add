// Keyboard shortcuts and the command box. Letters act only outside of
// fields, and whoever is disturbed by them can turn them off.

import { el, setAttr, uid } from './el.js';
import { dialog } from './dialog.js';
import { fleet } from './fleet.js';
import { setTheme } from './look.js';
import { PAGES } from './pages.js';
import { may, session, signOut } from './session.js';
import { check } from './widgets.js';

const MOST = 12;
let goTo = () => {};
const extra = new Set();	// functions that give [{name, run}]

const letters = () => {
	try {
		return localStorage.getItem('letters') !== 'off';
	} catch {
		return true;
	}
};

// What a page offers in the command box while it is shown.
export function offer(ctx, list) {
	extra.add(list);
	ctx.watch(() => extra.delete(list));
}

function commands() {
	const list = PAGES.filter((p) => p.group && (!p.role || may(p.role)))
	    .map((p) => ({ name: `Go to ${p.name}`, run: () => goTo(p.path) }));
	for (const more of extra)
		list.unshift(...more());
	list.push({ name: 'Show keyboard shortcuts', run: openHelp },
	    { name: 'Sign out', run: () => void signOut() },
	    ...['System', 'Light', 'Dark'].map((t) => ({ name: `Theme: ${t}`,
		run: () => setTheme(t.toLowerCase()) })),
	    { name: 'Wall screen (no navigation)', run: () => goTo(
		new URLSearchParams(location.search).has('kiosk') ?
		location.pathname : `${location.pathname}?kiosk=1`) });
	return list;
}

function matches(text) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const fits = (name) => {
		const low = name.toLowerCase();
		return words.every((w) => low.includes(w));
	};
	const list = commands().filter((c) => fits(c.name));
	if (words.length > 0)
		for (const v of fleet.views) {
			if (list.length >= MOST)
				break;
			if (fits(v.name))
				list.push({ name: v.name, note: v.type,
				    run: () => goTo(`/nodes/${v.id}`) });
		}
	return list.slice(0, MOST);
}

export function openCommands() {
	if (!session.user || document.querySelector('dialog[open]'))
		return;
	const listId = uid();
	let items = [], at = 0;
	const list = el('ul', { role: 'listbox', id: listId, class: 'options',
	    'aria-label': 'Matches' });
	const input = el('input', { type: 'text', role: 'combobox',
	    'aria-expanded': 'true', 'aria-controls': listId, 'aria-label':
	    'A page, a node or something to do', autocomplete: 'off',
	    spellcheck: 'false', maxlength: 128, placeholder:
	    'A page, a node or something to do' });
	const box = dialog('Go to', [input, list]);
	const run = (item) => {
		box.close();
		item?.run();
	};
	function mark() {
		[...list.children].forEach((li, i) => setAttr(li,
		    'aria-selected', String(i === at)));
		setAttr(input, 'aria-activedescendant',
		    list.children[at]?.id ?? null);
		list.children[at]?.scrollIntoView({ block: 'nearest' });
	}
	function draw() {
		items = matches(input.value);
		at = 0;
		list.replaceChildren(...items.map((item) => el('li', { role:
		    'option', id: uid(), on: { click: () => run(item) } },
		    el('bdi', null, item.name), item.note ? el('span',
			{ class: 'soft' }, ` ${item.note}`) : null)));
		if (items.length === 0)
			list.append(el('li', { role: 'option', 'aria-disabled':
			    'true', class: 'soft' }, 'Nothing matches'));
		mark();
	}
	input.addEventListener('input', draw);
	input.addEventListener('keydown', (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step && items.length > 0) {
			event.preventDefault();
			at = (at + step + items.length) % items.length;
			mark();
		} else if (event.key === 'Enter') {
			event.preventDefault();
			if (items[at])
				run(items[at]);
		}
	});
	draw();
	input.focus();
}

function openHelp() {
	const on = check('Single letters act as shortcuts', letters(), (yes) => {
		try {
			localStorage.setItem('letters', yes ? 'on' : 'off');
		} catch {
			on.firstChild.checked = true;
		}
	});
	const rows = [['Ctrl K', 'Go to a page or node, or do something'],
	    ['/', 'To the filter of the page'], ['?', 'This list'],
	    ...PAGES.filter((p) => p.key && (!p.role || may(p.role))).map(
		(p) => [`g ${p.key}`, `Go to ${p.name}`])];
	dialog('Keyboard shortcuts', [el('dl', { class: 'keys' },
	    rows.map(([k, what]) => el('div', null, el('dt', null,
		el('kbd', null, k)), el('dd', null, what)))), on]);
}

let prefix = 0;

function onKey(event) {
	if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
		event.preventDefault();
		openCommands();
		return;
	}
	if (event.ctrlKey || event.metaKey || event.altKey || !session.user ||
	    !letters() || document.querySelector('dialog[open]') ||
	    event.target.closest?.('input, textarea, select, ' +
		'[contenteditable]'))
		return;
	if (performance.now() < prefix) {
		prefix = 0;
		const page = PAGES.find((p) => p.key === event.key);
		if (page && (!page.role || may(page.role))) {
			event.preventDefault();
			goTo(page.path);
		}
		return;
	}
	if (event.key === 'g') {
		prefix = performance.now() + 1500;
	} else if (event.key === '/') {
		const filter = document.querySelector(
		    'main input[type=search]');
		if (filter) {
			event.preventDefault();
			filter.focus();
		}
	} else if (event.key === '?') {
		event.preventDefault();
		openHelp();
	}
}

export function startKeys(go) {
	goTo = go;
	document.addEventListener('keydown', onKey);
}
