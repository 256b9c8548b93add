// What the node does now: flows as signal paths, tunnels, and what a relay
// carries. Everything changes in place.

import * as api from './api.js';
import { el, place, setText, show } from './el.js';
import { Facts, FlowCard } from './flow.js';
import { watchFleet } from './fleet.js';
import { bitrate, bytes, count } from './format.js';
import { may } from './session.js';
import { chips, Table, text } from './table.js';
import { chip, section } from './widgets.js';

const up = (state) => ['active', 'ready'].includes(state) ? 'good' :
    ['down', 'empty', 'error'].includes(state) ? 'bad' : 'warn';

function tunnels(ctx) {
	const table = new Table({ caption: 'Tunnels that the node reports',
	    key: (t) => t.id ?? t.tunnel_id, empty: 'No tunnels.', columns: [
		text('name', 'Tunnel', (t) => t.name ?? t.tunnel_id ?? ''),
		chips('state', 'State', (t) => [up(t.state ?? t.status), String(
		    t.state ?? t.status ?? '').replaceAll('_', ' ')]),
		text('how', 'Kind', (t) => [t.protocol, t.mode, t.direction]
		    .filter(Boolean).join(', ')),
		text('at', 'Address', (t) => t.local_addr ?? [
		    t.ingress_remote_addr ?? t.ingress_edge_id,
		    t.egress_remote_addr ?? t.egress_edge_id].filter(Boolean)
			.join(' \u2192 ')),
		text('in', 'In', (t) => t.stats?.bitrate_in_bps !== undefined ?
		    bitrate(t.stats.bitrate_in_bps) :
		    bytes(t.stats?.bytes_ingress), { num: true }),
		text('out', 'Out', (t) => t.stats?.bitrate_out_bps !==
		    undefined ? bitrate(t.stats.bitrate_out_bps) :
		    bytes(t.stats?.bytes_egress), { num: true })] }).watch(ctx);
	return { table, node: section('Tunnels', null, table.node) };
}

function relay() {
	const list = new Facts();
	return { node: section('Relay', null, el('div', { class: 'body' },
	    list.node)), set: (s) => list.set([
		['Edges', count(s.connected_edges)],
		['Active tunnels', `${count(s.active_tunnels)} of ${count(
		    s.total_tunnels)}`],
		['Forwarded', bytes(s.total_bytes_forwarded)],
		['Bandwidth', bitrate(s.total_bandwidth_bps)],
		['TCP streams', count(s.active_tcp_streams)],
		['Datagrams', count(s.total_udp_datagrams)],
		['Most tunnels', count(s.peak_tunnels)],
		['Most edges', count(s.peak_edges)],
		['Connections', count(s.connections_total)]]) };
}

// What this server wants of the node, tunnel by tunnel.
async function wanted(ctx, node, box) {
	try {
		const { tunnels: list } = await api.get(
		    `/api/v1/nodes/${node.id}/tunnels`, { signal: ctx.signal });
		if (list.length === 0)
			return;
		const leg = (t) => [['ingress', t.ingress_node_id], ['egress',
		    t.egress_node_id], ['relay', t.relay_node_id]].filter(
		    ([, id]) => id === node.id).map(([name]) => [name,
			t[`${name}_push_status`], t[`${name}_push_error`]]);
		box.append(section('Tunnels of this server', el('a', { href:
		    '/tunnels' }, 'All tunnels'), el('ul', { class: 'results ' +
			'body' }, list.map((t) => el('li', null, chip(t.status ===
			'active' ? 'good' : t.status === 'error' ? 'bad' :
			'warn', t.status), ' ', el('bdi', null, t.name),
			leg(t).map(([name, status, error]) => el('span',
			    { class: 'soft' }, ` as ${name}: ${status}` +
			    (error ? ` (${error})` : ''))))))));
	} catch {
		// The node's own list above still stands; All tunnels says why.
	}
}

export function side(ctx, node) {
	const cards = new Map();
	const flows = el('div', { class: 'stack' });
	const none = el('p', { class: 'card empty' });
	const far = tunnels(ctx);
	const hub = relay();
	const extra = el('div', { class: 'stack' });
	const age = el('p', { class: 'soft', role: 'status' });
	let before = null;
	watchFleet(ctx, ({ byId, fresh }) => {
		const v = byId.get(node.id);
		const stats = v?.stats ?? before;
		const old = !fresh || v?.state !== 'online';
		flows.classList.toggle('old', old);
		before = stats;
		const list = Array.isArray(stats?.flows) ? stats.flows : [];
		place(flows, list.filter((f) => f?.flow_id).map((f) => {
			let card = cards.get(f.flow_id);
			if (!card)
				cards.set(f.flow_id, card = new FlowCard(
				    node.id, may('operator') && `/nodes/${node.id
					}/config?flow=`));
			card.set(f, old);
			return card.node;
		}));
		for (const id of cards.keys())
			if (!list.some((f) => f?.flow_id === id))
				cards.delete(id);
		const t = (stats?.tunnels ?? []).filter((x) => x &&
		    (x.id ?? x.tunnel_id));
		show(far.node, t.length > 0 || v?.type === 'relay');
		far.table.set(t);
		show(hub.node, v?.type === 'relay' && stats !== null);
		if (v?.type === 'relay' && stats)
			hub.set(stats);
		show(none, list.length === 0 && v?.type !== 'relay');
		setText(none, stats ? 'The node has no flows.' : old ?
		    'The node has said nothing yet.' : 'Waiting for the node.');
		setText(age, old && v?.seenText && stats ? 'Old values, ' +
		    `last seen ${v.seenText.toLowerCase()}` : '');
	});
	if (may('operator'))
		void wanted(ctx, node, extra);
	return el('div', { class: 'stack' }, age, flows,
	    none, hub.node, far.node, extra);
}
