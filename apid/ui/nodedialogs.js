// What an administrator does to a node: register, change, token, keep out,
// delete. Each is a dialog; the list is read again when it was done.

import * as api from './api.js';
import { told } from './admin.js';
import { ask, confirm, sure } from './dialog.js';
import { el } from './el.js';
import { readNodes } from './fleet.js';
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

const showToken = (node, token) => told('Registration token',
    nodeConfig(node, token));

// Resolves to the node with its registration_token, or undefined.
export async function addNode({ tell = false } = {}) {
	const key = api.keyed();
	const { device_types: types } = await api.get('/api/v1/device-types');
	const made = await ask('Register a node', 'Register', [
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
	    (doc) => api.post('/api/v1/nodes', { ...doc, token_ttl_secs:
		Number(doc.token_ttl_secs) }, { key: key(doc) }));
	if (made) {
		void readNodes();
		if (tell)
			await showToken(made, made.registration_token);
	}
	return made;
}

async function edit(node) {
	const { data, etag } = await api.call('GET', path(node));
	if (await ask('Change the node', 'Save', [
		{ name: 'name', label: 'Name', required: true, max: 128,
		  value: data.name },
		{ name: 'description', label: 'Description', type: 'textarea',
		  max: 512, rows: 3, value: data.description },
		{ name: 'expires_at', label: 'Let it in until',
		  type: 'datetime', value: data.expires_at,
		  help: 'Empty: always.' }],
	    (doc) => api.put(path(node), doc, { etag })))
		toast('The node was changed.');
}

async function newToken(node) {
	let made;
	if (await confirm({ title: 'New registration token', danger: false,
	    action: 'Make a token', text: ['The node can then register again. ' +
		'Its secret works until the new token is used; then it ends, ' +
		'and so does a connection that uses it.'],
	    run: async () => { made = await api.post(`${path(node)}/token`); } }))
		await showToken(node, made.registration_token);
}

async function quarantine(node) {
	if (await ask('Keep the node out', 'Keep out', [{ name: 'reason',
	    label: 'Why', required: true, max: 512, type: 'textarea', rows: 2,
	    help: 'Its connection is closed and none is let in until it is ' +
		'released. Its flows keep running.' }], (doc) => api.post(
	    `${path(node)}/quarantine`, doc), { danger: true }))
		toast('The node is kept out.');
}

const release = (node) => sure('Let the node in again', 'Let in',
    'It may connect again.', () => api.del(`${path(node)}/quarantine`),
    'The node is let in again.', { danger: false });

const rotateSecret = (node) => sure('New secret', 'Send a new secret',
    'The node gets a new secret. The old one works until the node has used ' +
    'the new one.', () => api.post(`${path(node)}/rotate-secret`),
    'The node has its new secret.', { danger: false });

const remove = (node) => sure('Delete the node', 'Delete', 'The node is ' +
    'forgotten with its configurations, commands and tunnels, and its ' +
    'connection is closed. Its events stay. Its own flows keep running.',
    () => api.del(path(node)), 'The node was deleted.', { name: node.name });

// What can be done to a node as it is seen, for a menu; gone() is called
// when it was deleted.
export const deeds = (v, gone = () => {}) => [['Change', edit],
    ['New token', newToken], ['New secret', rotateSecret],
    v.node?.quarantine ? ['Let in again', release] :
    ['Keep out', quarantine], ['Delete', async (node) => await remove(node) &&
	gone()]].map(([name, run]) => [name, async () => {
	await run(v.node ?? v);
	await readNodes();
    }]);
