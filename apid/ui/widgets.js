// Small parts that every page uses.

import { by, el, setText, uid } from './el.js';
import { ago, local, when, NONE } from './format.js';
import { serverNow } from './api.js';

// ---- times: relative, exact on hover, kept right once a second

const times = new Set();

export function time(text, none = NONE) {
	const at = when(text);
	if (!Number.isFinite(at))
		return el('span', null, none);
	const node = el('time', { datetime: text, title: local(at) });
	node.at = at;
	times.add(new WeakRef(node));
	setText(node, ago((serverNow() - at) / 1000));
	return node;
}

function tickTimes() {
	if (document.hidden)
		return;
	for (const ref of times) {
		const node = ref.deref();
		if (!node)
			times.delete(ref);
		else if (node.isConnected)
			setText(node, ago((serverNow() - node.at) / 1000));
	}
}
setInterval(tickTimes, 1000);

// ---- words about states

const STATES = {
	online: 'Online', quiet: 'No data', pending: 'Pending',
	offline: 'Offline', degraded: 'Degraded', error: 'Error',
	expired: 'Expired', unknown: 'Unknown', quarantined: 'Kept out',
	info: 'Info', warning: 'Warning', critical: 'Critical',
	minor: 'Minor', major: 'Major',
};

// A word with a colour; the level gives the colour when the word is free.
export const word = (state) => STATES[state] ?? state;
export function chip(state, text, level) {
	return el('span', { class: 'chip', 'data-state': level ?? state },
	    text ?? word(state));
}

// ---- what happened just now

export function announce(text) {
	setText(by('announce'), '');
	setText(by('announce'), text);
}

export function toast(text, level = 'good') {
	const node = el('div', { class: 'toast', 'data-level': level },
	    el('p', null, text),
	    el('button', { type: 'button', class: 'icon', 'aria-label':
		'Dismiss', on: { click: () => node.remove() } }, '\u00d7'));
	by('toasts').append(node);
	while (by('toasts').children.length > 4)
		by('toasts').firstChild.remove();
	setTimeout(() => node.remove(), level === 'good' ? 6000 : 15000);
}

// ---- errors: what failed, why, what to do

function advice(error) {
	if (!('status' in error))
		return 'This is a fault of the page. Load it again; if it ' +
		    'stays, tell whoever runs this server.';
	const after = error.retryAfter > 0 ? ` in ${error.retryAfter} s` : '';
	switch (error.status) {
	case 0:
		return 'Check the connection to the server, then try again.';
	case 401:
		return 'Sign in again.';
	case 403:
		return 'Ask an administrator if you should be allowed to.';
	case 404:
		return 'It may have been deleted. Go back and look again.';
	case 409:
		return 'Look at how it is now, then decide again.';
	case 412:
		return 'Somebody changed it meanwhile. Load it again, then ' +
		    'make your change.';
	case 422:
	case 400:
		return 'Correct what is marked and try again.';
	case 429:
		return `Too much at once. Try again${after || ' in a minute'}.`;
	case 502:
		return 'The node is not connected. Try again when it is.';
	case 504:
		return 'The node has not answered. See what it did before ' +
		    'trying again.';
	default:
		return `Try again${after || ' in a moment'}.`;
	}
}

export function errorBox(error, what, retry) {
	const id = error.problem?.request_id;
	return el('div', { class: 'fault', role: 'alert' },
	    el('p', { class: 'fault-what' }, what),
	    el('p', null, error.message),
	    error.errors?.length ? el('ul', null, error.errors.map((e) =>
		el('li', null, el('code', null, e.pointer || '/'), ' ',
		    e.detail))) : null,
	    el('p', null, advice(error)),
	    id ? el('p', { class: 'soft' }, 'Request ', el('code', null, id)) :
		null,
	    retry ? el('button', { type: 'button', class: 'quiet',
		on: { click: retry } }, 'Try again') : null);
}

// A failure of something a person just did.
export function failed(error, what) {
	toast(`${what}: ${error.message}. ${advice(error)}`, 'bad');
}

// ---- buttons

// A button that is busy while its work runs and says when it failed.
export function button(text, run, attrs = {}) {
	const node = el('button', { type: 'button', class: 'quiet', ...attrs },
	    text);
	// Not disabled meanwhile: a dialog gives the focus back to it.
	let busy = false;
	node.addEventListener('click', async () => {
		if (busy)
			return;
		busy = true;
		try {
			await run(node);
		} catch (error) {
			failed(error, `${text} failed`);
		}
		busy = false;
	});
	return node;
}

