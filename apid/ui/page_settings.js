// Settings of the installation, its certificate, and taking it all away or
// in again.

import * as api from './api.js';
import { sure } from './dialog.js';
import { el } from './el.js';
import { form } from './form.js';
import { local, when } from './format.js';
import { reload } from './router.js';
import { may, needs } from './session.js';
import { transfer } from './transfer.js';
import { button, chip, facts, heading, section, toast } from './widgets.js';

export const title = 'Settings';
const SETTINGS = '/api/v1/settings';
const TLS = `${SETTINGS}/tls`;
const FIELDS = [
	['events_retention_days', 'Keep events for', 'days', 1, 365],
	['session_lifetime_hours', 'Sessions last', 'hours', 1, 720],
	['max_login_attempts', 'Failed sign-ins before a pause', 'attempts',
	    1, 100],
	['node_offline_threshold_secs', 'A node is offline after', 'seconds ' +
	    'without a word', 5, 3600],
	['ws_keepalive_interval_secs', 'Ask silent connections every',
	    'seconds', 1, 300],
	['stats_broadcast_interval_ms', 'Renew dashboards every',
	    'milliseconds', 100, 60000]];

function settings({ data, etag }) {
	const f = form({ action: 'Save', fields: FIELDS.map(([name, label, unit,
	    min, max]) => ({ name: `settings/${name}`, label, type: 'number',
		required: true, min, max, step: 1, value: data[name],
		help: `${min} to ${max} ${unit}` })),
	    submit: (doc) => api.put(SETTINGS, doc, { etag }), done: () => {
		toast('The settings were saved.');
		void reload();
	    } });
	return section('Settings', button('Read again', () => reload()),
	    el('div', { class: 'body' }, f.node));
}

// A pair that is not fit comes as 200 with success false; to the form it is
// a refusal like any other.
async function upload(doc, key) {
	const answer = await api.post(`${TLS}/upload`, doc, { key });
	if (!answer.success)
		throw new api.ApiError(422, { detail: answer.error,
		    errors: answer.errors }, NaN, 'upload');
	return answer;
}

function pairForm() {
	const key = api.keyed();
	const f = form({ action: 'Serve with this pair', fields: [
	    { name: 'cert_pem', label: 'Certificate and its chain (PEM)',
	      type: 'textarea', required: true, max: 65536, rows: 3 },
	    { name: 'key_pem', label: 'Private key (PEM)', type: 'textarea',
	      required: true, max: 16384, rows: 3, help: 'It is checked, ' +
		'stored where only the server reads it, and never shown.' }],
	    submit: (doc) => upload(doc, key(doc)), done: (answer) => {
		f.node.reset();
		toast(answer.message);
		void reload();
	    } });
	return f.node;
}

function days(c) {
	const level = c.days_left > 30 ? 'good' : c.days_left > 7 ? 'warn' :
	    'bad';
	return c.not_after ? el('span', null, chip(level, c.days_left < 0 ?
	    'Expired' : `${c.days_left} days left`), ' ',
	    local(when(c.not_after))) : null;
}

function certificate(c) {
	return section('Certificate', c.previous_available ? button(
	    'Restore the previous', () => sure('Restore the previous pair',
		'Restore', 'The server goes on with the pair it had before. ' +
		'Open connections stay.', () => api.post(`${TLS}/restore`),
		'The previous pair is in use.').then((did) => did &&
		    reload())) : null,
	    el('div', { class: 'body' }, c.fault ? el('p', { class: 'fault',
		role: 'alert' }, c.fault) : null,
		c.source === 'none' ? el('p', null, 'This server does not ' +
		    'serve TLS itself; the proxy before it has the ' +
		    'certificate.') : facts([
		    ['Subject', el('bdi', null, c.subject_dn ?? c.subject)],
		    ['Issuer', c.is_self_signed ? 'Itself (self-signed)' :
			el('bdi', null, c.issuer_dn ?? c.issuer)],
		    ['Ends', days(c)], ['Names', c.names?.join(', ')],
		    ['Key', c.key_type && `${c.key_type} ${c.key_bits}`],
		    ['From', c.source === 'file' ? c.cert_path : 'Uploaded'],
		    ['Certificates in chain', c.chain_length],
		    ['SHA-256', c.fingerprint && el('code', null,
			c.fingerprint)]]),
		c.source === 'none' ? null : el('details', null, el('summary',
		    null, 'Upload another'), pairForm())));
}

export async function load() {
	const [all, tls] = await Promise.all([api.call('GET', SETTINGS),
	    api.get(TLS)]);
	return { all, tls };
}

export const render = (_ctx, { all, tls }) => el('div', null,
    heading('Settings'), el('div', { class: 'columns' }, settings(all),
	el('div', { class: 'stack' }, certificate(tls), may('super_admin') ?
	    transfer() : section('Export and import', null, el('p',
		{ class: 'more' }, needs('super_admin'))))));
