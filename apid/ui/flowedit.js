// The flows of a configuration, and one of them as a form of what the node's
// driver knows, beside its JSON. What the form does not know stays as it is.
//
// While it is edited, a flow is the same in both dialects: {flow, inputs,
// outputs}. In the first the flow holds them, in the second it names them.

import { el, setText, show } from './el.js';
import { format, number, parse, shown } from './exact.js';
import { form } from './form.js';
import { plural } from './format.js';
import { sendCommand } from './nodecommands.js';
import { may } from './session.js';
import { button, chip, debounce, section } from './widgets.js';

const PARTS = [['inputs', 'input', 'Input', 'input_ids'],
    ['outputs', 'output', 'Output', 'output_ids']];
const list = (v) => Array.isArray(v) ? v : [];
const at = (v, id) => list(v).findIndex((x) => x?.id === id);
const inside = (config) => !(shown(config.version ?? 1) >= 2);

function split(flow, config) {
	if (inside(config)) {
		const { input, outputs, ...rest } = flow;
		return { flow: rest, inputs: input ? [input] : [], outputs:
		    list(outputs) };
	}
	const doc = { flow };
	for (const [part, , , ids] of PARTS)
		doc[part] = list(flow[ids]).map((id) => config[part]?.[at(
		    config[part], id)]).filter(Boolean);
	return doc;
}

// The flow as the node writes it; in the second dialect the whole.
const join = (doc, config) => !inside(config) ? doc : { ...doc.flow,
    ...doc.inputs.length ? { input: doc.inputs[0] } : {},
    outputs: doc.outputs };

const users = (config, ids, id, but) => list(config.flows).filter((f) =>
    f?.id !== but && list(f?.[ids]).includes(id));

// The configuration with that flow as it is now; doc null: without it.
function merge(text, was, doc) {
	const next = parse(text);
	const id = was?.flow.id ?? doc.flow.id;
	const place = at(next.flows, id);
	next.flows = list(next.flows);
	if (!inside(next))
		for (const [part, , , ids] of PARTS)
			define(next, part, ids, id, was, doc);
	if (!doc)
		next.flows.splice(place, 1);
	else
		next.flows.splice(place < 0 ? next.flows.length : place, 1,
		    inside(next) ? join(doc, next) : doc.flow);
	return next;
}

// Definitions beside the flows: those of the flow are written, those it lost
// go when nobody else names them.
function define(next, part, ids, id, was, doc) {
	const now = list(doc?.[part]);
	const lost = list(was?.[part]).filter((p) => at(now, p.id) < 0);
	next[part] = list(next[part]).filter((p) => !lost.some((l) =>
	    l.id === p?.id) || users(next, ids, p.id, id).length > 0);
	for (const p of now) {
		const i = at(next[part], p.id);
		next[part].splice(i < 0 ? next[part].length : i, 1, p);
	}
	if (!doc)
		return;
	const named = list(doc.flow[ids]).filter((n) => at(lost, n) < 0);
	doc.flow[ids] = [...named, ...now.map((p) => p.id).filter((n) =>
	    !named.includes(n))];
}

// A pointer of the server, into the document that is edited; null: it is
// about something else.
function pointer(text, next, doc) {
	const [, top, i, ...rest] = text.split('/');
	const one = next[top]?.[i];
	if (!one)
		return null;
	if (top === 'flows' && one.id === doc.flow.id)
		return rest[0] === 'input' ? ['inputs', 0, ...rest.slice(1)] :
		    rest[0] === 'outputs' && inside(next) ? rest :
		    ['flow', ...rest];
	const k = at(doc[top], one.id);
	return k < 0 ? null : [top, k, ...rest];
}

function put(doc, path, value) {
	const [step, ...rest] = path;
	if (rest.length > 0) {
		doc[step] ??= {};
		put(doc[step], rest, value);
		if (!Array.isArray(doc) && Object.keys(doc[step]).length === 0)
			delete doc[step];
	} else if (value === undefined) {
		delete doc[step];
	} else {
		doc[step] = value;
	}
}

const many = (m) => m.type === 'texts' || m.type === 'integers';
const yes = { true: 'Yes', false: 'No' };

