// The first minutes: from nothing to the first node online, step by step.
// It ends by itself when a node is there.

import * as api from './api.js';
import { el, setAttr, setText, show } from './el.js';
import { addNode, nodeConfig } from './nodedialogs.js';
import { may, needs } from './session.js';
import { button, copyable, section } from './widgets.js';

function step(text) {
	const state = el('span', { class: 'sr' });
	const body = el('div', { class: 'stack' });
	return { state, body, node: el('li', null, el('h3', null, text, state),
	    body) };
}

// Fills box; show(views) follows the fleet.
export function firstRun(ctx, box) {
	const [one, two, three] = [step('Register a node'),
	    step('Give it this configuration'),
	    step('Wait until it is connected')];
	const waits = el('p', { class: 'soft', role: 'status' });
	let config = null;

	function fill(node, token) {
		config?.remove();
		config = nodeConfig(node, token);
		two.body.replaceChildren(config);
	}

	const add = button('Register a node', async () => {
		const made = await addNode();
		if (made)
			fill(made, made.registration_token);
	}, { class: 'primary' });
	one.body.append(el('p', null, 'A node is an edge or a relay that this ' +
	    'server looks after. Registering it gives a token that lets it in ' +
	    'once.'), may('admin') ? el('div', null, add) :
	    el('p', { class: 'soft' }, needs('admin')),
	    el('p', { class: 'soft' }, 'Or on the server:'),
	    copyable('mastctl node add edge-01 --type edge', 'command'));
	two.body.append(el('p', { class: 'soft' },
	    'It appears here when a node is registered.'));
	three.body.append(waits);
	box.replaceChildren(section('First steps', null, el('ol',
	    { class: 'checklist body' }, one.node, two.node, three.node)));

	function mark(s, done) {
		setAttr(s.node, 'data-done', done ? '' : null);
		setText(s.state, done ? ' (done)' : '');
	}

	return { show(views) {
		const pending = views.filter((v) => v.state === 'pending');
		mark(one, views.length > 0);
		mark(two, false);
		show(two.node, true);
		if (!config && pending.length > 0 && may('admin')) {
			config = el('div', { class: 'stack' }, el('p', null,
			    'Registered, and not seen yet: ', el('bdi', null,
				pending[0].name), '. Its token was shown once.'),
			    el('div', null, button('Make a new token',
				async () => {
				const a = await api.post(`/api/v1/nodes/${
				    pending[0].id}/token`);
				fill(pending[0], a.registration_token);
			})));
			two.body.replaceChildren(config);
		}
		setText(waits, pending.length > 0 ?
		    'Listening. The node appears by itself.' :
		    'Nothing to wait for yet.');
	} };
}
