// The API for people, from the description that the server serves.

import * as api from './api.js';
import { el, setText, show } from './el.js';
import { plural } from './format.js';
import { heading, labelled, searchField } from './widgets.js';

export const title = 'API';
const METHODS = ['get', 'post', 'put', 'delete', 'patch'];

const follow = (doc, ref) => ref.slice(2).split('/').reduce((at, step) =>
    at?.[step.replaceAll('~1', '/').replaceAll('~0', '~')], doc);
const resolve = (doc, v) => v?.$ref ? follow(doc, v.$ref) : v;

// A schema with its references followed a few steps.
function plain(doc, v, depth = 0) {
	if (Array.isArray(v))
		return v.map((x) => plain(doc, x, depth));
	if (v === null || typeof v !== 'object')
		return v;
	if (v.$ref)
		return depth > 3 ? v.$ref.split('/').pop() :
		    plain(doc, follow(doc, v.$ref), depth + 1);
	return Object.fromEntries(Object.entries(v).map(([name, x]) =>
	    [name, plain(doc, x, depth)]));
}

const code = (label, value) => el('pre', { tabindex: '0', role: 'region',
    'aria-label': label }, JSON.stringify(value, null, 1));

function body(doc, op, shared) {
	const params = [...shared, ...op.parameters ?? []].map((p) =>
	    resolve(doc, p));
	const asks = resolve(doc, op.requestBody)?.content ?? {};
	return [op.description ? el('p', { class: 'message' },
	    op.description) : null, op['x-minimum-role'] ? el('p', { class:
	    'soft' }, `Needs the role ${op['x-minimum-role']}.`) : null,
	    params.length ? el('dl', { class: 'facts' }, params.map((p) =>
		el('div', null, el('dt', null, `${p.name} (${p.in})`),
		    el('dd', null, p.description ?? '', ' ', el('code', null,
			JSON.stringify(plain(doc, p.schema))))))) : null,
	    Object.entries(asks).map(([type, c]) => [el('p', null,
		`Body, ${type}`), code('Body', plain(doc, c.schema))]),
	    Object.entries(op.responses).map(([status, r]) => {
		const answer = resolve(doc, r);
		const schema = Object.values(answer.content ?? {})[0]?.schema;
		return [el('p', null, el('strong', null, status), ' ',
		    answer.description), status < 400 && schema ?
		    code(`Answer ${status}`, plain(doc, schema)) : null];
	    })];
}

function operation(doc, path, method, item) {
	const op = item[method];
	const node = el('details', { class: 'op' }, el('summary', null,
	    el('code', null, `${method.toUpperCase()} ${path}`), ' ',
	    op.summary));
	node.addEventListener('toggle', () => {
		if (node.open && node.children.length === 1)
			node.append(el('div', { class: 'body' }, body(doc, op,
			    item.parameters ?? [])));
	});
	return { node, tag: op.tags?.[0] ?? 'other', text: `${method} ${path} ` +
	    `${op.summary} ${op.description ?? ''}`.toLowerCase() };
}

export const load = () => api.get('/api/v1/openapi.json');

export function render(ctx, doc) {
	const ops = Object.entries(doc.paths).flatMap(([path, item]) =>
	    METHODS.filter((m) => item[m]).map((m) => operation(doc, path, m,
		item)));
	const groups = [...new Set(ops.map((o) => o.tag))].map((tag) => ({ tag,
	    node: el('section', { class: 'card' }, el('h2', { class: 'more' },
		tag), ops.filter((o) => o.tag === tag).map((o) => o.node)) }));
	const found = el('p', { class: 'soft', role: 'status' });
	const draw = () => {
		const want = q.value.trim().toLowerCase();
		let n = 0;
		for (const o of ops) {
			const yes = o.text.includes(want);
			show(o.node, yes);
			n += yes;
		}
		for (const g of groups)
			show(g.node, ops.some((o) => o.tag === g.tag &&
			    !o.node.hidden));
		setText(found, plural(n, 'call', 'calls'));
	};
	const q = searchField(ctx, draw);
	draw();
	return el('div', null, heading('API', el('a', { href:
	    '/api/v1/openapi.json', download: 'openapi.json' },
	    'The description as a file')), el('div', { class: 'card' },
		el('div', { class: 'filters' }, labelled('Filter', q), found)),
	    groups.map((g) => g.node));
}