function typed(m, text) {
	if (text === '')
		return undefined;
	if (m.type === 'boolean')
		return text === 'true';
	if (m.type === 'integer' || m.type === 'number')
		return number(text);
	if (many(m))
		return text.split('\n').map((t) => t.trim()).filter(Boolean)
		    .map((t) => m.type === 'texts' ? t : number(t));
	return text;
}

// A field of the form for a member.
function field(m, value, path, box, dialect) {
	const usual = m.default === undefined ? 'Not set' :
	    `Not set: ${yes[m.default] ?? shown(m.default)}`;
	const options = m.type === 'boolean' ? Object.entries(yes) : m.options;
	const f = { name: path.join('/'), path, member: m, label: m.label, box,
	    value: value === undefined || value === null ? undefined :
		many(m) ? list(value).map(shown) : shown(value),
	    required: m.required?.includes(dialect), placeholder: m.default ===
		undefined ? null : shown(m.default) };
	if (many(m))
		return { ...f, type: 'lines', rows: 2, help: 'One a line.' };
	if (options)
		return { ...f, type: 'select', options: [['', usual], ...options,
		    ...f.value === undefined || options.flat().map(String)
			.includes(f.value) ? [] : [f.value]] };
	if (m.type === 'integer' || m.type === 'number')
		return { ...f, type: 'number', step: 'any' };
	return m.secret ? { ...f, type: 'password', autocomplete:
	    'new-password' } : f;
}

class Editor {
	// id null: a new one. done() goes back to the list.
	constructor(now, id, table, change, done) {
		Object.assign(this, { now, table, change, done,
		    config: now.doc, dialect: inside(now.doc) ? 1 : 2,
		    open: new Set() });
		const flow = this.config.flows?.[at(this.config.flows, id)];
		this.was = flow ? split(flow, this.config) : null;
		this.doc = split(flow ? parse(format(flow)) : { id: this.free(
		    'flow', this.config.flows) }, parse(now.text));
		if (!flow)
			for (const [part] of PARTS)
				this.add(part);
		this.holder = el('div');
		this.holder.addEventListener('submit', (event) =>
		    this.settle(event), true);
		this.fault = el('p', { class: 'error', role: 'alert' });
		this.pane = el('textarea', { class: 'mono', rows: 30, spellcheck:
		    'false', 'aria-label': 'The flow as JSON' });
		this.pane.addEventListener('input', debounce(300, () =>
		    this.pane.value !== this.text && this.read()));
		this.title = el('h2', { tabindex: '-1' }, flow ? 'Change flow ' :
		    'New flow', flow ? el('bdi', null, flow.name || flow.id) :
			null);
		this.node = el('section', { class: 'card', 'aria-label':
		    'Flow editor' }, el('div', { class: 'section-head' },
		    this.title), el('div', { class: 'body editor' },
		    this.holder, el('div', null, this.fault, this.pane)));
		this.write();
		this.draw();
	}

	free(word, others) {
		let n = 1;
		while (at(others, `${word}-${n}`) >= 0)
			n++;
		return `${word}-${n}`;
	}

	add(part) {
		const word = part === 'inputs' ? 'in' : 'out';
		this.doc[part].push({ type: 'srt', ...this.dialect === 1 &&
		    part === 'inputs' ? {} : { id: this.free(word, [
			...list(this.config[part]), ...this.doc[part]]) } });
	}

	write() {
		this.text = this.pane.value = format(join(this.doc,
		    this.config));
		setText(this.fault, '');
	}

	// What was just typed as JSON counts, too.
	settle(event) {
		if (this.pane.value === this.text)
			return;
		event.preventDefault();
		event.stopPropagation();
		if (this.read())
			this.form.node.requestSubmit();
		else
			this.pane.focus();
	}

	// What was typed as JSON, into the form.
	read() {
		try {
			const value = parse(this.pane.value);
			const doc = inside(this.config) ? split(value,
			    this.config) : value;
			if (!doc?.flow || ![doc.inputs, doc.outputs].every(
			    (l) => Array.isArray(l) && l.every((p) => p &&
				typeof p === 'object')))
				throw new SyntaxError('a flow with its inputs ' +
				    'and outputs is expected');
			this.doc = doc;
			this.text = this.pane.value;
			setText(this.fault, '');
			this.draw();
			return true;
		} catch (error) {
			setText(this.fault, `This cannot be used: ${
			    error.message}`);
			return false;
		}
	}

