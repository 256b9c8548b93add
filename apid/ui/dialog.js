// Native dialogs: focus stays inside, Escape closes, focus returns.

import { el, uid } from './el.js';
import { form } from './form.js';
import { errorBox, toast } from './widgets.js';

// Opens one: title, the content, and what to call when it is closed without
// a result. Returns {close(result), closed: Promise of the result}.
export function dialog(title, content, { wide = false } = {}) {
	const id = uid();
	const from = document.activeElement;
	let settle;
	const closed = new Promise((ok) => { settle = ok; });
	const node = el('dialog', { class: wide ? 'wide' : null,
	    'aria-labelledby': id },
	    el('header', null, el('h2', { id }, title),
		el('button', { type: 'button', class: 'icon', 'aria-label':
		    'Close', on: { click: () => node.close() } }, '\u00d7')),
	    el('div', { class: 'dialog-body' }, content));
	let result;
	node.addEventListener('close', () => {
		node.remove();
		if (from?.isConnected)
			from.focus();
		settle(result);
	});
	document.body.append(node);
	node.showModal();
	const close = (value) => {
		result = value;
		node.close();
	};
	return { node, close, closed };
}

// Asks before something is done: run() does it; a failure is shown and the
// dialog stays. With name, the name has to be typed. Resolves to true when
// it was done.
export function confirm({ title, text, name, action, run, danger = true }) {
	const fault = el('div');
	const typed = name === undefined ? null : el('input', {
	    autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none',
	    id: uid() });
	const act = el('button', { type: 'submit', class: danger ? 'danger' :
	    'primary', disabled: typed !== null }, action);
	typed?.addEventListener('input', () => {
		act.disabled = typed.value.trim() !== name.trim();
	});
	const form = el('form', { method: 'dialog' },
	    [text].flat().map((t) => typeof t === 'string' ?
		el('p', null, t) : t),
	    typed ? [el('label', { for: typed.id }, 'Type ',
		el('bdi', { class: 'mono' }, name), ' to confirm'), typed] :
		null,
	    fault, el('div', { class: 'actions' },
		el('button', { type: 'button', class: 'quiet', autofocus:
		    typed === null, on: { click: () => box.close(false) } },
		    'Cancel'), act));
	const box = dialog(title, form);
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (act.disabled)
			return;
		act.disabled = true;
		try {
			await run();
			box.close(true);
		} catch (error) {
			fault.replaceChildren(errorBox(error,
			    `${action} failed`));
			act.disabled = false;
		}
	});
	typed?.focus();
	return box.closed.then(Boolean);
}

// Confirms, does, says so. True when it was done.
export async function sure(title, action, text, run, done, more = {}) {
	const good = await confirm({ title, action, text: [text], run, ...more });
	if (good)
		toast(done);
	return good;
}

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
