// The address decides what is shown: paths lead to modules of pages, the
// query holds a page's own state. One page lives at a time, in its context,
// and everything it started ends with it.

import { by, el } from './el.js';
import { find } from './pages.js';
import { errorBox } from './widgets.js';
import { may, needs, session } from './session.js';

let current = null;	// {ctx, module, path}
let turn = 0;
let first = true;
let changed = () => {};
const scrolls = new Map();	// history key -> scroll position

const key = () => history.state?.key ?? '';
const stamp = () => ({ key: Math.random().toString(36).slice(2) });

// What a page gets: its parameters, the query, and ways to be told things
// that end by themselves when it is left.
class Context {
	constructor(path, params) {
		this.path = path;
		this.params = params;
		this.stop = new AbortController();
		this.signal = this.stop.signal;
		this.ends = [];
	}

	get query() {
		return new URLSearchParams(location.search);
	}

	get alive() {
		return !this.signal.aborted;
	}

	// State of the page in the address, without a step in the history.
	setQuery(values) {
		const q = this.query;
		for (const [name, value] of Object.entries(values)) {
			if (value === '' || value === null || value === undefined)
				q.delete(name);
			else
				q.set(name, value);
		}
		const text = q.toString();
		if (this.alive)
			history.replaceState(history.state, '',
			    location.pathname + (text ? `?${text}` : ''));
	}

	// fn every ms while the page is shown and the tab visible.
	every(ms, fn) {
		const id = setInterval(() => {
			if (!document.hidden)
				fn();
		}, ms);
		this.ends.push(() => clearInterval(id));
	}

	// A subscription: start(fn) must return what ends it.
	watch(end) {
		this.ends.push(end);
	}

	listen(target, type, fn) {
		target.addEventListener(type, fn, { signal: this.signal });
	}

	end() {
		this.stop.abort();
		for (const end of this.ends)
			end();
	}
}

function leave() {
	if (!current)
		return;
	current.module?.leave?.(current.ctx);
	current.ctx.end();
	current = null;
}

function put(node, title, back) {
	const main = by('main');
	main.replaceChildren(node);
	main.removeAttribute('aria-busy');
	document.title = title ? `${title} \u00b7 Mastkeeper` : 'Mastkeeper';
	const at = back ? scrolls.get(key()) ?? 0 : 0;
	window.scrollTo(0, at);
	const auto = main.querySelector('[autofocus]');
	if (first && !auto) {
		// Nobody has gone anywhere yet: the skip link comes first.
		first = false;
	} else {
		const head = auto ?? main.querySelector('h1');
		if (head && !head.matches('a, button, input'))
			head.setAttribute('tabindex', '-1');
		(head ?? main).focus({ preventScroll: true });
	}
}

const notice = (title, text) => el('section', { class: 'card note' },
    el('h1', null, title), el('p', null, text),
    el('p', null, el('a', { href: '/dashboard' }, 'To the overview')));

async function open(back) {
	const url = new URL(location.href);
	const path = url.pathname;
	const mine = ++turn;
	leave();
	const found = find(path);
	changed(found?.page ?? null, path);
	if (!found) {
		put(notice('Page not found', `There is no page ${path}.`),
		    'Not found', back);
		return;
	}
	const { page, params } = found;
	if (page.role && !may(page.role)) {
		put(notice(page.name, needs(page.role)), page.name, back);
		return;
	}
	const main = by('main');
	main.setAttribute('aria-busy', 'true');
	const ctx = new Context(path, params);
	current = { ctx, module: null, path };
	const waiting = setTimeout(() => main.replaceChildren(el('p',
	    { class: 'loading', role: 'status' }, 'Loading')), 300);
	try {
		const module = await import(`./${page.module}.js`);
		const data = await module.load?.(ctx);
		if (mine !== turn)
			return;
		current.module = module;
		const node = module.render(ctx, data);
		put(node, typeof module.title === 'function' ?
		    module.title(ctx, data) : module.title, back);
	} catch (error) {
		if (mine !== turn || ctx.signal.aborted || !session.user &&
		    error.status === 401)
			return;
		put(el('section', null, el('h1', null, page.name),
		    errorBox(error, `${page.name} could not be loaded`,
			() => open(back))), page.name, back);
	} finally {
		clearTimeout(waiting);
	}
}

export function go(path, { replace = false } = {}) {
	scrolls.set(key(), window.scrollY);
	const to = new URL(path, location.origin);
	if (to.origin !== location.origin)
		return;
	const target = to.pathname + to.search;
	if (replace)
		history.replaceState(stamp(), '', target);
	else
		history.pushState(stamp(), '', target);
	void open(false);
}

export const reload = () => open(true);

// Links of ours change the page without loading the document again.
function onClick(event) {
	const link = event.target.closest?.('a[href]');
	if (!link || event.defaultPrevented || event.button !== 0 ||
	    event.metaKey || event.ctrlKey || event.shiftKey || event.altKey ||
	    link.target || link.hasAttribute('download'))
		return;
	const to = new URL(link.href);
	if (to.origin !== location.origin || !find(to.pathname))
		return;
	if (to.pathname === location.pathname && to.hash)
		return;
	event.preventDefault();
	go(to.pathname + to.search);
}

// Where it is safe to come back to after a sign-in: a path of ours with its
// query, nothing else.
export function safePath(text) {
	return typeof text === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(text) &&
	    !text.startsWith('/login') ? text : '/dashboard';
}

export function start(onPage) {
	changed = onPage;
	history.scrollRestoration = 'manual';
	if (!history.state?.key)
		history.replaceState(stamp(), '');
	document.addEventListener('click', onClick);
	window.addEventListener('popstate', () => void open(true));
	void open(true);
}