	fold(key, title, ...kids) {
		const node = el('details', { class: 'fold', open:
		    this.open.has(key), on: { toggle: () => node.open ?
			this.open.add(key) : this.open.delete(key) } },
		    el('summary', null, title), kids);
		return node;
	}

	// The form puts the fields into their boxes.
	members(members, object, path, fields) {
		const box = el('div', { class: 'fields' });
		const rare = el('div', { class: 'fields' });
		const groups = [];
		for (const m of members) {
			const where = [...path, m.name];
			if (m.type === 'group')
				groups.push(this.fold(where.join('/'), m.label,
				    this.members(m.members, object[m.name] ??
					{}, where, fields)));
			else
				fields.push({ ...field(m, object[m.name], where,
				    m.rare ? rare : box, this.dialect),
				    disabled: m.name === 'id' && path[0] ===
					'flow' && this.was !== null });
		}
		return [box, members.some((m) => m.rare) ? this.fold(
		    path.join('/'), 'More', rare, groups) : null];
	}

	part(part, i, fields) {
		const [, kind, label, ids] = PARTS.find((p) => p[0] === part);
		const { members, types } = this.table[kind];
		const object = this.doc[part][i];
		const others = this.dialect === 1 ? [] : users(this.config, ids,
		    object.id, this.doc.flow.id);
		const head = el('div', { class: 'fields' });
		const box = el('fieldset', null, el('legend', null, `${label} `,
		    el('bdi', null, object.name || object.id || '')),
		    others.length ? el('p', { class: 'help' }, 'Also of ',
			others.map((f) => f.name || f.id).join(', ')) : null,
		    head);
		const known = types.map((t) => [t.type, t.label]);
		for (const m of members) {
			if (m.name === 'type')
				fields.push({ ...field({ ...m, options:
				    known.map((k) => k[0]) }, object.type,
				    [part, i, 'type'], head, this.dialect),
				    options: known.some((k) => k[0] ===
					object.type) ? known : [...known,
					object.type ?? ''] });
			else if (m.name in object || this.dialect === 2 ||
			    part === 'outputs')
				fields.push(field(m, object[m.name], [part, i,
				    m.name], head, this.dialect));
		}
		box.append(...this.members(types.find((t) => t.type ===
		    object.type)?.members ?? [], object, [part, i], fields)
		    .filter(Boolean), button('Remove', () => {
			this.doc[part].splice(i, 1);
			this.write();
			this.draw();
			this.title.focus();
		}, { 'aria-label': `Remove ${label.toLowerCase()} ${object.name ||
		    object.id || ''}` }));
		return box;
	}

	draw() {
		const fields = [];
		const top = el('fieldset', null, el('legend', null, 'Flow'),
		    this.members(this.table.flow.members.filter((m) => m.type
			!== 'texts'), this.doc.flow, ['flow'], fields));
		const boxes = PARTS.map(([part, kind]) => [this.doc[part].map(
		    (p, i) => this.part(part, i, fields)),
		    this.dialect === 1 && part === 'inputs' &&
		    this.doc.inputs.length ? null : button(`Add an ${kind}`,
			() => {
			this.add(part);
			this.write();
			this.draw();
			this.form.fields.find((m) => m.f.name === `${part}/${
			    this.doc[part].length - 1}/type`).input.focus();
		    })]);
		this.form = form({ action: 'Preview', free: true, fields,
		    extra: [top, boxes], cancel: () => this.done(false),
		    submit: () => this.preview(),
		    done: async ({ diff, text }) => {
			if (await this.change.put(`Change flow ${
			    this.doc.flow.id}`, diff, text, this.now))
				this.done(true);
		    } });
		this.form.node.addEventListener('input', (event) =>
		    this.typed(event.target));
		this.holder.replaceChildren(this.form.node);
	}

