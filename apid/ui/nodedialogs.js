// What an administrator does to a node: register, change, token, keep out,
// delete. Each is a dialog; the list is read again when it was done.

import * as api from './api.js';
import { confirm, dialog } from './dialog.js';
import { el } from './el.js';
import { readNodes } from './fleet.js';
import { form } from './form.js';
import { copyable, toast } from './widgets.js';

const path = (node) => `/api/v1/nodes/${node.id}`;
let selfSigned;		// whether nodes must be told to accept it

async function health() {
	if (selfSigned === undefined)
		try {
			selfSigned = (await api.get('/health')).self_signed_cert;
		} catch {
			selfSigned = undefined;	// asked again next time
		}
	return selfSigned;
}

function configText(node, token) {
	const manager = { enabled: true,
	    urls: [`wss://${location.host}/ws/node`],
	    registration_token: token };
	if (selfSigned)
		manager.accept_self_signed_cert = true;
	return JSON.stringify({ manager }, null, 2);
}

// What a person copies to the device.
export function nodeConfig(node, token) {
	const at = el('div');
	const draw = () => at.replaceChildren(copyable(configText(node, token),
	    'configuration'));
	draw();
	void health().then(draw);
	return el('div', { class: 'stack' }, el('p', null, 'Put this into the ' +
	    'configuration of ', el('bdi', { class: 'clamp' }, node.name),
	    ' and restart it. The token is shown only now, and it works once.'),
	    at, el('p', { class: 'soft' }, 'If nodes reach this server by ' +
		'another name or port, change the address.'),
	    el('p', null, 'Token'), copyable(token, 'token'),
	    el('p', null, 'Node id'), copyable(node.id, 'node id'));
}

function showToken(node, token) {
	const box = dialog('Registration token', [nodeConfig(node, token),
	    el('div', { class: 'actions' }, el('button', { type: 'button',
		class: 'primary', on: { click: () => box.close() } }, 'Done'))]);
	return box.closed;
}

// Resolves to the node with its registration_token, or undefined.
export async function addNode({ tell = false } = {}) {
	const key = api.keyed();
	const { device_types: types } = await api.get('/api/v1/device-types');
	let box;
	const f = form({ action: 'Register', cancel: () => box.close(),
	    fields: [
		{ name: 'name', label: 'Name', required: true, max: 128 },
		{ name: 'description', label: 'Description',
		  type: 'textarea', max: 512, rows: 2 },
		{ name: 'device_type', label: 'Kind', type: 'select',
		  value: 'edge', options: types.map((t) =>
			[t.device_type, t.display_name]) },
		{ name: 'expires_at', label: 'Let it in until',
		  type: 'datetime', help: 'Without a time: always.' },
		{ name: 'token_ttl_secs', label: 'Life of the token',
		  type: 'select', value: 86400, options: [[3600, '1 hour'],
			[86400, '1 day'], [604800, '7 days'],
			[2592000, '30 days']] }],
	    submit: (doc) => api.post('/api/v1/nodes', { ...doc,
		token_ttl_secs: Number(doc.token_ttl_secs) }, { key: key(doc) }),
	    done: (made) => box.close(made) });
	box = dialog('Register a node', f.node);
	f.focus();
	const made = await box.closed;
	if (made) {
		void readNodes();
		if (tell)
			await showToken(made, made.registration_token);
	}
	return made;
}

export async function editNode(node) {
	const { data, etag } = await api.call('GET', path(node));
	let box;
	const f = form({ action: 'Save', cancel: () => box.close(), fields: [
		{ name: 'name', label: 'Name', required: true, max: 128,
		  value: data.name },
		{ name: 'description', label: 'Description', type: 'textarea',
		  max: 512, rows: 3, value: data.description },
		{ name: 'expires_at', label: 'Let it in until',
		  type: 'datetime', value: data.expires_at,
		  help: 'Empty: always.' }],
	    submit: (doc) => api.put(path(node), doc, { etag }),
	    done: (now) => box.close(now) });
	box = dialog('Change the node', f.node);
	f.focus();
	const now = await box.closed;
	if (now) {
		toast('The node was changed.');
		await readNodes();
	}
	return now;
}

export async function newToken(node) {
	let made;
	const done = await confirm({ title: 'New registration token',
	    action: 'Make a token', danger: false, text: ['The node can then ' +
		'register again. Its secret works until the new token is ' +
		'used; then it ends, and so does a connection that uses it.'],
	    run: async () => { made = await api.post(`${path(node)}/token`); } });
	if (done) {
		await showToken(node, made.registration_token);
		await readNodes();
	}
}

export async function quarantine(node) {
	let box;
	const f = form({ action: 'Keep out', danger: true, cancel: () =>
	    box.close(), fields: [{ name: 'reason', label: 'Why', required:
		true, max: 512, type: 'textarea', rows: 2, help: 'Its ' +
		'connection is closed and none is let in until it is ' +
		'released. Its flows keep running.' }],
	    submit: (doc) => api.post(`${path(node)}/quarantine`, doc),
	    done: (now) => box.close(now) });
	box = dialog('Keep the node out', f.node);
	f.focus();
	if (await box.closed) {
		toast('The node is kept out.');
		await readNodes();
	}
}

export async function release(node) {
	const done = await confirm({ title: 'Let the node in again',
	    action: 'Let in', danger: false, text: ['It may connect again.'],
	    run: () => api.del(`${path(node)}/quarantine`) });
	if (done) {
		toast('The node is let in again.');
		await readNodes();
	}
}

export async function rotateSecret(node) {
	const done = await confirm({ title: 'New secret', danger: false,
	    action: 'Send a new secret', text: ['The node gets a new secret. ' +
		'The old one works until the node has used the new one.'],
	    run: () => api.post(`${path(node)}/rotate-secret`) });
	if (done)
		toast('The node has its new secret.');
}

// True when it is gone.
export async function deleteNode(node) {
	const done = await confirm({ title: 'Delete the node', name: node.name,
	    action: 'Delete', text: ['The node is forgotten with its ' +
		'configurations, commands and tunnels, and its connection is ' +
		'closed. Its events stay. Its own flows keep running.'],
	    run: () => api.del(path(node)) });
	if (done) {
		toast('The node was deleted.');
		await readNodes();
	}
	return done;
}
