// The nodes as every page sees them: what the database knows of each, and
// over it what the last live update said.

import * as api from './api.js';
import { ago, duration, when } from './format.js';
import { isFresh, onState, onUpdate } from './live.js';

const QUIET_MS = 10000;	// a node's own silence that is worth saying
const LIST_MS = 60000, MOVED_MS = 2000, AGAIN_MS = 5000;
const LEVEL = { online: 'good', pending: 'mute', unknown: 'mute',
    quiet: 'warn', degraded: 'warn', quarantined: 'warn', expired: 'bad',
    offline: 'bad', error: 'bad' };
const HEALTH = { Warning: 'warn', Error: 'bad', Critical: 'bad' };
export const LEVELS = ['bad', 'warn', 'good', 'mute'];

const watchers = new Set();
let known = new Map();	// id -> the REST object
let live = new Map();	// id -> of the last update
let due = 0, busy = false, running = false, clock = 0, drawn = 0;

export const fleet = { views: [], loaded: false, error: null, fresh: false,
    byId: new Map() };

function metricsOf(node) {
	const pairs = node?.driver_metrics?.metrics;
	const m = {};
	if (Array.isArray(pairs))
		for (const [name, value] of pairs)
			if (typeof value === 'number')
				m[name] = value;
	return m;
}

// The worst of a node's flows: null, 'warn' or 'bad', and which one.
function trouble(stats) {
	let worst = null, why = '';
	if (!Array.isArray(stats?.flows))
		return { worst, why };
	for (const flow of stats.flows) {
		const level = HEALTH[flow?.health];
		if (!level || worst === 'bad' || worst === level)
			continue;
		worst = level;
		why = `Flow ${flow.flow_name || flow.flow_id}: ${flow.health}`;
	}
	return { worst, why };
}

function stateOf(node, item, age) {
	if (node?.quarantine)
		return 'quarantined';
	if (item)
		return age > QUIET_MS ? 'quiet' : 'online';
	if (when(node?.expires_at) < api.serverNow())
		return 'expired';
	return node?.status === 'pending' ? 'pending' : 'offline';
}

function viewOf(id) {
	const node = known.get(id), item = live.get(id);
	const m = metricsOf(item);
	const seen = when(item?.last_seen_at ?? node?.last_seen_at);
	const age = api.serverNow() - seen;
	const state = stateOf(node, item, age);
	const { worst, why } = item ? trouble(item.stats) : {};
	let level = LEVEL[state] ?? 'mute';
	if (level === 'good' && worst)
		level = worst;
	const flows = 'total_flows' in m;	// else it carries tunnels only
	return {
		id, node, item, metrics: m, seen, state, level,
		name: item?.name ?? node?.name ?? id,
		description: node?.description ?? '',
		type: item?.device_type ?? node?.device_type ?? '',
		version: item?.software_version ?? node?.software_version ?? '',
		stats: item?.stats ?? null,
		health: item?.health ?? node?.last_health ?? null,
		flows,
		active: flows ? m.active_flows : m.active_tunnels,
		total: flows ? m.total_flows : m.total_tunnels,
		bps: m.total_bitrate_bps ?? m.total_bandwidth_bps,
		attention: level === 'bad' || level === 'warn',
		why: state === 'online' ? why ?? '' : '',
		seenText: Number.isNaN(seen) ? 'Never' : state === 'quiet' ?
		    `No data for ${duration(age / 1000)}` : ago(age / 1000),
	};
}

function make() {
	const ids = new Set([...known.keys(), ...live.keys()]);
	const views = [...ids].map(viewOf);
	views.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 :
	    a.id < b.id ? -1 : 1);
	fleet.views = views;
	fleet.byId = new Map(views.map((v) => [v.id, v]));
	fleet.fresh = isFresh();
}

function tell() {
	drawn = performance.now();
	make();
	for (const fn of watchers)
		fn(fleet);
}

export async function readNodes() {
	if (busy)
		return;
	busy = true;
	due = Date.now() + LIST_MS;
	try {
		const list = await api.get('/api/v1/nodes');
		if (running) {
			known = new Map(list.map((n) => [n.id, n]));
			fleet.loaded = true;
			fleet.error = null;
		}
	} catch (error) {
		fleet.error = error;
		due = Date.now() + AGAIN_MS;
	}
	busy = false;
	if (running)
		tell();
}

onUpdate((doc) => {
	if (!running)
		return;
	const next = new Map();
	for (const node of doc.nodes ?? [])
		next.set(node.node_id, node);
	let moved = next.size !== live.size;
	for (const id of next.keys())
		moved ||= !known.has(id) || !live.has(id);
	live = next;
	if (moved)	// something that the list does not explain
		due = Math.min(due, Date.now() + MOVED_MS);
	tell();
});
onState(() => running && fleet.fresh !== isFresh() && tell());

// Ages grow and lists fall due even when nothing is said.
function tick() {
	if (document.hidden)
		return;
	if (Date.now() >= due)
		void readNodes();
	if (performance.now() - drawn > 900)
		tell();
}

// fn(fleet) now and at every change, while ctx lives.
export function watchFleet(ctx, fn) {
	watchers.add(fn);
	ctx.watch(() => watchers.delete(fn));
	fn(fleet);
}

// Before a page that cannot be drawn without the list.
export async function needNodes() {
	if (!fleet.loaded)
		await readNodes();
	if (!fleet.loaded && fleet.error)
		throw fleet.error;
}

export function startFleet() {
	running = true;
	due = 0;
	clearInterval(clock);
	clock = setInterval(tick, 1000);
	void readNodes();
}

export function stopFleet() {
	running = false;
	clearInterval(clock);
	known = new Map();
	live = new Map();
	Object.assign(fleet, { views: [], loaded: false, error: null,
	    fresh: false, byId: new Map() });
}

export function totals(views) {
	const sum = { nodes: views.length, online: 0, attention: 0, active: 0,
	    flows: 0, bitrate: 0, bad: 0, warn: 0, good: 0, mute: 0 };
	for (const v of views) {
		sum[v.level]++;
		sum.attention += v.attention;
		if (!v.item)
			continue;
		sum.online++;
		if (v.flows) {
			sum.active += v.active || 0;
			sum.flows += v.total || 0;
		}
		if (v.state === 'online')
			sum.bitrate += v.bps || 0;
	}
	return sum;
}
