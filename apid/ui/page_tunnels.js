// Tunnels: what is planned, what each node has confirmed of it, and changing
// the plan.

import * as api from './api.js';
import { ask, dialog, sure } from './dialog.js';
import { el, setText } from './el.js';
import { may, needs } from './session.js';
import { chips, opener, shown, Table, text } from './table.js';
import { button, chip, facts, heading, labelled, searchField, time, toast }
    from './widgets.js';

export const title = 'Tunnels';
const TUNNELS = '/api/v1/tunnels';
const path = (t) => `${TUNNELS}/${t.id}`;
const WORDS = { active: ['good', 'Active'], pending: ['warn', 'Pending'],
    error: ['bad', 'Error'], disabled: ['mute', 'Disabled'] };
const PUSH = { pushed: ['good', 'Confirmed'], pending: ['warn',
    'Not told yet'], failed: ['bad', 'Refused'] };
const relays = (t) => t.relay_addrs ?? [t.relay_addr].filter(Boolean);

// Which node does what, and whether it has said so.
function legs(t, name) {
	const relay = t.mode === 'relay';
	const list = [['ingress', t.ingress_node_id, `takes ${t.protocol} at ` +
	    `port ${t.ingress_listen_port} and sends it to ` + (relay ?
		`the relay (${relays(t).join(', ')})` :
		t.egress_peer_addr ?? 'the other end')]];
	if (relay && t.relay_node_id)
		list.push(['relay', t.relay_node_id, 'passes it on']);
	list.push(['egress', t.egress_node_id,
	    `forwards it to ${t.egress_forward_addr}`]);
	return list.map(([leg, id, does]) => ({ leg, does, name: name(id) ??
	    id, status: t[`${leg}_push_status`],
	    error: t[`${leg}_push_error`] }));
}

const plan = (t, name) => el('ol', { class: 'plain-list' }, legs(t, name)
    .map((l) => el('li', null, el('div', null, el('bdi', null, l.name), ' ',
	el('bdi', null, l.does), l.error ? el('p', { class: 'error' },
	    el('bdi', null, l.error)) : null), l.status ?
	chip(...PUSH[l.status]) : null)));

function warned(made, what) {
	toast([what, ...made.warnings ?? []].join(' '), made.warnings ? 'bad' :
	    'good');
	return made;
}

const ends = (t) => [
	{ name: 'name', label: 'Name', required: true, max: 128,
	  value: t.name },
	{ name: 'ingress_listen_port', label: 'Port where it takes the stream',
	  type: 'number', min: 1, max: 65535, required: true,
	  value: t.ingress_listen_port },
	{ name: 'egress_forward_addr', label: 'Address to forward to',
	  required: true, max: 256, placeholder: '127.0.0.1:5004',
	  value: t.egress_forward_addr },
	{ name: 'egress_peer_addr', label: 'Address of the sending end\u2019s ' +
	    'peer', max: 256, value: t.egress_peer_addr, placeholder:
	    '192.0.2.9:7000', show: (now) => (now('mode') ?? t.mode) ===
	    'direct' },
	{ name: 'relay_addrs', label: 'Addresses of the relay', type: 'lines',
	  rows: 2, value: relays(t), help: 'One or two, a line each; the ' +
	    'first is preferred.', show: (now) => (now('mode') ?? t.mode) ===
	    'relay' },
	{ name: 'associated_flow_ids', label: 'Flows that go through it',
	  type: 'lines', rows: 2, value: t.associated_flow_ids ?? [],
	  help: 'Ids, a line each.' }];

function tidy(doc, before) {
	for (const name of ['relay_addrs', 'associated_flow_ids'])
		if (doc[name]?.length === 0) {
			delete doc[name];
			if (before?.[name])
				doc[name] = null;
		}
	return doc;
}

async function add(name, nodes) {
	const key = api.keyed();
	const of = (type) => nodes.filter((n) => (n.device_type === 'relay') ===
	    (type === 'relay')).map((n) => [n.id, n.name]);
	const preview = el('div', { class: 'field' });
	const pick = (id, label, type, more) => ({ name: id, label, type:
	    'select', options: type === 'relay' ? [['', 'Another one'],
		...of(type)] : of(type), ...more });
	const [called, port, ...rest] = ends({ mode: 'relay' });
	const extra = el('fieldset', null, el('legend', null, 'The plan'),
	    preview);
	const asked = ask('Make a tunnel', 'Make', [called,
	    pick('mode', 'Way', '', { options: [['relay', 'Over a relay'],
		['direct', 'Direct']] }),
	    pick('protocol', 'Protocol', '', { options: ['udp', 'tcp'] }),
	    pick('ingress_node_id', 'From node', 'edge'), port,
	    pick('relay_node_id', 'Relay', 'relay', { show: (now) =>
		now('mode') === 'relay' }),
	    pick('egress_node_id', 'To node', 'edge'), ...rest], async (doc) =>
	    warned(await api.post(TUNNELS, tidy(doc), { key: key(doc) }),
		'The tunnel was made.'), { extra, wide: true });
	const form = extra.closest('form');
	const draw = () => {
		const v = Object.fromEntries(new FormData(form));
		v.relay_addrs = (v.relay_addrs ?? '').split('\n')
		    .filter(Boolean);
		preview.replaceChildren(plan(v, name));
	};
	form.addEventListener('input', draw);
	draw();
	return asked;
}

