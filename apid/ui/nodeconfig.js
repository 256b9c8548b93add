// The node's configuration: whether it is as ordered, its flows, all its
// versions with what differs, and the whole as JSON.

import * as api from './api.js';
import { Change } from './change.js';
import { confirm, dialog } from './dialog.js';
import { diffView } from './diff.js';
import { el, setAttr, setText, show } from './el.js';
import { format, parse } from './exact.js';
import { flowList } from './flowedit.js';
import { ago, bytes } from './format.js';
import { onRows, Pager } from './pager.js';
import { may, needs, session } from './session.js';
import { saveFile } from './admin.js';
import { at, cell, Table, text } from './table.js';
import { button, chip, copyable, errorBox, labelled, section, select, time,
    toast } from './widgets.js';

const STATES = { none: ['good', 'As ordered'], drift: ['warn', 'Drift'],
    ignored: ['mute', 'Drift, ignored'], unknown: ['mute',
	'Nothing to compare'] };
const SOURCES = { reported: 'Seen on the node', pushed: 'Sent',
    restored: 'Restored', adopted: 'Adopted' };

// Filled by read(), which says so itself when it cannot be had.
function part(ctx, what, box, read) {
	const again = async () => {
		try {
			await read();
		} catch (error) {
			if (ctx.alive)
				box.replaceChildren(el('div', { class: 'body' },
				    errorBox(error, what, again)));
		}
	};
	return again;
}

// ---- drift

function drift(ctx, change) {
	const badge = chip('mute', '\u2013');
	const box = el('div', { class: 'body' });
	const act = (text, action, why) => button(text, async () => {
		const go = { run: () => api.post(`${change.path}/drift`,
		    { action }, { key: api.newKey(), timeout: 30000 }),
		    title: text, action: text, danger: action === 'repush' };
		const diff = await api.get(`${change.path}/diff?` + (action ===
		    'repush' ? 'a=reported&b=desired' : 'a=desired&b=reported'));
		if (action === 'repush')
			await change.offer(text, diff, go.run,
			    await change.read());
		else if (await confirm({ ...go, text: [why, diffView(diff)] })) {
			toast('Done.');
			await read();
		}
	});
	const read = part(ctx, 'The drift could not be read', box, async () => {
		const d = await api.get(`${change.path}/drift`,
		    { signal: ctx.signal });
		const [state, word] = STATES[d.state];
		setText(badge, word);
		setAttr(badge, 'data-state', state);
		const differs = ['drift', 'ignored'].includes(d.state);
		box.replaceChildren(el('p', null, d.state === 'unknown' ?
		    'No configuration was sent to the node, or it has not ' +
			'said yet what it has.' : ['Ordered ',
			time(d.desired_at), ', seen on the node ',
			time(d.reported_at), '.']), ...differs ? [el('ul',
			{ class: 'results' }, ['missing', 'extra', 'changed']
			    .flatMap((kind) => d[kind].map((p) => el('li', null,
				`${kind}: `, el('code', null, p))))),
			may('operator') ? el('div', { class: 'tools' },
			    act('Send the ordered one', 'repush'),
			    act('Keep what the node has', 'adopt',
				'What the node has counts as ordered from now ' +
				'on.'), d.state === 'drift' ? act('Ignore',
				'ignore', 'This difference is not told again.') :
				null) : el('p', { class: 'soft' },
				needs('operator'))] : []);
	});
	return { node: section('Is it as ordered', badge, box), read };
}

// ---- versions

const named = (v) => v === 'reported' ? 'On the node' : v === 'desired' ?
    'As ordered' : `Version ${v}`;

function compare(change, list, b, a) {
	const sides = ['reported', 'desired', ...list.map((v) =>
	    String(v.version))].map((v) => [v, named(v)]);
	const box = el('div', { 'aria-live': 'polite' });
	const draw = async () => {
		try {
			box.replaceChildren(diffView(await api.get(`${
			    change.path}/diff?a=${from.value}&b=${to.value}`)));
		} catch (error) {
			box.replaceChildren(errorBox(error,
			    'They could not be compared'));
		}
	};
	const from = select(sides, a, draw), to = select(sides, b, draw);
	dialog('Compare', [el('div', { class: 'tools' }, labelled('From',
	    from), labelled('To', to)), box], { wide: true });
	void draw();
}

