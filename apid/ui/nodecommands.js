// Commands to the node: send one, see how each went, cancel what waits.

import * as api from './api.js';
import { actionFields } from './command.js';
import { ask, dialog, sure } from './dialog.js';
import { el } from './el.js';
import { Pager } from './pager.js';
import { may, needs } from './session.js';
import { at, chips, noted, Table, text } from './table.js';
import { button, section } from './widgets.js';

const LEVEL = { queued: 'warn', sent: 'warn', acked: 'good', failed: 'bad',
    expired: 'bad', unknown: 'bad', cancelled: 'mute' };
const WORDS = { queued: 'Waiting', sent: 'Sent', acked: 'Done',
    failed: 'Failed', expired: 'Expired', unknown: 'No answer',
    cancelled: 'Cancelled' };

function answerBox(answer) {
	dialog('The node\u2019s answer', [el('p', null, answer.accepted ?
	    'The command waits in the journal.' : 'Done.'), answer.data ===
	    undefined ? null : el('pre', { tabindex: '0', role: 'region',
		'aria-label': 'Answer' }, JSON.stringify(answer.data, null,
		2))], { wide: true });
}

// Resolves to the answer, or undefined.
export async function sendCommand(node, preset) {
	const { device_types: types } = await api.get('/api/v1/device-types');
	const key = api.keyed();
	const { fields, order } = actionFields(types.filter((t) =>
	    t.device_type === node.device_type), preset);
	const answer = await ask('Command', 'Send', fields, (doc) => api.post(
	    `/api/v1/nodes/${node.id}/command`, order(doc), { key: key(doc),
		timeout: 30000 }), { wide: true });
	if (answer)
		answerBox(answer);
	return answer;
}

export function side(ctx, node) {
	const path = `/api/v1/nodes/${node.id}/commands`;
	const cancel = async (c) => await sure('Cancel the command', 'Cancel it',
	    `${c.type} will not be sent.`, () => api.del(`${path}/${c.id}`),
	    'The command will not be sent.') && pager.read();
	const table = new Table({ caption: 'Commands, newest first', paged: true,
	    key: (c) => c.id, empty: 'Loading commands', columns: [
		noted('type', 'Command', (c) => [c.type, [c.error, ...(c.steps ??
		    []).map((s) => `${s.type}: ${s.state}${s.error ? `, ${
			s.error}` : ''}`)].filter(Boolean).join('; ')]),
		chips('state', 'State', (c) => [LEVEL[c.state],
		    WORDS[c.state] ?? c.state]),
		text('who', 'By', (c) => c.actor ?? '\u2013'),
		at('when', 'Ordered', (c) => c.created_at),
		at('end', 'Ended', (c) => c.done_at),
		{ id: 'tools', label: 'Actions', show: (td, c) => {
			if (td.key === c.state)
				return;
			td.key = c.state;
			td.replaceChildren(c.state === 'queued' &&
			    may('operator') ? button('Cancel', () => cancel(c),
				{ 'aria-label': `Cancel ${c.type}` }) : '');
		} }] }).watch(ctx);
	const pager = new Pager(ctx, table, { what: 'commands', older:
	    'Older commands', empty: 'No command was sent to this node.',
	    path: () => `${path}?limit=50`, news: (rows) =>
		rows.commands?.some((c) => c.node_id === node.id) });
	return section('Commands', may('operator') ? button('Send a command',
	    async () => {
		await sendCommand(node);
		await pager.read();
	    }, { class: 'primary' }) : el('span', { class: 'soft' },
		needs('operator')), pager.parts);
}
