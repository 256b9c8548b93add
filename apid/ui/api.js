// REST calls. The session is an HttpOnly cookie; unsafe methods repeat the
// CSRF token of its readable twin.

// The server's clock minus ours, so that ages are right on a wrong clock.
let skew = 0;

export const serverNow = () => Date.now() + skew;

export function setServerTime(ms) {
	if (Number.isFinite(ms))
		skew = ms - Date.now();
}

export class ApiError extends Error {
	constructor(status, problem) {
		super(problem?.detail || problem?.title || problem?.error ||
		    `The server answered ${status}`);
		this.status = status;
		this.retryAfter = NaN;
	}
}

function csrfToken() {
	for (const part of document.cookie.split(';')) {
		const at = part.indexOf('=');
		if (at > 0 && part.slice(0, at).trim() === 'csrf_token')
			return part.slice(at + 1).trim();
	}
	return '';
}

// The readable cookie lives exactly as long as the session's: without it
// there is no point in asking the server and being refused.
export const maybeSignedIn = () => csrfToken() !== '';

async function call(method, path, body) {
	const headers = { Accept: 'application/json' };
	const init = { method, headers, credentials: 'same-origin' };
	if (method !== 'GET')
		headers['X-CSRF-Token'] = csrfToken();
	if (body !== undefined) {
		headers['Content-Type'] = 'application/json';
		init.body = JSON.stringify(body);
	}
	init.signal = AbortSignal.timeout(15000);
	const answer = await fetch(path, init);
	const text = await answer.text();
	let data = null;
	try {
		data = text === '' ? null : JSON.parse(text);
	} catch {
		// Not ours (a proxy's page): the status is all there is.
	}
	if (!answer.ok) {
		const error = new ApiError(answer.status, data);
		error.retryAfter = Number(answer.headers.get('Retry-After') ?? NaN);
		throw error;
	}
	return data;
}

export const signIn = (username, password) =>
	call('POST', '/api/v1/auth/login', { username, password });
export const whoAmI = () => call('GET', '/api/v1/auth/me');
export const signOut = () => call('POST', '/api/v1/auth/logout');
export const listNodes = () => call('GET', '/api/v1/nodes');
export const listEvents = (n) => call('GET', `/api/v1/events?per_page=${n}`);
export const countAlarms = () => call('GET', '/api/v1/events/count');