function versions(ctx, change, takes) {
	const older = (v) => String(pager.list.find((x) => x.version < v.version)
	    ?.version ?? v.version);
	const table = new Table({ caption: 'Versions, newest first', paged: true,
	    key: (v) => v.version, empty: 'Loading versions', columns: [
		text('version', 'Version', (v) => String(v.version)),
		at('at', 'First seen', (v) => v.first_seen_at),
		text('source', 'How', (v) => SOURCES[v.source] ?? v.source),
		text('who', 'By', (v) => v.actor === null ? '\u2013' :
		    v.actor === session.user.id ? 'You' : v.actor_name ??
			'Somebody who is gone'),
		text('size', 'Size', (v) => bytes(v.size), { num: true }),
		cell('marks', 'Now', () => el('div', { class: 'tools' }),
		    (box, v) => box.replaceChildren(...[v.reported && chip(
			'good', 'On the node'), v.desired && chip('info',
			'Ordered'), v.attempt_error && chip('bad', `Refused: ${
			    v.attempt_error.slice(0, 60)}`)].filter(Boolean)),
		    { wide: true }),
		{ id: 'tools', label: 'Do', show: (td, v) => td.firstChild ||
		    td.append(el('div', { class: 'tools' }, button(
			'Compare', () => compare(change, pager.list,
			    String(v.version), older(v)), { 'aria-label':
			    `Compare version ${v.version}` }), takes &&
			may('operator') ? button('Restore', () =>
			    change.restore(v.version), { 'aria-label':
			    `Restore version ${v.version}` }) : '')) }] })
	    .watch(ctx);
	const pager = new Pager(ctx, table, { what: 'versions', older:
	    'Older versions', empty: 'None was seen yet.', path: () =>
		`${change.path}/versions?limit=20` });
	return { node: section('Versions', null, pager.parts),
	    read: pager.read };
}

// ---- the whole

function whole(change, node, takes, again) {
	const box = el('div', { class: 'body' });
	const area = el('textarea', { class: 'mono', rows: 24, spellcheck:
	    'false', 'aria-label': 'Configuration as JSON' });
	const fault = el('div');
	let now = null;

	function look() {
		box.replaceChildren(el('p', { class: 'soft', role: 'status' },
		    now.age), copyable(format(now.doc),
		    'configuration as JSON'));
		show(edit, takes && may('operator'));
	}

	const preview = (check) => button(check ? 'Preview' :
	    'Preview all the same', async () => {
		fault.replaceChildren();
		try {
			parse(area.value);
			const diff = await change.differences(area.value, check);
			await change.put('Replace the configuration', diff,
			    area.value, now);
		} catch (error) {
			const bad = !(error instanceof api.ApiError);
			fault.replaceChildren(bad ? el('p', { class: 'error',
			    role: 'alert' }, `This is not JSON: ${
			    error.message}`) : errorBox(error,
			    'It cannot be sent like this'));
			if (check && error.errors?.length > 0)
				fault.append(preview(false));
			if (bad)
				area.focus();
		}
	    }, check ? { class: 'primary' } : {});
	const edit = button('Edit as JSON', () => {
		area.value = format(now.doc);
		fault.replaceChildren();
		box.replaceChildren(el('p', { class: 'soft' }, 'What the node ' +
		    'kept back as secret is not in here; the node puts its ' +
		    'own secrets back.'), area, fault, el('div', { class:
			'actions' }, button('Cancel', look), preview(true)));
		show(edit, false);
		area.focus();
	}, { hidden: true });
	return { node: section('The whole', el('div', { class: 'tools' }, edit,
	    button('Read again', again), button('Download', () => saveFile(`config-${node.id}.json`,
		'application/json', [now.text]))), box),
	    show(read) {
		const age = Number(read.headers.get('Age') ?? NaN);
		now = read;
		now.age = read.headers.get('Config-Stale') === 'true' ?
		    'The node is away; this is the last it reported' +
		    (Number.isFinite(age) ? `, ${ago(age)}.` : '.') :
		    Number.isFinite(age) ? `As of ${ago(age)}.` : '';
		if (read.headers.get('Config-Masked') === 'true')
			now.age += ` Credentials are masked. ${needs(
			    'operator')}`;
		look();
	} };
}

// ---- all of it

export async function prepare(ctx, node) {
	const { device_types: types } = await api.get('/api/v1/device-types',
	    { signal: ctx.signal });
	return types.find((t) => t.device_type === node.device_type);
}

export function side(ctx, node, type) {
	const takes = type?.supported_commands.some((c) => c.name ===
	    'update_config');
	const change = new Change(ctx, node, () => void again());
	const d = drift(ctx, change), v = versions(ctx, change, takes);
	const all = whole(change, node, takes, () => again());
	const flows = type?.config ? flowList(ctx, node, type.config, change) :
	    null;
	const fault = el('div');
	const read = part(ctx, 'The configuration could not be read', fault,
	    async () => {
		const now = await change.read();
		now.doc = parse(now.text);
		fault.replaceChildren();
		all.show(now);
		flows?.show(now);
		show(all.node, true);
	});
	const again = () => Promise.all([read(), d.read(), v.read()]);
	show(all.node, false);
	void read();
	void d.read();
	onRows(ctx, (rows) => rows.events?.some((e) => e.node_id === node.id &&
	    e.category === 'config'), () => Promise.all([d.read(), v.read()]));
	return el('div', { class: 'stack' }, change.node, takes ? null :
	    el('p', { class: 'soft' }, 'Nodes of this kind take no ' +
		'configuration from here; they only show theirs.'), fault,
	    flows?.node, d.node, v.node, all.node);
}
