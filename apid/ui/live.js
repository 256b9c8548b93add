// The live socket: subscribes, comes back with growing pauses to where it
// was, and knows how long ago the server last spoke. It does at least every
// five seconds, so silence beyond that means the picture is old. A hidden
// tab lets go of the socket after a while and takes it up when it is seen.
// The protocol is that of mastkeeper-protocol(7).

import { setServerTime } from './api.js';

const STALE_MS = 7000;
const DEAD_MS = 25000;
const HIDDEN_MS = 10000;

let refused = () => {};
const TOPICS = ['status', 'stats', 'health', 'events', 'alarms', 'commands'];
const updates = new Set(), states = new Set(), news = new Set();
const details = new Set();	// ids of nodes whose whole stats are wanted
let place = null;	// {epoch, seq, news} of what was seen, to resume
let nodes = new Map();	// id -> all members that are known
let changed = new Set();
let socket = null, wanted = false, pause = 1000;
let last = NaN;		// performance.now() of the last update
let since = 0, opened = 0;
let timer = 0, clock = 0, hiding = 0;

export const live = { state: 'off', text: 'Not connected' };

// Each returns what ends the watching. fn(nodes, changed): a Map of all
// connected nodes by id, and the ids that came, changed or went.
export function onUpdate(fn) {
	updates.add(fn);
	return () => updates.delete(fn);
}

// fn({events, alarms, commands, missed}): rows as REST shows them.
export function onNews(fn) {
	news.add(fn);
	return () => news.delete(fn);
}

// The whole stats of a node, as long as it is looked at.
export function wantDetails(id) {
	details.add(id);
	subscribe();
	return () => {
		details.delete(id);
		subscribe();
	};
}

export function onState(fn) {
	states.add(fn);
	fn(live);
	return () => states.delete(fn);
}

// Milliseconds since the last news.
const quiet = () => performance.now() - (Number.isNaN(last) ? since : last);
export const isFresh = () => !Number.isNaN(last) && quiet() < STALE_MS;

function say(state, text) {
	if (live.state === state && live.text === text)
		return;
	live.state = state;
	live.text = text;
	for (const fn of states)
		fn(live);
}

function tick() {
	const ms = quiet();
	// A link that died without a word is given up, not waited for.
	if (socket?.readyState === WebSocket.OPEN && ms > DEAD_MS &&
	    performance.now() - opened > DEAD_MS)
		socket.close(4000);
	if (isFresh())
		say('live', 'Live');
	else if (ms >= STALE_MS)
		say('stale', `No data for ${Math.floor(ms / 1000)} s`);
	else
		say('wait', 'Connecting');
}

function subscribe(resume) {
	if (socket?.readyState !== WebSocket.OPEN)
		return;
	socket.send(JSON.stringify({ type: 'subscribe', topics: TOPICS,
	    stats: details.size > 0 ? [...details] : 'numbers',
	    ...resume ? { resume } : {} }));
}

function apply(doc) {
	if (doc.type === 'snapshot') {
		changed = new Set([...changed, ...nodes.keys()]);
		nodes = new Map();
		if (doc.news !== undefined)
			place = { ...place, news: doc.news };
		// What happened meanwhile is not in it.
		for (const fn of news)
			fn({ missed: true });
	}
	for (const id of doc.removed ?? []) {
		nodes.delete(id);
		changed.add(id);
	}
	for (const node of doc.nodes ?? []) {
		nodes.set(node.node_id, { ...nodes.get(node.node_id), ...node });
		changed.add(node.node_id);
	}
	place = { ...place, epoch: doc.epoch, seq: doc.seq };
	if (doc.more)
		return;
	const ids = changed;
	changed = new Set();
	for (const fn of updates)
		fn(nodes, ids);
}

function message(text) {
	let doc;
	try {
		doc = JSON.parse(text);
	} catch {
		return;
	}
	if (doc?.type === 'news') {
		if (doc.news !== undefined)
			place = { ...place, news: doc.news };
		for (const fn of news)
			fn(doc);
		return;
	}
	if (doc?.type !== 'snapshot' && doc?.type !== 'delta')
		return;
	// Without the node daemon nothing is known: not a fresh picture.
	if (doc.hub_connected !== false)
		last = performance.now();
	pause = 1000;
	setServerTime(Date.parse(doc.time));
	apply(doc);
	tick();
}

function connect() {
	if (!wanted || socket)
		return;
	const url = new URL('/ws/dashboard', location.href);
	url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
	const mine = new WebSocket(url);
	socket = mine;
	opened = performance.now();
	mine.onopen = () => socket === mine && subscribe(place);
	mine.onmessage = (event) => socket === mine && message(event.data);
	mine.onclose = (event) => socket === mine && closed(event);
}

function closed(event) {
	socket = null;
	if (!wanted || hiding === -1)
		return;
	if (event.code === 1008) {	// the session ended
		refused();
		return;
	}
	const wait = pause * (0.75 + Math.random() / 2);
	pause = Math.min(pause * 2, 30000);
	timer = setTimeout(connect, wait);
	tick();
}

// hiding: the timer until the socket is let go, -1 when it was.
function visibility() {
	if (!wanted)
		return;
	if (document.hidden) {
		hiding = setTimeout(() => {
			hiding = -1;
			clearTimeout(timer);
			clearInterval(clock);
			socket?.close(1000);
			socket = null;
		}, HIDDEN_MS);
		return;
	}
	clearTimeout(hiding);
	if (hiding === -1) {
		hiding = 0;
		pause = 1000;
		since = performance.now();
		clock = setInterval(tick, 1000);
		connect();
	}
	hiding = 0;
	tick();
}

export function startLive(ended) {
	refused = ended;
	wanted = true;
	place = null;
	nodes = new Map();
	last = NaN;
	since = performance.now();
	clearInterval(clock);
	clock = setInterval(tick, 1000);
	connect();
	tick();
}

export function stopLive() {
	wanted = false;
	clearTimeout(timer);
	clearInterval(clock);
	socket?.close(1000);
	socket = null;
	last = NaN;
	say('off', 'Not connected');
}

document.addEventListener('visibilitychange', visibility);
