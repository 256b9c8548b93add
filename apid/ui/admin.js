// What the pages of administration share: forms and secrets in dialogs,
// lists of sessions, the choice of nodes, files to take away.

import * as api from './api.js';
import { confirm, dialog } from './dialog.js';
import { el, setText, show, uid } from './el.js';
import { form } from './form.js';
import { button, copyable, labelled, select, time, toast } from './widgets.js';

// A form in a dialog. Resolves to what submit gave (true for nothing), or
// undefined when it was left. more: intro, extra, danger, wide.
export function ask(title, action, fields, submit, more = {}) {
	let box;
	const f = form({ action, fields, submit, extra: more.extra,
	    danger: more.danger, cancel: () => box.close(),
	    done: (answer) => box.close(answer ?? true) });
	box = dialog(title, [more.intro, f.node], more);
	f.focus();
	return box.closed;
}

// Something that is shown only now: [[label, text]].
export function tellOnce(title, intro, pairs) {
	const box = dialog(title, [el('p', null, intro), pairs.map(([l, t]) =>
	    [el('p', null, l), copyable(t, l.toLowerCase())]),
	    el('div', { class: 'actions' }, el('button', { type: 'button',
		class: 'primary', on: { click: () => box.close() } }, 'Done'))]);
	return box.closed;
}

// A column of one button, called by what it is about.
export const act = (name, run, label, when = () => true) => ({ id: name,
    label: name, show: (td, row) => {
	td.row = row;
	if (!td.firstChild)
		td.append(button(name, () => run(td.row)));
	td.firstChild.setAttribute('aria-label', `${name}: ${label(row)}`);
	show(td.firstChild, when(row));
    } });

// A column of times; get gives the text of one.
export const at = (id, label, get, none) => ({ id, label,
    sort: (row) => get(row) ?? '', show: (td, row) => {
	const text = get(row);
	if (td.at !== text || !td.firstChild)
		td.replaceChildren(time(td.at = text, none));
    } });

// The first column, which opens a row.
export const opener = (label, get, run) => ({ id: 'name', label, sort: get,
    show: (td, row) => {
	td.row = row;
	if (!td.firstChild)
		td.append(el('button', { type: 'button', class: 'link',
		    on: { click: () => run(td.row) } }, el('bdi', { class:
			'clamp' })));
	setText(td.firstChild.firstChild, get(row));
    } });

// All nodes (null), or those that are ticked. Ids that the caller does not
// see are kept.
export async function nodeChoice(value, label) {
	const nodes = await api.get('/api/v1/nodes');
	const ids = new Set(value ?? []);
	const list = el('div', { class: 'results', hidden: !value },
	    nodes.map((n) => {
		const id = uid();
		const box = el('input', { type: 'checkbox', id, checked:
		    ids.has(n.id), on: { change: () => box.checked ?
			ids.add(n.id) : ids.delete(n.id) } });
		return el('div', { class: 'check' }, box, el('label',
		    { for: id }, el('bdi', null, n.name)));
	    }));
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

// Confirms, does, says so.
export async function sure(title, action, text, run, done, more = {}) {
	const good = await confirm({ title, action, text: [text], run, ...more });
	if (good)
		toast(done);
	return good;
}

export function saveFile(name, type, parts) {
	const href = URL.createObjectURL(new Blob(parts, { type }));
	el('a', { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 60000);
}
