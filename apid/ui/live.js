// The live socket: connects, comes back with growing pauses, and knows how
// long ago the last full state arrived. The server speaks at least every
// five seconds, so silence beyond that means the picture is old.

import { setServerTime } from './api.js';

const STALE_MS = 7000;
const DEAD_MS = 25000;

export class Live {
	constructor({ update, state, refused }) {
		this.update = update;
		this.changed = state;
		this.refused = refused;
		this.socket = null;
		this.wanted = false;
		this.pause = 1000;
		this.hub = true;
		this.last = NaN;	// performance.now() of the last update
		this.timer = 0;
		this.clock = 0;
	}

	start() {
		this.wanted = true;
		this.last = NaN;
		this.since = performance.now();
		this.connect();
		this.clock = setInterval(() => this.tick(), 1000);
		this.tick();
	}

	stop() {
		this.wanted = false;
		clearTimeout(this.timer);
		clearInterval(this.clock);
		this.socket?.close(1000);
		this.socket = null;
	}

	// Seconds without news, or 0 while fresh.
	silence() {
		const from = Number.isNaN(this.last) ? this.since : this.last;
		const ms = performance.now() - from;
		return ms < STALE_MS ? 0 : Math.floor(ms / 1000);
	}

	get fresh() {
		return !Number.isNaN(this.last) && this.silence() === 0;
	}

	connect() {
		const url = new URL('/ws/dashboard', location.href);
		url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
		const socket = new WebSocket(url);
		this.socket = socket;
		this.opened = performance.now();
		socket.onmessage = (event) => this.message(event.data);
		socket.onclose = (event) => this.closed(socket, event);
	}

	message(text) {
		let message;
		try {
			message = JSON.parse(text);
		} catch {
			return;
		}
		if (message?.type !== 'dashboard_update')
			return;
		// Without the node daemon nothing is known: not a fresh picture.
		this.hub = message.hub_connected !== false;
		this.last = this.hub ? performance.now() : this.last;
		this.pause = 1000;
		setServerTime(Date.parse(message.time));
		this.update(message);
		this.tick();
	}

	closed(socket, event) {
		if (this.socket !== socket)
			return;
		this.socket = null;
		if (!this.wanted)
			return;
		if (event.code === 1008) {	// the session ended
			this.refused();
			return;
		}
		const wait = this.pause * (0.75 + Math.random() / 2);
		this.pause = Math.min(this.pause * 2, 30000);
		this.timer = setTimeout(() => this.connect(), wait);
		this.tick();
	}

	tick() {
		const silence = this.silence();
		const open = this.socket?.readyState === WebSocket.OPEN;
		// A link that died without a word is given up, not waited for.
		if (open && silence * 1000 > DEAD_MS &&
		    performance.now() - this.opened > DEAD_MS)
			this.socket.close(4000);
		if (this.fresh)
			this.changed('live', 'Live');
		else if (silence > 0)
			this.changed('stale', `No data for ${silence} s`);
		else
			this.changed('wait', 'Connecting');
	}
}