async function edit(t) {
	const { data, etag } = await api.call('GET', path(t));
	return ask('Change the tunnel', 'Save', ends(data), async (doc) =>
	    warned(await api.put(path(t), tidy(doc, data), { etag }),
		'The tunnel was changed.'));
}

const push = async (t, doc, what) => warned(await api.put(path(t), doc), what);

const deeds = (t) => [['Change', () => edit(t)],
    ['Push again', () => push(t, {}, 'The nodes were told again.')],
    t.status === 'disabled' ? ['Enable', () => push(t, { status: 'active' },
	'The tunnel is enabled.')] : ['Disable', () => sure('Disable the ' +
	'tunnel', 'Disable', 'Its nodes take it down; the plan stays.',
	() => push(t, { status: 'disabled' }, 'Told to its nodes.'),
	'The tunnel is disabled.')],
    ['Delete', () => sure('Delete the tunnel', 'Delete', 'Its nodes take it ' +
	'down, those that are away as soon as they are back.', () =>
	    api.del(path(t)), 'The tunnel was deleted.', { name: t.name }),
	'danger']];

async function open(row, name, again) {
	const t = await api.get(path(row));
	const box = dialog(t.name, [facts([['State', chip(...WORDS[t.status])],
	    ['Way', t.mode === 'relay' ? 'Over a relay' : 'Direct'],
	    ['Protocol', t.protocol], ['Flows', t.associated_flow_ids?.length ?
		el('bdi', null, t.associated_flow_ids.join(', ')) : null],
	    ['Made', time(t.created_at)], ['Changed', time(t.updated_at)]]),
	    el('h3', null, 'Legs'), plan(t, name), may('admin') ? el('div',
		{ class: 'tools' }, deeds(t).map(([what, run, kind]) =>
		    button(what, async () => {
			box.close();
			if (await run() !== false)
				await again();
		    }, kind ? { class: kind } : {}))) : el('p', { class:
		'soft' }, needs('admin'))], { wide: true });
}

export async function load() {
	const [{ tunnels }, nodes] = await Promise.all([api.get(TUNNELS),
	    api.get('/api/v1/nodes')]);
	return { tunnels, nodes };
}

export function render(ctx, { tunnels, nodes }) {
	const found = el('p', { class: 'soft', role: 'status' });
	const names = new Map(nodes.map((n) => [n.id, n.name]));
	const name = (id) => names.get(id);
	const again = async () => {
		({ tunnels } = await api.get(TUNNELS, { signal: ctx.signal }));
		draw();
	};
	const leg = (id, label) => text(id, label, (t) =>
	    t[`${id}_node_name`] ?? t[`${id}_node_id`]);
	const table = new Table({ caption: 'Tunnels', key: (t) => t.id,
	    sort: ctx.query.get('sort') ?? 'name', onSort: (sort) =>
		ctx.setQuery({ sort }), columns: [
		opener('Tunnel', (t) => t.name, (t) => open(t, name, again)
		    .catch((error) => toast(error.message, 'bad'))),
		chips('state', 'State', (t) => WORDS[t.status],
		    { sort: (t) => t.status }),
		leg('ingress', 'From'), leg('egress', 'To'),
		text('way', 'Way', (t) => `${t.protocol} ` + (t.mode ===
		    'relay' ? 'over a relay' : 'direct')),
		text('legs', 'Legs', (t) => legs(t, name).filter((l) =>
		    l.status !== 'pushed').map((l) => `${l.leg} ` +
			PUSH[l.status][1].toLowerCase()).join(', ') ||
			'All confirmed')] }).watch(ctx);
	const q = searchField(ctx, draw);

	function draw() {
		const want = q.value.trim().toLowerCase();
		const some = tunnels.filter((t) => [t.name, t.status,
		    t.ingress_node_name, t.egress_node_name].join(' ')
		    .toLowerCase().includes(want));
		table.empty = tunnels.length ? 'No tunnel matches.' :
		    'There is no tunnel yet.';
		table.set(some);
		setText(found, shown(some.length, tunnels.length, 'tunnel',
		    'tunnels'));
	}
	ctx.every(5000, () => again().catch(() => {}));	// the pill says it
	draw();
	return el('div', null, heading('Tunnels', may('admin') ?
	    button('Make a tunnel', async () => await add(name, nodes) &&
		again(), { class: 'primary' }) : el('span', { class: 'soft' },
		needs('admin'))), el('section', { class: 'card rows',
	    'aria-label': 'Table of tunnels' }, el('div', { class: 'filters' },
		labelled('Filter', q), found), table.node));
}