export function copyable(text, label) {
	const code = el('code', null, text);
	return el('div', { class: 'copy' }, el('pre', { tabindex: '0',
	    role: 'region', 'aria-label': label }, code),
	    button('Copy', async (node) => {
		await navigator.clipboard.writeText(code.textContent);
		setText(node, 'Copied');
		announce(`${label} copied`);
		setTimeout(() => setText(node, 'Copy'), 2000);
	    }, { 'aria-label': `Copy ${label}` }));
}

// ---- tabs that are addresses: [{href, text, current}]

export function tabs(label, list) {
	const nav = el('nav', { class: 'tabs', 'aria-label': label }, el('ul',
	    null, list.map((t) => el('li', null, el('a', { href: t.href,
		'aria-current': t.current ? 'page' : null }, t.text)))));
	// On a narrow screen the one that is open is in sight.
	requestAnimationFrame(() => {
		const at = nav.querySelector('[aria-current]');
		nav.scrollLeft = at ? at.offsetLeft - (nav.clientWidth -
		    at.offsetWidth) / 2 : 0;
	});
	return nav;
}

// ---- layout

export function section(title, tools, ...kids) {
	const id = uid();
	return el('section', { class: 'card', 'aria-labelledby': id },
	    el('div', { class: 'section-head' }, el('h2', { id }, title),
		tools), ...kids);
}

export function heading(title, ...tools) {
	return el('header', { class: 'page-head' }, el('h1', null, title),
	    el('div', { class: 'tools' }, ...tools));
}

// Names and values; a value may be a node.
export function facts(pairs) {
	return el('dl', { class: 'facts' }, pairs.filter(Boolean).map(
	    ([name, value]) => el('div', null, el('dt', null, name),
		el('dd', null, value ?? NONE))));
}

// A field of a toolbar with its label.
export function labelled(text, input, { hidden = false } = {}) {
	input.id ||= uid();
	return el('div', { class: 'field-inline' }, el('label', { for: input.id,
	    class: hidden ? 'sr' : null }, text), input);
}

export function select(options, value, onChange, attrs = {}) {
	const node = el('select', { ...attrs, on: { change: () =>
	    onChange(node.value) } }, options.map(([v, text]) =>
	    el('option', { value: v, selected: v === value }, text)));
	return node;
}

// A check box with its text; set(checked) at every change.
export function check(text, checked, set, id = uid()) {
	const input = el('input', { type: 'checkbox', id, checked, on: {
	    change: () => set(input.checked) } });
	return el('div', { class: 'check' }, input, el('label', { for: id },
	    text));
}

// The words that a page is searched for; they stand in its address.
export function searchField(ctx, draw, attrs) {
	const q = el('input', { type: 'search', id: 'filter', maxlength: 128,
	    autocomplete: 'off', spellcheck: 'false', value:
		ctx.query.get('q'), ...attrs });
	q.addEventListener('input', debounce(120, () => {
		ctx.setQuery({ q: q.value });
		draw();
	}));
	return q;
}

// ---- menus: what is chosen, a click elsewhere and Escape close them

// list() gives [[name, run]] each time that it opens.
export function menu(attrs, summary, list) {
	const body = el('div', { class: 'menu-body' });
	const node = el('details', attrs, summary, body);
	node.addEventListener('toggle', () => body.replaceChildren(...node.open ?
	    list().map(([name, run]) => button(name, run)) : []));
	return node;
}

function closeMenus(event) {
	for (const node of document.querySelectorAll('.menu[open]')) {
		const inside = node.contains(event.target);
		const chosen = inside && event.target.closest(
		    '.menu-body :is(a, button)');
		if (event.key ? event.key !== 'Escape' : inside && !chosen)
			continue;
		// A dialog gives the focus back to where it was.
		if (chosen || event.key)
			node.querySelector('summary').focus();
		node.open = false;
	}
}
document.addEventListener('click', closeMenus, true);
document.addEventListener('keydown', closeMenus);

export function debounce(ms, fn) {
	let timer = 0;
	return (...args) => {
		clearTimeout(timer);
		timer = setTimeout(fn, ms, ...args);
	};
}
