// Wires the page: signed in or not, the live socket, and the lists that are
// read again now and then.

import * as api from './api.js';
import { by, setText, setAttr, show } from './el.js';
import { count } from './format.js';
import { Live } from './live.js';
import { Nodes } from './nodes.js';
import { Events } from './events.js';
import { Totals } from './totals.js';

const EVENTS_MS = 5000, NODES_MS = 60000, MOVED_MS = 2000;
const EVENTS = 20;

const nodes = new Nodes();
const events = new Events();
const totals = new Totals();
const live = new Live({ update, state: setPill, refused: sessionEnded });
let signedIn = false;
let nodesDue = 0, eventsDue = 0;
let clock = 0;
let busyNodes = false, busyEvents = false;

function setPill(state, text) {
	const pill = by('pill');
	if (pill.dataset.state !== state)
		setText(by('announce'), text);	// once, not every second
	setAttr(pill, 'data-state', state);
	setText(by('pill-text'), text);
}

function headline(sum, fresh) {
	if (!fresh || !nodes.loaded)
		return nodes.loaded ? 'The state of the nodes is not known' :
		    'Nodes';
	if (sum.nodes === 0)
		return 'No nodes yet';
	if (sum.attention === 0)
		return sum.nodes === 1 ? 'The node is fine' :
		    sum.online === sum.nodes ?
		    `All ${count(sum.nodes)} nodes are online` :
		    `${count(sum.online)} of ${count(sum.nodes)} nodes are online`;
	return `${count(sum.attention)} of ${count(sum.nodes)} ` +
	    (sum.nodes === 1 ? 'node needs' : sum.attention === 1 ?
	    'nodes needs' : 'nodes need') + ' attention';
}

function draw() {
	const fresh = live.fresh;
	const views = nodes.views();
	const sum = Nodes.sum(views);
	totals.show(sum, fresh);
	setText(by('headline'), headline(sum, fresh));
	by('board').classList.toggle('stale', !fresh);
	nodes.show(views, fresh, by('filter').value, by('attention').checked);
	return { sum, fresh };
}

function update(message) {
	if (nodes.setLive(message))
		nodesDue = Math.min(nodesDue, Date.now() + MOVED_MS);
	draw();
}

// Once a second: ages grow, the chart moves, lists that are due are read.
function tick() {
	const { sum, fresh } = draw();
	totals.sample(fresh ? sum.bitrate : null);
	events.tick();
	if (document.hidden)
		return;
	if (Date.now() >= nodesDue)
		void readNodes();
	if (Date.now() >= eventsDue)
		void readEvents();
}

function failed(error) {
	if (error.status === 401)
		sessionEnded();
}

async function readNodes() {
	if (busyNodes)
		return;
	busyNodes = true;
	nodesDue = Date.now() + NODES_MS;
	try {
		const list = await api.listNodes();
		if (signedIn)
			nodes.setKnown(list);
	} catch (error) {
		nodesDue = Date.now() + EVENTS_MS;
		failed(error);
	}
	busyNodes = false;
	if (signedIn)
		draw();
}

async function readEvents() {
	if (busyEvents)
		return;
	busyEvents = true;
	eventsDue = Date.now() + EVENTS_MS;
	try {
		const [list, alarms] = await Promise.all([
		    api.listEvents(EVENTS), api.countAlarms()]);
		if (signedIn) {
			events.set(list, (e) => e.node_name ??
			    nodes.known.get(e.node_id)?.name ?? e.node_id);
			totals.setAlarms(alarms.count);
		}
	} catch (error) {
		totals.setAlarms(NaN);
		events.failed('The events could not be read. Trying again.');
		failed(error);
	}
	busyEvents = false;
}

// After a reload: the name comes from the session, not from this tab.
async function readName() {
	try {
		const { user } = await api.whoAmI();
		setText(by('who-name'), user.display_name);
	} catch (error) {
		failed(error);
	}
}

function openBoard(name) {
	signedIn = true;
	setText(by('who-name'), name);
	show(by('who'), true);
	if (name === '')
		void readName();
	show(by('sign-in'), false);
	show(by('board'), true);
	nodesDue = eventsDue = 0;
	live.start();
	clock = setInterval(tick, 1000);
	tick();
}

function openSignIn(text) {
	signedIn = false;
	clearInterval(clock);
	live.stop();
	nodes.reset();
	events.reset();
	totals.reset();
	nodes.show([], true, '', false);
	setPill('off', 'Not signed in');
	show(by('who'), false);
	show(by('board'), false);
	show(by('sign-in'), true);
	setText(by('sign-in-error'), text);
	by('username').focus();
}

function sessionEnded() {
	if (signedIn)
		openSignIn('Your session has ended. Please sign in again.');
}

function signInText(error) {
	if (error.status === 429)
		return 'Too many attempts. Please wait' +
		    (error.retryAfter > 0 ? ` ${error.retryAfter} s.` : ' a minute.');
	if (error.status === 400 || error.status === 401)
		return 'User name or password is wrong.';
	if (error.status)
		return `Signing in is not possible now (${error.status}).`;
	return 'The server cannot be reached.';
}

by('sign-in-form').addEventListener('submit', async (submit) => {
	submit.preventDefault();
	const button = by('sign-in-button');
	button.disabled = true;
	setText(by('sign-in-error'), '');
	try {
		const answer = await api.signIn(by('username').value,
		    by('password').value);
		const name = answer?.user?.display_name ?? '';
		by('password').value = '';
		openBoard(name);
		by('headline').focus();
	} catch (error) {
		setText(by('sign-in-error'), signInText(error));
		by('password').select();
	}
	button.disabled = false;
});

by('sign-out').addEventListener('click', async () => {
	try {
		await api.signOut();
	} catch (error) {
		if (error.status !== 401) {
			setText(by('announce'), 'Signing out failed');
			return;
		}
	}
	openSignIn('');
});

by('filter').addEventListener('input', draw);
by('attention').addEventListener('change', draw);
document.addEventListener('visibilitychange', () => {
	if (signedIn && !document.hidden)
		tick();
});

if (api.maybeSignedIn())
	openBoard('');
else
	openSignIn('');
