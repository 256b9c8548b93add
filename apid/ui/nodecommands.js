// Commands to the node: send one, see how each went, cancel what waits.

import * as api from './api.js';
import { actionForm } from './command.js';
import { confirm, dialog } from './dialog.js';
import { el, setAttr, setText, show } from './el.js';
import { onNews } from './live.js';
import { may, needs } from './session.js';
import { cell, Table, text } from './table.js';
import { button, debounce, errorBox, section, time, toast } from './widgets.js';

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
	let box;
	const f = actionForm(types.filter((t) => t.device_type ===
	    node.device_type), { action: 'Send', preset, cancel: () =>
	    box.close(), submit: (doc) => api.post(`/api/v1/nodes/${node.id
		}/command`, doc, { key: key(doc), timeout: 30000 }),
	    done: (answer) => box.close(answer) });
	box = dialog('Command', f.node, { wide: true });
	f.focus();
	const answer = await box.closed;
	if (answer)
		answerBox(answer);
	return answer;
}

export function side(ctx, node) {
	const path = `/api/v1/nodes/${node.id}/commands`;
	let list = [], next = null;
	const fault = el('div', { class: 'body', hidden: true });

	async function cancel(c) {
		const done = await confirm({ title: 'Cancel the command',
		    action: 'Cancel it', text: `${c.type} will not be sent.`,
		    run: () => api.del(`${path}/${c.id}`) });
		if (done) {
			toast('The command will not be sent.');
			await read();
		}
	}

	const table = new Table({ caption: 'Commands, newest first',
	    key: (c) => c.id, empty: 'No command was sent to this node.',
	    columns: [
		cell('type', 'Command', () => el('div', { class: 'cell-name' },
		    el('bdi', { class: 'node-name' }), el('bdi',
			{ class: 'node-note' })), (part, c) => {
			setText(part.firstChild, c.type);
			setText(part.lastChild, [c.error, ...(c.steps ?? []).map(
			    (s) => `${s.type}: ${s.state}${s.error ? `, ${
				s.error}` : ''}`)].filter(Boolean).join('; '));
		    }),
		cell('state', 'State', () => el('span', { class: 'chip' }),
		    (part, c) => {
			setText(part, WORDS[c.state] ?? c.state);
			setAttr(part, 'data-state', LEVEL[c.state]);
		    }),
		text('who', 'By', (c) => c.actor ?? '\u2013'),
		{ id: 'when', label: 'Ordered', show: (td, c) => td.at ===
		    c.created_at || td.replaceChildren(time(td.at =
			c.created_at)) },
		{ id: 'end', label: 'Ended', show: (td, c) => td.at ===
		    `${c.done_at}` || td.replaceChildren((td.at = `${c.done_at}`,
			time(c.done_at))) },
		{ id: 'tools', label: 'Actions', show: (td, c) => {
			if (td.key === c.state)
				return;
			td.key = c.state;
			td.replaceChildren(c.state === 'queued' &&
			    may('operator') ? button('Cancel', () => cancel(c),
				{ 'aria-label': `Cancel ${c.type}` }) : '');
		} }] }).watch(ctx);
	const more = button('Older commands', async () => {
		const answer = await api.call('GET', next);
		list = [...list, ...answer.data];
		next = answer.next;
		draw();
	});

	function draw() {
		table.set(list);
		show(more, next !== null);
	}

	async function read() {
		try {
			const answer = await api.call('GET', `${path}?limit=50`,
			    { signal: ctx.signal });
			list = answer.data;
			next = answer.next;
			show(fault, false);
			draw();
		} catch (error) {
			if (!ctx.alive)
				return;
			fault.replaceChildren(errorBox(error,
			    'The commands could not be read', read));
			show(fault, true);
		}
	}
	void read();
	const soon = debounce(200, () => ctx.alive && read());
	ctx.watch(onNews((rows) => (rows.missed || rows.commands?.some((c) =>
	    c.node_id === node.id)) && soon()));
	return section('Commands', may('operator') ? button('Send a command',
	    async () => {
		await sendCommand(node);
		await read();
	    }, { class: 'primary' }) : el('span', { class: 'soft' },
		needs('operator')), fault, table.node, el('div',
	    { class: 'more' }, more));
}
