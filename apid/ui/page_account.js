// What everybody does about himself: profile, password, sessions, second
// factor.

import { sessionList, tellOnce } from './admin.js';
import * as api from './api.js';
import { ask, sure } from './dialog.js';
import { el, svg } from './el.js';
import { form } from './form.js';
import { plural } from './format.js';
import { reload } from './router.js';
import { roleName, session, setUser } from './session.js';
import { button, chip, copyable, facts, heading, section, toast }
    from './widgets.js';

export const title = 'My account';
const ME = '/api/v1/auth';
const secretField = (name, label, autocomplete) => ({ name, label,
    type: 'password', required: true, max: 128, autocomplete });
const current = (name) => secretField(name, 'Current password',
    'current-password');
const code = { name: 'code', label: 'Code', required: true, max: 128,
    autocomplete: 'one-time-code', help: 'Six digits of the authenticator.' };

function profile() {
	const u = session.user;
	return section('Profile', null, el('div', { class: 'body' }, facts([
	    ['User name', el('bdi', null, u.username)],
	    ['Role', roleName(u.role)], ['May see', u.allowed_node_ids ?
		plural(u.allowed_node_ids.length, 'node', 'nodes') :
		'All nodes']]), form({ action: 'Save', fields: [
		{ name: 'display_name', label: 'Display name', required: true,
		  max: 128, value: u.display_name },
		{ name: 'email', label: 'E-mail address', type: 'email',
		  max: 254, value: u.email, autocomplete: 'email' }],
		submit: (doc) => api.put(`${ME}/me`, doc),
		done: (user) => {
		    setUser(user);
		    toast('Your profile was saved.');
		} }).node));
}

function word(sessions) {
	const f = form({ action: 'Change password', fields: [
	    current('current_password'), { ...secretField('password',
		'New password', 'new-password'), help:
		'At least 8 characters. Your other sessions end.' }],
	    submit: (doc) => api.post(`${ME}/password`, doc), done: () => {
		f.node.reset();
		toast('Your password was changed.');
		void sessions.draw();
	    } });
	return section('Password', null, el('div', { class: 'body' }, f.node));
}

// A QR code of rows of modules, with its margin.
const picture = (rows) => svg('svg', { class: 'qr', role: 'img', 'aria-label':
    'The secret as a QR code', viewBox: `-4 -4 ${rows.length + 8} ${
	rows.length + 8}` }, svg('path', { d: rows.flatMap((row, y) => [...row]
    .map((dark, x) => dark > 0 ? `M${x} ${y}h1v1h-1z` : '')).join('') }));

// The code proves that the secret has arrived; only then it counts.
async function enrol() {
	const made = await ask('Second factor', 'Continue', [
	    current('password')], (doc) => api.post(`${ME}/totp`, doc));
	if (!made)
		return;
	const answer = await ask('Second factor', 'Turn on', [code], (doc) =>
	    api.post(`${ME}/totp/confirm`, doc), { intro: [el('p', null, 'Scan ' +
		'this with an authenticator (time-based codes, six digits), ' +
		'or type the secret there. Then type its code here.'),
		picture(made.qr), copyable(made.secret, 'secret'), el('p', null,
		    el('a', { href: made.otpauth_uri },
			'Open in an authenticator'))] });
	if (answer) {
		await tellOnce('Recovery codes', 'Each works once in place of a ' +
		    'code. They are shown only now: keep them where you find ' +
		    'them without your authenticator.', [['Recovery codes',
		    answer.recovery_codes.join('\n')]]);
		await reload();
	}
}

async function giveUp() {
	if (await ask('Give up the second factor', 'Turn off', [
	    current('password'), { ...code, help: 'A code of the ' +
		'authenticator, or a recovery code.' }], (doc) => api.post(
		`${ME}/totp/disable`, doc), { danger: true })) {
		toast('Signing in needs the password alone now.');
		await reload();
	}
}

const factor = (totp) => section('Second factor', null,
    el('div', { class: 'body' }, el('p', null, chip(totp.enabled ? 'good' :
	'mute', totp.enabled ? 'On' : 'Off')), totp.enabled ? el('p', null,
	`${plural(totp.recovery_codes_left, 'recovery code', 'recovery codes')}` +
	' left.') : el('p', { class: 'soft' }, 'With it, a password that ' +
	    'somebody has learnt is not enough to sign in.'),
	el('div', null, totp.enabled ? button('Turn off', giveUp) :
	    button('Turn on', enrol, { class: 'primary' }))));

export async function load() {
	const all = () => document.getElementById('end-others');
	const [totp, sessions] = await Promise.all([api.get(`${ME}/totp`),
	    sessionList(`${ME}/sessions`, all)]);
	return { totp, sessions };
}

export function render(ctx, { totp, sessions }) {
	return el('div', null, heading('My account'), el('div', { class:
	    'columns' }, profile(), word(sessions), factor(totp),
	    section('Sessions', button('End all others', async () => {
		if (await sure('End all other sessions', 'End them', 'You stay ' +
		    'signed in here.', () => api.del(`${ME}/sessions`),
		    'They were ended.'))
			await sessions.draw();
	    }, { id: 'end-others' }), el('div', { class: 'body' },
		sessions.node))));
}
