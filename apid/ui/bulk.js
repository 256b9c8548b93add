// One command to many nodes: choose, see what it would do to each, then send.

import * as api from './api.js';
import { actionFields } from './command.js';
import { ask, confirm } from './dialog.js';
import { el } from './el.js';
import { plural } from './format.js';
import { chip, toast } from './widgets.js';

function results(answer) {
	return el('ul', { class: 'results' }, answer.results.map((r) =>
	    el('li', null, chip(r.ok ? 'good' : 'bad', r.ok ? 'Will do' :
		'Will not'), ' ', el('bdi', null, r.node_name ?? r.node_id),
		r.error ? el('span', { class: 'soft' }, `: ${r.error}`) :
		    null)));
}

// The driver tells which commands take something away.
const DESTRUCTIVE = /delete|remove|stop|close|disconnect|revoke|update_config/;

// True when something was ordered.
export async function bulkCommand(views) {
	const { device_types: types } = await api.get('/api/v1/device-types');
	const kinds = new Set(views.map((v) => v.type));
	const known = types.filter((t) => kinds.has(t.device_type));
	const node_ids = views.map((v) => v.id);
	const { fields, order } = actionFields(known);
	const preview = await ask(`Command to ${plural(node_ids.length, 'node',
	    'nodes')}`, 'Preview', fields, async (doc) => {
		const sent = { ...order(doc), node_ids };
		return { sent, answer: await api.post('/api/v1/commands',
		    { ...sent, dry_run: true }) };
	    });
	if (!preview)
		return false;
	const { sent, answer } = preview, { type } = sent.action;
	const key = api.newKey();
	let done;
	const danger = DESTRUCTIVE.test(type);
	if (await confirm({ title: `Send ${type}?`, danger, name: danger ? type :
	    undefined, action: `Send to ${plural(answer.ok, 'node', 'nodes')}`,
	    text: [el('p', null, `${answer.ok} of ${answer.matched} would ` +
		'get it.'), results(answer)],
	    run: async () => { done = await api.post('/api/v1/commands', sent,
		{ key }); } }))
		toast(`Sent to ${plural(done.ok, 'node', 'nodes')}. Each ` +
		    'node\u2019s commands tell how it went.');
	return Boolean(done);
}
