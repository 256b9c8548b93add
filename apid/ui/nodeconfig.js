// The node's configuration as it reported it, and a way to replace it.

import * as api from './api.js';
import { confirm } from './dialog.js';
import { el, setText, show } from './el.js';
import { diff, diffView } from './diff.js';
import { ago } from './format.js';
import { may, needs } from './session.js';
import { button, copyable, errorBox, section, toast } from './widgets.js';

function download(node, doc) {
	const url = URL.createObjectURL(new Blob([JSON.stringify(doc, null, 2)],
	    { type: 'application/json' }));
	el('a', { href: url, download: `config-${node.id}.json` }).click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function side(ctx, node) {
	const path = `/api/v1/nodes/${node.id}/config`;
	const note = el('p', { class: 'soft', role: 'status' });
	const view = el('div', { class: 'body' });
	const edit = el('textarea', { class: 'mono', rows: 24, spellcheck:
	    'false', 'aria-label': 'Configuration as JSON' });
	const fault = el('p', { class: 'error', role: 'alert' });
	let doc = null;

	function look() {
		view.replaceChildren(note, copyable(JSON.stringify(doc, null, 2),
		    'configuration as JSON'));
		show(change, may('operator'));
		show(keep, true);
	}

	async function read() {
		try {
			const { data, headers } = await api.call('GET', path,
			    { signal: ctx.signal });
			doc = data;
			const age = Number(headers.get('Age') ?? NaN);
			setText(note, headers.get('Config-Stale') === 'true' ?
			    'The node is away; this is the last it reported' +
			    (Number.isFinite(age) ? `, ${ago(age)}.` : '.') :
			    Number.isFinite(age) ? `As of ${ago(age)}.` : '');
			look();
		} catch (error) {
			if (ctx.alive)
				view.replaceChildren(errorBox(error, 'The ' +
				    'configuration could not be read', read));
		}
	}

	// Shown before it is sent: what would be different.
	async function apply() {
		let next;
		setText(fault, '');
		try {
			next = JSON.parse(edit.value);
		} catch (error) {
			setText(fault, `This is not JSON: ${error.message}`);
			edit.focus();
			return;
		}
		const changes = diff(doc, next);
		if (changes.length === 0) {
			setText(fault, 'Nothing is different.');
			return;
		}
		const before = doc;
		const done = await confirm({ title: 'Replace the configuration',
		    action: 'Send it to the node', danger: true,
		    text: [el('p', null, 'This is what changes:'),
			diffView(changes)],
		    run: () => api.put(path, next, { timeout: 30000 }) });
		if (!done)
			return;
		toast('The node took the configuration.');
		await read();
		undo.before = before;
		show(undo, true);
	}

	const undo = button('Undo', async () => {
		const done = await confirm({ title: 'Back to the configuration ' +
		    'before', action: 'Send it to the node', text: [diffView(
			diff(doc, undo.before))], run: () => api.put(path,
			undo.before, { timeout: 30000 }) });
		if (done) {
			show(undo, false);
			await read();
		}
	}, { hidden: true });
	const change = button('Edit', () => {
		edit.value = JSON.stringify(doc, null, 2);
		view.replaceChildren(el('p', { class: 'soft' }, 'What the node ' +
		    'kept back as secret is not in here; the node puts its ' +
		    'own secrets back.'), edit, fault, el('div', { class:
			'actions' }, button('Cancel', look), button(
			'Preview', apply, { class: 'primary' })));
		show(change, false);
		edit.focus();
	}, { hidden: true });
	const keep = button('Download', () => download(node, doc),
	    { hidden: true });
	void read();
	return section('Configuration', el('div', { class: 'tools' },
	    may('operator') ? null : el('span', { class: 'soft' },
		needs('operator')), undo, change, keep, button('Read again',
		read)), view);
}
