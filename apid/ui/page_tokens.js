// API tokens: one's own, and those of others for who may see them.

import { nodeChoice, tellOnce } from './admin.js';
import * as api from './api.js';
import { ask, sure } from './dialog.js';
import { el } from './el.js';
import { plural } from './format.js';
import { reload } from './router.js';
import { may, roleName, roles, session } from './session.js';
import { act, at, Table, text } from './table.js';
import { button, heading, labelled, select } from './widgets.js';

export const title = 'API tokens';
const TOKENS = '/api/v1/tokens';

async function make() {
	const nodes = await nodeChoice(null, 'For');
	const key = api.keyed();
	const made = await ask('Make an API token', 'Make', [
		{ name: 'name', label: 'Name', required: true, max: 128,
		  help: 'What it is for.' },
		{ name: 'max_role', label: 'Role at most', type: 'select',
		  value: 'viewer', options: roles.filter(may).map((r) =>
			[r, roleName(r)]) },
		{ name: 'read_only', label: 'Only to read', type: 'checkbox',
		  value: true },
		{ name: 'expires_at', label: 'Works until', type: 'datetime',
		  help: 'Empty: for 90 days.' }],
	    (doc) => {
		doc.node_ids = nodes.value();
		return api.post(TOKENS, doc, { key: key(doc) });
	    }, { extra: nodes.node });
	if (made) {
		await tellOnce('The token', 'It is shown only now. Programs send ' +
		    'it as "Authorization: Bearer \u2026".', [['Token',
		    made.token]]);
		await reload();
	}
}

export async function load(ctx) {
	const user = ctx.query.get('user') ?? '';
	const [tokens, users] = await Promise.all([
	    api.get(TOKENS + api.search({ user_id: user })),
	    may('admin') ? api.get('/api/v1/users') : []]);
	return { tokens, users, user };
}

export function render(ctx, { tokens, users, user }) {
	const own = !user || user === session.user.id;
	const table = new Table({ caption: 'API tokens', key: (t) => t.id,
	    sort: 'name', empty: 'There is no API token.', columns: [
		text('name', 'Name', (t) => t.name),
		text('role', 'Role at most', (t) => roleName(t.max_role)),
		text('kind', 'May', (t) => t.read_only ? 'Read' :
		    'Read and change'),
		text('nodes', 'For', (t) => t.node_ids === null ?
		    'All nodes' : plural(t.node_ids.length, 'node', 'nodes')),
		at('made', 'Made', (t) => t.created_at),
		at('until', 'Works until', (t) => t.expires_at),
		at('used', 'Last used', (t) => t.last_used_at, 'Never'),
		act('End', async (t) => await sure('End the token', 'End',
		    'Whatever uses it is refused from now on.', () => api.del(
			`${TOKENS}/${t.id}`), 'The token was ended.',
		    { name: t.name }) && reload(), (t) => t.name)] }).watch(ctx);
	table.set(tokens);
	const who = may('admin') ? el('div', { class: 'filters' },
	    labelled('Of', select(users.map((u) => [u.id, u.username]), user ||
		session.user.id, (id) => {
		    ctx.setQuery({ user: id === session.user.id ? '' : id });
		    void reload();
		}))) : null;
	return el('div', null, heading('API tokens', own ?
	    button('Make a token', make, { class: 'primary' }) : el('span',
		{ class: 'soft' }, 'Everybody makes his own tokens.')),
	    el('section', { class: 'card rows', 'aria-label': 'Tokens' }, who,
		table.node));
}
