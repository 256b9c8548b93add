// The nodes as every page sees them: what the database knows of each, and
// over it what the last live update said.

import * as api from './api.js';
import { ago, byText, duration, when } from './format.js';
import { isFresh, onNews, onState, onUpdate } from './live.js';

const QUIET_MS = 10000;	// a node's own silence that is worth saying
const LIST_MS = 60000, MOVED_MS = 2000, AGAIN_MS = 5000;
const LEVEL = { online: 'good', pending: 'mute', unknown: 'mute',
    quiet: 'warn', degraded: 'warn', quarantined: 'warn', expired: 'bad',
    offline: 'bad', error: 'bad' };
const SEVERITY = { warning: 'warn', critical: 'bad' };
export const LEVELS = ['bad', 'warn', 'good', 'mute'];

const watchers = new Set();
let known = new Map();	// id -> the REST object
let live = new Map();	// id -> what the socket said of a connected node
let byId = new Map();	// id -> view
let alarms = new Map();	// id of an open alarm -> the alarm
let due = 0, running = false, clock = 0, drawn = 0;
let turn = 0, reading = null;	// a turn for each who signs in

// alarms: the open ones, what follows from another one included.
export const fleet = { views: [], loaded: false, error: null, fresh: false,
    byId, alarms };

// The worst of each node's open alarms that are not symptoms: level, text.
function troubles() {
	const worst = new Map();
	for (const a of alarms.values()) {
		const level = SEVERITY[a.severity];
		const before = worst.get(a.node_id)?.worst;
		if (level && !a.symptom_of && before !== 'bad' &&
		    before !== level)
			worst.set(a.node_id, { worst: level, why: a.message });
	}
	return worst;
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
	const m = item?.metrics ?? {};
	const flows = 'total_flows' in m;	// else it carries tunnels only
	const v = {
		id, node, item, metrics: m,
		seen: when(item?.last_seen_at ?? node?.last_seen_at),
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
		trouble: worst.get(id) ?? { worst: null, why: '' },
		// Few of many are ever shown.
		get seenText() {
			const secs = (api.serverNow() - v.seen) / 1000;
			return Number.isNaN(v.seen) ? 'Never' :
			    v.state === 'quiet' ? `No data for ${duration(
			    secs)}` : ago(secs);
		},
	};
	return aged(v);
}

// What of a view changes with time alone.
function aged(v) {
	const age = api.serverNow() - v.seen;
	v.state = stateOf(v.node, v.item, age);
	v.level = LEVEL[v.state] ?? 'mute';
	if (v.level === 'good' && v.trouble.worst)
		v.level = v.trouble.worst;
	v.attention = v.level === 'bad' || v.level === 'warn';
	v.why = v.state === 'online' ? v.trouble.why : '';
	return v;
}

function order() {
	fleet.views = [...byId.values()].sort((a, b) => byText(a.name, b.name) ||
	    (a.id < b.id ? -1 : 1));
}

let worst = new Map();	// node id -> trouble

function makeAll() {
	worst = troubles();
	byId = new Map();
	for (const id of new Set([...known.keys(), ...live.keys()]))
		byId.set(id, viewOf(id));
	fleet.byId = byId;
	order();
}

function makeSome(ids) {
	let sort = false;
	for (const id of ids) {
		const before = byId.get(id);
		if (!known.has(id) && !live.has(id)) {
			byId.delete(id);
			sort = true;
			continue;
		}
		const v = viewOf(id);
		byId.set(id, v);
		sort ||= before?.name !== v.name;
	}
	if (sort)
		order();
	else
		fleet.views = fleet.views.map((v) => byId.get(v.id) ?? v);
}

function tell() {
	drawn = performance.now();
	fleet.fresh = isFresh();
	for (const fn of watchers)
		fn(fleet);
}

// All that are open; a page of the API has at most 500.
async function openAlarms() {
	const all = new Map();
	let path = '/api/v1/alarms?limit=500';
	while (path && all.size < 5000) {
		const { data, next } = await api.call('GET', path);
		for (const a of data)
			all.set(a.id, a);
		path = next;
	}
	return all;
}

async function read(mine) {
	let got = null, fault = null;
	due = Date.now() + LIST_MS;
	try {
		got = await Promise.all([api.get('/api/v1/nodes'), openAlarms()]);
	} catch (error) {
		fault = error;
	}
	if (mine !== turn)
		return;		// it was for who has signed out meanwhile
	reading = null;
	fleet.error = fault;
	if (got) {
		known = new Map(got[0].map((n) => [n.id, n]));
		fleet.alarms = alarms = got[1];
		fleet.loaded = true;
	} else {
		due = Date.now() + AGAIN_MS;
	}
	makeAll();
	tell();
}

// One at a time: who asks meanwhile waits for the same answer.
export const readNodes = async () => running && await (reading ??= read(turn));

onUpdate((nodes, ids) => {
	if (!running)
		return;
	live = new Map(nodes);
	// One that came or went: the list tells what is behind it.
	for (const id of ids)
		if (!known.has(id) || live.has(id) !== Boolean(
		    byId.get(id)?.item))
			due = Math.min(due, Date.now() + MOVED_MS);
	makeSome(ids);
	tell();
});

onNews((rows) => {
	if (!running)
		return;
	if (rows.missed)
		due = Math.min(due, Date.now() + MOVED_MS);
	if (!rows.alarms?.length)
		return;
	for (const a of rows.alarms) {
		if (a.closed_at)
			alarms.delete(a.id);
		else
			alarms.set(a.id, a);
	}
	const ids = new Set(rows.alarms.map((a) => a.node_id));
	worst = troubles();
	makeSome([...ids].filter((id) => byId.has(id)));
	tell();
});
onState(() => running && fleet.fresh !== isFresh() && tell());

// Ages grow and lists fall due even when nothing is said.
function tick() {
	if (document.hidden)
		return;
	if (Date.now() >= due)
		void readNodes();
	fleet.views.forEach(aged);
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

// Open alarms that somebody should look at: not seen yet, no symptoms.
export const openCount = () => [...alarms.values()].filter((a) =>
	!a.acknowledged && !a.symptom_of).length;

export function startFleet() {
	running = true;
	turn++;
	reading = null;
	due = 0;
	clearInterval(clock);
	clock = setInterval(tick, 1000);
	void readNodes();
}

export function stopFleet() {
	running = false;
	turn++;
	clearInterval(clock);
	known = new Map();
	live = new Map();
	byId = new Map();
	alarms = new Map();
	worst = new Map();
	Object.assign(fleet, { views: [], loaded: false, error: null,
	    fresh: false, byId, alarms });
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
