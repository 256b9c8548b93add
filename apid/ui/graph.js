// How nodes hang together: who sends what to whom, from the configurations
// of the edges and from the tunnels.

import * as api from './api.js';
import { fleet } from './fleet.js';
import { byText } from './format.js';
import { may } from './session.js';

const COLUMNS = ['Sources', 'Edges', 'Relays', 'Receivers'];
const far = (text) => typeof text === 'string' && text !== '' &&
    !/^(0\.0\.0\.0|\[::\]|127\.|localhost|\[::1\])/.test(text);

// A place outside of our nodes, one for each address.
function outside(graph, column, addr) {
	const id = `${column}:${addr}`;
	if (!graph.items.has(id))
		graph.items.set(id, { id, name: addr, column, outside: true });
	return id;
}

function link(graph, from, to, text, level) {
	const id = `${from}>${to}`;
	const old = graph.links.get(id);
	if (old && !old.texts.includes(text))
		old.texts.push(text);
	else if (!old)
		graph.links.set(id, { id, from, to, texts: [text], level });
}

function addFlows(graph, node) {
	for (const f of node.flows ?? []) {
		const name = f.flow_name || f.flow_id;
		if (far(f.input?.remote_addr))
			link(graph, outside(graph, 0, f.input.remote_addr),
			    node.node_id, name);
		for (const o of f.outputs ?? []) {
			const at = [o.dest_addr, o.remote_addr].find(far);
			if (at)
				link(graph, node.node_id, outside(graph, 3, at),
				    name);
		}
	}
}

function addTunnel(graph, t) {
	const ends = [t.ingress_node_id, t.relay_node_id, t.egress_node_id]
	    .filter((id) => id && graph.items.has(id));
	const level = t.status === 'active' ? 'good' : t.status === 'error' ?
	    'bad' : 'mute';
	for (let i = 0; i + 1 < ends.length; i++)
		link(graph, ends[i], ends[i + 1], `Tunnel ${t.name}`, level);
}

// {items: Map id -> {id, name, column, outside}, links: Map}
export async function readGraph(signal) {
	const [nodes, tunnels] = await Promise.all([
	    api.get('/api/v1/nodes/endpoints', { signal }),
	    may('operator') ? api.get('/api/v1/tunnels', { signal }) :
		{ tunnels: [] }]);
	const graph = { items: new Map(), links: new Map() };
	for (const v of fleet.views)
		graph.items.set(v.id, { id: v.id, name: v.name, column:
		    v.type === 'relay' ? 2 : 1 });
	for (const n of nodes)
		if (graph.items.has(n.node_id))
			addFlows(graph, n);
	for (const t of tunnels.tunnels)
		addTunnel(graph, t);
	return graph;
}

// Places for all: their own where a person put them, else in columns, first
// those that something hangs on.
export function layout(graph, saved) {
	const at = [0, 0, 0, 0];
	const used = COLUMNS.map((_, i) => [...graph.items.values()].some(
	    (n) => n.column === i));
	const x = (c) => 20 + used.slice(0, c).filter(Boolean).length * 300;
	const linked = new Set([...graph.links.values()].flatMap((l) =>
	    [l.from, l.to]));
	const sorted = [...graph.items.values()].sort((a, b) =>
	    linked.has(b.id) - linked.has(a.id) || byText(a.name, b.name));
	for (const n of sorted) {
		const own = saved[n.id];
		n.x = own?.x ?? x(n.column);
		n.y = own?.y ?? 40 + at[n.column] * 56;
		if (!own)
			at[n.column]++;
	}
	return COLUMNS.map((name, i) => ({ name, x: x(i), used: used[i] }))
	    .filter((c) => c.used);
}
