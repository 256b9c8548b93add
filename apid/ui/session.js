// Who is signed in, and what he may do. The server decides; what is asked
// here only spares a person a refusal.

import * as api from './api.js';

const RANK = { viewer: 1, operator: 2, admin: 3, super_admin: 4 };
const WORDS = { viewer: 'viewer', operator: 'operator', admin: 'admin',
    super_admin: 'super admin' };

export const session = { user: null };
const watchers = new Set();

export const roles = Object.keys(RANK);
export const roleName = (role) => WORDS[role] ?? role;
export const onSession = (fn) => watchers.add(fn);
export const may = (role) =>
	(RANK[session.user?.role] ?? 0) >= (RANK[role] ?? 9);
export const needs = (role) => `This needs the role ${roleName(role)}` +
    `; you are ${roleName(session.user?.role ?? 'nobody')}.`;

function set(user, why) {
	session.user = user;
	for (const fn of watchers)
		fn(user, why);
}

// True when the browser still holds a good session.
export async function resume() {
	if (!api.maybeSignedIn())
		return false;
	try {
		const { user } = await api.get('/api/v1/auth/me', { quiet: true });
		set(user);
		return true;
	} catch (error) {
		if (error.status === 401)
			return false;
		throw error;
	}
}

export async function signIn(username, password, totp) {
	const body = { username, password };
	if (totp)
		body.totp = totp;
	const { user } = await api.post('/api/v1/auth/login', body,
	    { quiet: true });
	set(user);
}

export async function signOut() {
	try {
		await api.post('/api/v1/auth/logout', undefined, { quiet: true });
	} catch (error) {
		if (error.status !== 401)
			throw error;
	}
	set(null, 'out');
}

// After a change of one's own profile.
export const setUser = (user) => set(user);

export function endSession() {
	if (session.user)
		set(null, 'ended');
}
api.setEnded(endSession);
