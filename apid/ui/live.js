// The live socket: connects, comes back with growing pauses, and knows how
// long ago the last full state arrived. The server speaks at least every
// five seconds, so silence beyond that means the picture is old. A hidden
// tab lets go of the socket after a while and takes it up when it is seen.

import { setServerTime } from './api.js';

const STALE_MS = 7000;
const DEAD_MS = 25000;
const HIDDEN_MS = 10000;

let refused = () => {};
const updates = new Set(), states = new Set();
let socket = null, wanted = false, pause = 1000;
let last = NaN;		// performance.now() of the last update
let since = 0, opened = 0;
let timer = 0, clock = 0, hiding = 0;

export const live = { state: 'off', text: 'Not connected' };

// Both return what ends the watching.
export function onUpdate(fn) {
	updates.add(fn);
	return () => updates.delete(fn);
}

export function onState(fn) {
	states.add(fn);
	fn(live);
	return () => states.delete(fn);
}

// Milliseconds since the last news.
const quiet = () => performance.now() - (Number.isNaN(last) ? since : last);
export const isFresh = () => !Number.isNaN(last) && quiet() < STALE_MS;
// When the last news came, in this computer's time; NaN: none yet.
export const lastAt = () => Date.now() - (performance.now() - last);

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

function message(text) {
	let doc;
	try {
		doc = JSON.parse(text);
	} catch {
		return;
	}
	if (doc?.type !== 'dashboard_update')
		return;
	// Without the node daemon nothing is known: not a fresh picture.
	if (doc.hub_connected !== false)
		last = performance.now();
	pause = 1000;
	setServerTime(Date.parse(doc.time));
	for (const fn of updates)
		fn(doc);
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
