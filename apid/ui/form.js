// Forms from tables of fields. What the server finds wrong is shown at the
// field that its JSON pointer names.
//
// A field: {name, label, type, value, help, required, max, min, options,
// rows, show}. Types: text (default), password, number, select, textarea,
// checkbox, datetime (local time to RFC 3339), lines (array of texts),
// json. name may be a path ("input/type"): it is the pointer without its
// first slash. An empty optional field is null when it had a value before
// (clear it) and absent otherwise. box: an element that it stands in.

import { el, setText, show, uid } from './el.js';
import { localInput } from './format.js';
import { errorBox } from './widgets.js';

function control(f, id, help) {
	const common = { id, name: f.name, required: f.required,
	    'aria-describedby': help, disabled: f.disabled };
	const value = f.value ?? '';
	switch (f.type) {
	case 'select':
		return el('select', common, f.options.map((o) => {
			const [v, text] = Array.isArray(o) ? o : [o, o];
			return el('option', { value: v,
			    selected: String(v) === String(value) }, text);
		}));
	case 'textarea': case 'lines': case 'json': {
		const area = el('textarea', { ...common, rows: f.rows ?? 4,
		    maxlength: f.max, spellcheck: 'false',
		    class: f.type === 'json' ? 'mono' : null });
		area.value = f.type === 'lines' ? (f.value ?? []).join('\n') :
		    f.type === 'json' && f.value !== undefined ?
		    JSON.stringify(f.value, null, 2) : value;
		return area;
	}
	case 'checkbox':
		return el('input', { ...common, type: 'checkbox',
		    required: false, checked: Boolean(f.value) });
	default: {
		const input = el('input', { ...common,
		    type: f.type === 'datetime' ? 'datetime-local' :
			f.type ?? 'text', maxlength: f.type === 'number' ?
			null : f.max, min: f.min,
		    max: f.type === 'number' ? f.max : null, step: f.step,
		    autocomplete: f.autocomplete ?? 'off', spellcheck: 'false',
		    autocapitalize: 'none', placeholder: f.placeholder });
		input.value = f.type === 'datetime' ? localInput(value ||
		    null) : value;
		return input;
	}
	}
}

class Field {
	constructor(f) {
		this.f = f;
		this.id = uid();
		this.fault = el('p', { class: 'error', id: `${this.id}e` });
		this.help = f.help ? el('p', { class: 'help', id:
		    `${this.id}h` }, f.help) : null;
		this.input = control(f, this.id, `${this.id}e` +
		    (f.help ? ` ${this.id}h` : ''));
		const label = el('label', { for: this.id }, f.label,
		    f.required ? el('span', { class: 'soft' },
			' (required)') : null);
		this.node = f.type === 'checkbox' ?
		    el('div', { class: 'field check' }, this.input, label,
			this.help, this.fault) :
		    el('div', { class: 'field' }, label, this.input, this.help,
			this.fault);
	}

	say(text) {
		setText(this.fault, text);
		if (text)
			this.input.setAttribute('aria-invalid', 'true');
		else
			this.input.removeAttribute('aria-invalid');
	}

	// undefined: leave it out.
	read() {
		const { f, input } = this;
		if (f.type === 'checkbox')
			return input.checked;
		const text = input.value;
		if (f.type === 'lines')
			return text.split('\n').map((t) => t.trim())
			    .filter(Boolean);
		if (text === '')
			return f.value === undefined || f.value === null ||
			    f.value === '' ? undefined : f.empty ?? null;
		if (f.type === 'number')
			return Number(text);
		if (f.type === 'datetime')
			return new Date(text).toISOString();
		if (f.type === 'json')
			return JSON.parse(text);
		return text;
	}
}

function set(doc, path, value) {
	const steps = path.split('/');
	let at = doc;
	for (const step of steps.slice(0, -1))
		at = at[step] ??= {};
	at[steps.at(-1)] = value;
}

// {node, values(), focus(), fields}. submit(values) may throw an ApiError;
// done is called when it did not. The document to send is nested by the
// fields' paths. free: the server alone says what is wrong.
export function form({ fields, action, submit, done, cancel, extra,
    danger = false, free = false }) {
	const made = fields.map((f) => new Field(f));
	const fault = el('div', { class: 'form-fault' });
	const act = el('button', { type: 'submit', class: danger ? 'danger' :
	    'primary' }, action);

	function visible() {
		const now = (name) => made.find((m) => m.f.name === name)
		    ?.input.value;
		for (const m of made)
			if (m.f.show) {
				show(m.node, m.f.show(now));
				m.input.disabled = m.node.hidden;
			}
	}

	function values() {
		const doc = {};
		for (const m of made) {
			if (m.node.hidden)
				continue;
			let value;
			try {
				value = m.read();
			} catch (error) {
				m.say(`Not valid JSON: ${error.message}`);
				m.input.focus();
				throw error;
			}
			if (value !== undefined)
				set(doc, m.f.name, value);
		}
		return doc;
	}

	// The field that a pointer names, or the one it lies in.
	function at(pointer) {
		const path = pointer.replace(/^\//, '');
		return made.find((m) => m.f.name === path) ??
		    made.find((m) => path.startsWith(`${m.f.name}/`));
	}

	function refused(error) {
		const rest = [];
		let first = null;
		for (const e of error.errors ?? []) {
			const m = at(e.pointer ?? '');
			if (m && !m.node.hidden) {
				m.say(e.detail);
				for (let n = m.node; n; n = n.parentElement)
					if (n.tagName === 'DETAILS')
						n.open = true;
				first ??= m;
			} else {
				rest.push(e);
			}
		}
		if (!first || rest.length > 0)
			fault.replaceChildren(errorBox(Object.assign(
			    Object.create(error), { errors: rest,
				message: error.message }), `${action} failed`));
		(first?.input ?? fault.querySelector('button, [tabindex]') ??
		    act).focus();
	}

	for (const m of made)
		m.f.box?.append(m.node);
	const node = el('form', { novalidate: free }, made.filter((m) =>
	    !m.f.box).map((m) => m.node), extra, fault, el('div', { class: 'actions' }, cancel ?
		el('button', { type: 'button', class: 'quiet',
		    on: { click: cancel } }, 'Cancel') : null, act));
	node.addEventListener('input', visible);
	node.addEventListener('submit', async (event) => {
		event.preventDefault();
		fault.replaceChildren();
		for (const m of made)
			m.say('');
		let doc;
		try {
			doc = values();
		} catch {
			return;		// said at its field
		}
		act.disabled = true;
		try {
			const answer = await submit(doc);
			act.disabled = false;
			done?.(answer, doc);
		} catch (error) {
			act.disabled = false;
			refused(error);
		}
	});
	visible();
	return { node, values, fields: made,
	    focus: () => made[0]?.input.focus() };
}
