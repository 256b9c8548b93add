// REST calls. The session is an HttpOnly cookie; unsafe methods repeat the
// CSRF token of its readable twin.

// The server's clock minus ours, so that ages are right on a wrong clock.
let skew = 0;
let onEnd = () => {};

export const serverNow = () => Date.now() + skew;
export const setEnded = (fn) => { onEnd = fn; };

export function setServerTime(ms) {
	if (Number.isFinite(ms))
		skew = ms - Date.now();
}

// What failed, in the server's own words where it had any. status 0: the
// server was not reached.
export class ApiError extends Error {
	constructor(status, problem, retryAfter, what) {
		super(problem?.detail || problem?.title || problem?.error ||
		    (status ? `The server answered ${status}` :
		    'The server cannot be reached'));
		this.status = status;
		this.problem = problem;
		this.type = String(problem?.type ?? '').split('/').pop();
		this.errors = Array.isArray(problem?.errors) ? problem.errors : [];
		this.retryAfter = retryAfter;
		this.what = what;
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

function nextOf(answer) {
	const link = answer.headers.get('Link') ?? '';
	return /<([^>]+)>;\s*rel="next"/.exec(link)?.[1] ?? null;
}

async function send(method, path, headers, body, opts) {
	const limit = AbortSignal.timeout(opts.timeout ?? 20000);
	try {
		return await fetch(path, { method, headers, body,
		    credentials: 'same-origin', signal: opts.signal ?
		    AbortSignal.any([opts.signal, limit]) : limit });
	} catch (error) {
		if (opts.signal?.aborted)
			throw error;
		throw new ApiError(0, null, NaN, `${method} ${path}`);
	}
}

// {status, data, etag, next, headers}. Options: body (as JSON), etag (for
// If-Match), key (Idempotency-Key), signal, timeout, quiet (a 401 is the
// caller's affair), text (the answer is not JSON), raw (a body as it is),
// stream (takes an answer that comes bit by bit).
export async function call(method, path, opts = {}) {
	const headers = { Accept: opts.accept ?? 'application/json' };
	let body;
	if (method !== 'GET')
		headers['X-CSRF-Token'] = csrfToken();
	if (opts.etag)
		headers['If-Match'] = opts.etag;
	if (opts.key)
		headers['Idempotency-Key'] = opts.key;
	if (opts.body !== undefined) {
		headers['Content-Type'] = 'application/json';
		body = JSON.stringify(opts.body);
	}
	if (opts.raw !== undefined) {
		headers['Content-Type'] = 'application/json';
		body = opts.raw;
	}
	const answer = await send(method, path, headers, body, opts);
	if (answer.ok && opts.stream)
		return opts.stream(answer);
	const text = await answer.text();
	let data = null;
	try {
		data = text === '' ? null :
		    answer.ok && opts.text ? text : JSON.parse(text);
	} catch {
		// Not ours (a proxy's page): the status is all there is.
	}
	if (!answer.ok) {
		if (answer.status === 401 && !opts.quiet)
			onEnd();
		throw new ApiError(answer.status, data,
		    Number(answer.headers.get('Retry-After') ?? NaN),
		    `${method} ${path}`);
	}
	return { status: answer.status, data, headers: answer.headers,
	    etag: answer.headers.get('ETag'), next: nextOf(answer) };
}

export const get = async (path, opts) =>
	(await call('GET', path, opts)).data;
export const post = async (path, body, opts) =>
	(await call('POST', path, { ...opts, body })).data;
export const put = async (path, body, opts) =>
	(await call('PUT', path, { ...opts, body })).data;
export const del = async (path, opts) =>
	(await call('DELETE', path, opts)).data;

// One key for one intent: a retry after a lost answer does not act twice.
export const newKey = () => crypto.randomUUID?.() ??
    Array.from(crypto.getRandomValues(new Uint8Array(16)),
	(b) => b.toString(16).padStart(2, '0')).join('');

// A query string of what is set, with its question mark.
export function search(values) {
	const q = new URLSearchParams();
	for (const [name, value] of Object.entries(values))
		if (value !== null && value !== undefined && value !== '')
			q.set(name, value);
	const text = q.toString();
	return text === '' ? '' : `?${text}`;
}

// For each document that a form sends: its own key, the same for a retry.
export function keyed() {
	const keys = new Map();
	return (doc) => {
		const text = JSON.stringify(doc);
		if (!keys.has(text))
			keys.set(text, newKey());
		return keys.get(text);
	};
}
