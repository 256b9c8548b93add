// Wires the page: who is signed in, what stands around, and the router.

import { by, el } from './el.js';
import { startFleet, stopFleet } from './fleet.js';
import { startKeys } from './keys.js';
import { startLive, stopLive } from './live.js';
import { go, safePath, start } from './router.js';
import { endSession, onSession, resume } from './session.js';
import { drawShell, markPage } from './shell.js';
import { errorBox } from './widgets.js';

let was = null;		// id of the user, to know a change from a sign-in

const here = () => safePath(location.pathname + location.search);
const signInPath = (why) => {
	const q = new URLSearchParams();
	if (why)
		q.set('why', why);
	if (why !== 'out' && location.pathname !== '/')
		q.set('next', here());
	return `/login${q.size > 0 ? `?${q}` : ''}`;
};

function begin() {
	startFleet();
	// The socket is the first to know that a session ended elsewhere.
	startLive(async () => {
		try {
			if (!await resume())
				endSession();
		} catch {
			startLive(endSession);	// the server was not there
		}
	});
}

onSession((user, why) => {
	const before = was;
	was = user?.id ?? null;
	if (user && before !== user.id)
		begin();
	if (!user) {
		stopLive();
		stopFleet();
		for (const box of document.querySelectorAll('dialog[open]'))
			box.close();
	}
	drawShell();
	if (!user && location.pathname !== '/login')
		go(signInPath(why), { replace: true });
});

async function boot() {
	drawShell();
	let good = false;
	try {
		good = await resume();
	} catch (error) {
		by('main').replaceChildren(el('h1', null, 'Mastkeeper'),
		    errorBox(error, 'The page could not start', boot));
		return;
	}
	const path = location.pathname;
	const next = new URLSearchParams(location.search).get('next');
	if (!good && path !== '/login')
		history.replaceState(null, '', signInPath());
	else if (good && (path === '/' || path === '/login'))
		history.replaceState(null, '', safePath(next));
	start(markPage);
}

startKeys(go);
void boot();
