// What stands around every page: the bar with the connection, the alarms
// and the person, and the navigation.

import { by, el, setAttr, setText, svg } from './el.js';
import { fleet, openCount } from './fleet.js';
import { count } from './format.js';
import { openCommands } from './keys.js';
import { setTheme, theme } from './look.js';
import { onState } from './live.js';
import { PAGES } from './pages.js';
import { may, roleName, session, signOut } from './session.js';
import { announce, button, select } from './widgets.js';

let links = new Map(), bell = null, bellText = null, timer = 0, side = null;
let menuButton = null;

function mark() {
	return svg('svg', { class: 'mark', viewBox: '0 0 24 24',
	    'aria-hidden': 'true' },
	    svg('path', { d: 'M12 9v13M8 22h8M12 9l-3 13M12 9l3 13' }),
	    svg('path', { d: 'M7.8 10.2a6 6 0 0 1 0-7.4M16.2 2.8a6 6 0 0 1 ' +
		'0 7.4M5 12a10 10 0 0 1 0-11M19 1a10 10 0 0 1 0 11' }),
	    svg('circle', { cx: 12, cy: 6.5, r: 1.6 }));
}

function pill() {
	const text = el('span', { id: 'pill-text' });
	const node = el('p', { class: 'pill', id: 'pill' },
	    el('span', { class: 'dot', 'aria-hidden': 'true' }), text);
	let before = '';
	onState((live) => {
		if (before && before !== live.state)
			announce(live.text);	// once, not every second
		before = live.state;
		setAttr(node, 'data-state', live.state);
		setText(text, live.text);
	});
	return node;
}
const thePill = pill();

function userMenu() {
	const user = session.user;
	const theme_ = select([['system', 'System'], ['light', 'Light'],
	    ['dark', 'Dark']], theme(), setTheme, { id: 'theme' });
	const account = PAGES.some((p) => p.path === '/account');
	return el('details', { class: 'menu', id: 'who' },
	    el('summary', { 'aria-label': `Account: ${user.display_name}` },
		el('bdi', { id: 'who-name' }, user.display_name)),
	    el('div', { class: 'menu-body' },
		el('p', { class: 'soft' }, el('bdi', null, user.username),
		    ', ', roleName(user.role)),
		account ? el('a', { href: '/account' }, 'My account') : null,
		el('label', { for: 'theme' }, 'Theme'), theme_,
		button('Sign out', () => signOut(), { id: 'sign-out' })));
}

function navigation() {
	const groups = new Map();
	links = new Map();
	for (const page of PAGES) {
		if (!page.group || page.role && !may(page.role))
			continue;
		const a = el('a', { href: page.path }, page.name);
		links.set(page, a);
		if (!groups.has(page.group))
			groups.set(page.group, []);
		groups.get(page.group).push(el('li', null, a));
	}
	return el('nav', { class: 'side', id: 'side', 'aria-label': 'Main' },
	    [...groups].map(([name, items]) => el('div', null,
		el('p', { class: 'side-group' }, name), el('ul', null,
		    items))));
}

function showAlarms() {
	if (!bell || !fleet.loaded)
		return;
	const n = openCount();
	setText(bellText, n > 999 ? '999+' : count(n));
	setAttr(bell, 'data-level', n > 0 ? 'warn' : null);
	setAttr(bell, 'aria-label', n === 1 ? '1 open alarm' :
	    `${count(n)} open alarms`);
}

function toggleMenu(open) {
	side.classList.toggle('open', open);
	setAttr(menuButton, 'aria-expanded', String(open));
}

export function drawShell() {
	clearInterval(timer);
	document.body.classList.toggle('in', session.user !== null);
	if (!session.user) {
		by('shell').replaceChildren(el('header', { class: 'bar' },
		    el('p', { class: 'brand' }, mark(), 'Mastkeeper')));
		return;
	}
	side = navigation();
	menuButton = el('button', { type: 'button', class: 'icon menu-button',
	    'aria-expanded': 'false', 'aria-controls': 'side', 'aria-label':
	    'Menu', on: { click: () => toggleMenu(
		!side.classList.contains('open')) } }, '\u2630');
	bellText = el('span', null, '0');
	bell = el('a', { href: '/alarms', class: 'bell', id: 'bell',
	    'aria-label': '0 open alarms' }, svg('svg', { viewBox: '0 0 24 24',
	    'aria-hidden': 'true' }, svg('path', { d: 'M6 17V11a6 6 0 0 1 12 ' +
		'0v6l2 2H4zM10 21h4' })), bellText);
	by('shell').replaceChildren(el('header', { class: 'bar' }, menuButton,
	    el('a', { class: 'brand', href: '/dashboard' }, mark(),
		el('span', null, 'Mastkeeper')),
	    el('button', { type: 'button', class: 'quiet find', on: { click:
		() => openCommands() } },
		el('span', null, 'Go to\u2026 '), el('kbd', null, 'Ctrl K')),
	    thePill, bell, userMenu()), side);
	showAlarms();
	timer = setInterval(showAlarms, 1000);
}

// The navigation shows where one is.
export function markPage(page) {
	for (const [p, a] of links)
		setAttr(a, 'aria-current', p === page || page?.module ===
		    p.module || page?.module === 'page_node' &&
		    p.module === 'page_nodes' ? 'page' : null);
	if (side)
		toggleMenu(false);
	document.body.classList.toggle('kiosk', new URLSearchParams(
	    location.search).has('kiosk'));
}
