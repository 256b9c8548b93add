// Users: who may sign in, with what role and for which nodes.

import { nodeChoice, sessionList } from './admin.js';
import * as api from './api.js';
import { ask, dialog, sure } from './dialog.js';
import { el, setText } from './el.js';
import { plural, when } from './format.js';
import { may, needs, roleName, roles, session } from './session.js';
import { at, chips, opener, shown, Table, text } from './table.js';
import { button, chip, facts, heading, labelled, searchField, time, toast }
    from './widgets.js';

export const title = 'Users';
const USERS = '/api/v1/users';
const path = (u) => `${USERS}/${u.id}`;
const late = (u) => when(u.expires_at) < api.serverNow();
const state = (u) => !u.is_active ? ['bad', 'Disabled'] : late(u) ?
    ['bad', 'Expired'] : ['good', u.is_temporary ? 'Temporary' : 'Active'];
const myRoles = () => roles.filter(may).map((r) => [r, roleName(r)]);

const fields = (u) => [
	{ name: 'display_name', label: 'Display name', required: true, max: 128,
	  value: u.display_name },
	{ name: 'role', label: 'Role', type: 'select', options: myRoles(),
	  value: u.role ?? 'viewer' },
	{ name: 'email', label: 'E-mail address', type: 'email', max: 254,
	  value: u.email },
	{ name: 'is_temporary', label: 'Temporary account', type: 'checkbox',
	  value: u.is_temporary },
	{ name: 'expires_at', label: 'May sign in until', type: 'datetime',
	  value: u.expires_at, help: 'Empty: always.' }];
const password = { name: 'password', label: 'Password', type: 'password',
    required: true, max: 128, autocomplete: 'new-password',
    help: 'At least 8 characters.' };

async function add() {
	const nodes = await nodeChoice(null, 'May see');
	const key = api.keyed();
	const made = await ask('Add a user', 'Add', [{ name: 'username',
	    label: 'User name', required: true, max: 64, help: 'Letters, ' +
		'digits, dot, dash and underscore; it does not change later.' },
	    password, ...fields({})], (doc) => {
		doc.allowed_node_ids = nodes.value();
		return api.post(USERS, doc, { key: key(doc) });
	    }, { extra: nodes.node });
	if (made)
		toast(`${made.username} was added.`);
	return made;
}

async function edit(u) {
	const { data, etag } = await api.call('GET', path(u));
	const nodes = await nodeChoice(data.allowed_node_ids, 'May see');
	return ask('Change the user', 'Save', fields(data), (doc) => api.put(
	    path(u), { ...doc, allowed_node_ids: nodes.value() }, { etag }),
	    { extra: nodes.node });
}

const reset = (u) => ask('New password', 'Set password', [password],
    (doc) => api.put(path(u), doc), { intro: el('p', null,
	'All sessions of ', el('bdi', null, u.username), ' end.') });

// What can be done to a user: [name, what it does, class].
function deeds(u) {
	const on = u.is_active;
	return [['Change', () => edit(u)], ['Set a password', () => reset(u)],
	    on ? ['Disable', () => sure('Disable the user', 'Disable',
		'Nobody can sign in as this user, and its sessions end.',
		() => api.put(path(u), { is_active: false }),
		'The user is disabled.')] :
	    ['Enable', async () => {
		await api.put(path(u), { is_active: true });
		toast('The user is enabled.');
	    }],
	    ['Reset second factor', () => sure('Reset the second factor',
		'Reset', 'The next sign-in needs the password alone.',
		() => api.del(`${path(u)}/totp`), 'It was reset.')],
	    ['End all sessions', () => sure('End all sessions', 'End them',
		'The user has to sign in again everywhere.',
		() => api.del(`${path(u)}/sessions`), 'They were ended.')],
	    ['Delete', () => sure('Delete the user', 'Delete',
		'The user goes with its sessions and API tokens. What it did ' +
		'stays in the audit.', () => api.del(path(u)),
		'The user was deleted.', { name: u.username }), 'danger']];
}

async function open(u, again) {
	const mine = u.id === session.user.id;
	const can = !mine && may(u.role);
	const sessions = await sessionList(`${path(u)}/sessions`,
	    () => box.node.querySelector('button'));
	const box = dialog(u.display_name, [facts([
	    ['User name', el('bdi', null, u.username)],
	    ['Role', roleName(u.role)], ['State', chip(...state(u))],
	    ['E-mail', u.email && el('bdi', null, u.email)],
	    ['May see', access(u)], ['Until', time(u.expires_at, 'Always')],
	    ['Last sign-in', time(u.last_login_at, 'Never')]]),
	    can ? el('div', { class: 'tools' }, deeds(u).map(
		([name, run, kind]) => button(name, async () => {
		    box.close();
		    if (await run() !== false)
			await again();
		}, kind ? { class: kind } : {}))) :
	    el('p', { class: 'soft' }, mine ? 'This is you: see My account.' :
		needs(u.role)),
	    el('h3', null, 'Sessions'), sessions.node,
	    el('p', null, el('a', { href: `/admin/tokens?user=${u.id}`,
		on: { click: () => box.close() } }, 'API tokens'))],
	    { wide: true });
}

const access = (u) => u.allowed_node_ids === null ? 'All nodes' :
    plural(u.allowed_node_ids.length, 'node', 'nodes');

export const load = () => api.get(USERS);

export function render(ctx, list) {
	const found = el('p', { class: 'soft', role: 'status' });
	const again = async () => {
		if (!ctx.alive)
			return;
		list = await load();
		draw();
	};
	const table = new Table({ caption: 'Users', key: (u) => u.id,
	    sort: ctx.query.get('sort') ?? 'name', onSort: (sort) =>
		ctx.setQuery({ sort }), empty: 'No user matches.',
	    columns: [opener('User', (u) => u.username, (u) => open(u, again)),
		text('full', 'Name', (u) => u.display_name),
		text('role', 'Role', (u) => roleName(u.role), { sort: (u) =>
		    roles.indexOf(u.role) }),
		chips('state', 'State', state, { sort: (u) => state(u)[1] }),
		text('nodes', 'May see', access),
		at('until', 'Until', (u) => u.expires_at, 'Always'),
		at('last', 'Last sign-in', (u) => u.last_login_at, 'Never')] })
	    .watch(ctx);
	const q = searchField(ctx, draw);

	function draw() {
		const want = q.value.trim().toLowerCase();
		const some = list.filter((u) => [u.username, u.display_name,
		    u.email, roleName(u.role)].join(' ').toLowerCase()
		    .includes(want));
		table.set(some);
		setText(found, shown(some.length, list.length, 'user', 'users'));
	}
	draw();
	return el('div', null, heading('Users', button('Add a user',
	    async () => await add() && again(), { class: 'primary' })),
	    el('section', { class: 'card rows', 'aria-label': 'Table of users' },
		el('div', { class: 'filters' }, labelled('Filter', q), found),
		table.node));
}