	typed(input) {
		const f = this.form.fields.find((m) => m.input === input)?.f;
		if (!f)
			return;
		const step = f.path.at(-1);
		if (step === 'type' && f.path[0] !== 'flow')
			this.retype(f.path, input.value);
		put(this.doc, f.path, typed(f.member, input.value));
		this.write();
		if (step === 'type') {
			this.draw();
			this.form.fields.find((m) => m.f.name === f.name)
			    .input.focus();
		}
	}

	// What only the kind before knows goes; what nobody knows stays.
	retype([part, i], type) {
		const { types } = this.table[part.slice(0, -1)];
		const of = (t) => types.find((x) => x.type === t)?.members ?? [];
		const object = this.doc[part][i];
		for (const m of of(object.type))
			if (!of(type).some((x) => x.name === m.name))
				delete object[m.name];
	}

	async preview() {
		const next = merge(this.now.text, this.was, this.doc);
		const text = format(next);
		try {
			return { text, diff: await this.change.differences(text,
			    true) };
		} catch (error) {
			const ours = (error.errors ?? []).map((e) => ({ ...e,
			    pointer: pointer(e.pointer ?? '', next, this.doc) }))
			    .filter((e) => e.pointer);
			if (error.status !== 422 || error.errors.length === 0)
				throw error;
			if (ours.length > 0)
				throw Object.assign(error, { errors: ours.map(
				    (e) => ({ ...e, pointer: `/${
					e.pointer.join('/')}` })) });
			// Something else in it is odd, and was before.
			return { text, diff: await this.change.differences(
			    text) };
		}
	}
}

// {node, show(what was read, with its doc)}
export function flowList(ctx, node, table, change) {
	const rows = el('ul', { class: 'plain-list body' });
	const tools = el('div', { class: 'tools' });
	const box = el('div');
	const card = section('Flows', tools, rows);
	let now = null;

	function edit(id) {
		ctx.setQuery({ flow: id, new: id === null ? '1' : null });
		const editor = new Editor(now, id, table, change, (sent) => leave(id, sent));
		box.replaceChildren(editor.node);
		editor.title.focus();
	}

	function leave(id, sent) {
		ctx.setQuery({ flow: null, new: null });
		box.replaceChildren(card);
		const back = [...rows.querySelectorAll('button')].find((b) =>
		    b.dataset.flow === id) ?? tools.querySelector('button');
		if (!sent)
			back?.focus();	// else it is at what became of it
	}

	async function remove(f) {
		const text = format(merge(now.text, split(f, now.doc), null));
		await change.put(`Delete flow ${f.name || f.id}`,
		    await change.differences(text), text, now,
		    f.name || f.id);
	}

	const tool = (text, f, run, attrs) => button(text, run, { 'aria-label':
	    `${text} ${f.name || f.id}`, ...attrs });
	const command = (type, f) => () => sendCommand(node, { type, values:
	    { flow_id: f.id } });
	const line = (f) => el('li', null, el('div', null, el('bdi', { class:
	    'node-name' }, f.name || f.id), el('p', { class: 'soft' },
		PARTS.map(([part, kind]) => plural(split(f, now.doc)[part]
		    .length, kind, part)).join(', '))),
	    f.enabled === false ? chip('mute', 'Stopped') : '',
	    may('operator') ? el('span', { class: 'tools' }, tool('Edit', f,
		() => edit(f.id), { 'data-flow': f.id }), f.enabled === false ?
		tool('Start', f, command('start_flow', f)) : tool('Stop', f,
		    command('stop_flow', f)), tool('Delete', f,
		() => remove(f))) : '');

	tools.append(may('operator') ? button('New flow', () => edit(null)) :
	    '');
	box.append(card);
	show(box, false);
	return { node: box, show(read) {
		const first = now === null;
		const flows = list(read.doc.flows).filter((f) => f?.id);
		now = read;
		show(box, true);
		rows.replaceChildren(...flows.map(line));
		if (flows.length === 0)
			rows.append(el('li', { class: 'soft' },
			    'The node has no flows.'));
		const id = ctx.query.get('flow');
		if (first && may('operator') && (ctx.query.has('new') ||
		    at(flows, id) >= 0))
			edit(ctx.query.has('new') ? null : id);
	} };
}
