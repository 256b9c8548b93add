// One command to many nodes: choose, see what it would do to each, then send.

import * as api from './api.js';
import { actionForm } from './command.js';
import { confirm, dialog } from './dialog.js';
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
	const ids = views.map((v) => v.id);
	let box;
	const f = actionForm(known, { action: 'Preview', cancel: () =>
	    box.close(), submit: async ({ action, queue }) => ({ action, queue,
		answer: await api.post('/api/v1/commands', { action, queue,
		    node_ids: ids, dry_run: true }) }),
	    done: (preview) => box.close(preview) });
	box = dialog(`Command to ${plural(ids.length, 'node', 'nodes')}`,
	    f.node);
	const preview = await box.closed;
	if (!preview)
		return false;
	const { action, queue, answer } = preview;
	const key = api.newKey();
	let sent;
	const done = await confirm({ title: `Send ${action.type}?`,
	    danger: DESTRUCTIVE.test(action.type),
	    name: DESTRUCTIVE.test(action.type) ? action.type : undefined,
	    action: `Send to ${plural(answer.ok, 'node', 'nodes')}`,
	    text: [el('p', null, `${answer.ok} of ${answer.matched} would ` +
		'get it.'), results(answer)],
	    run: async () => {
		sent = await api.post('/api/v1/commands', { action, queue,
		    node_ids: ids }, { key });
	    } });
	if (done)
		toast(`Sent to ${plural(sent.ok, 'node', 'nodes')}. Each ` +
		    'node\u2019s commands tell how it went.');
	return done;
}
