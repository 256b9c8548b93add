// What the pages of administration share: secrets that are shown once, lists
// of sessions, the choice of nodes, files to take away.

import * as api from './api.js';
import { dialog } from './dialog.js';
import { el, show } from './el.js';
import { button, check, copyable, labelled, select, time, toast }
    from './widgets.js';

// Something that is shown only now, until it is said to be enough.
export function told(title, ...what) {
	const box = dialog(title, [what, el('div', { class: 'actions' }, button(
	    'Done', () => box.close(), { class: 'primary' }))]);
	return box.closed;
}

// The same for [[label, text]].
export const tellOnce = (title, intro, pairs) => told(title, el('p', null,
    intro), pairs.map(([l, t]) => [el('p', null, l), copyable(t,
    l.toLowerCase())]));

// All nodes (null), or those that are ticked. Ids that the caller does not
// see are kept.
export async function nodeChoice(value, label) {
	const nodes = await api.get('/api/v1/nodes');
	const ids = new Set(value ?? []);
	const list = el('div', { class: 'results', hidden: !value },
	    nodes.map((n) => check(el('bdi', null, n.name), ids.has(n.id),
		(on) => on ? ids.add(n.id) : ids.delete(n.id))));
	const which = select([['', 'All nodes'], ['some', 'Only these']],
	    value ? 'some' : '', (v) => show(list, v !== ''));
	return { node: el('div', { class: 'field', role: 'group',
	    'aria-label': label }, labelled(label, which), list),
	    value: () => which.value === '' ? null : [...ids] };
}

// The sessions at an address of the API, with a way to end each.
export async function sessionList(path, focus) {
	const node = el('ul', { class: 'plain-list' });
	const draw = async () => {
		const list = await api.get(path);
		node.replaceChildren(...list.map((s) => el('li', null,
		    el('div', null, el('bdi', null, s.user_agent ||
			'Unknown program'), el('p', { class: 'soft' }, 'From ',
			el('bdi', null, s.address ?? 'somewhere'), ', since ',
			time(s.created_at), ', until ', time(s.expires_at))),
		    s.current ? el('span', { class: 'chip', 'data-state':
			'good' }, 'This one') : button('End', async () => {
			await api.del(`${path}/${s.id}`);
			toast('The session was ended.');
			await draw();
			focus()?.focus();
		    }, { 'aria-label': `End session from ${s.address}` }))));
		if (list.length === 0)
			node.append(el('li', { class: 'soft' }, 'None'));
	};
	await draw();
	return { node, draw };
}

export function saveFile(name, type, parts) {
	const href = URL.createObjectURL(new Blob(parts, { type }));
	el('a', { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 60000);
}
