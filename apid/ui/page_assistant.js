// The assistant: a conversation, whose proposals are looked at, applied and
// undone. Nothing is done before somebody applies it.

import * as api from './api.js';
import { el, setText, show } from './el.js';
import { form } from './form.js';
import { proposalCard } from './proposal.js';
import { button, errorBox, heading, section } from './widgets.js';

export const title = 'Assistant';
const AI = '/api/v1/ai';
const KINDS = [['generate-config', 'Propose a change', 'prompt'],
    ['analyze', 'Find what is wrong', 'description'],
    ['query', 'Ask about the nodes', 'query']];

// Events of a stream: their name and what they hold.
async function* events(answer) {
	const reader = answer.body.pipeThrough(new TextDecoderStream())
	    .getReader();
	let text = '';
	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			return;
		text += value;
		for (let at; (at = text.indexOf('\n\n')) >= 0;) {
			const lines = text.slice(0, at).split('\n');
			text = text.slice(at + 2);
			const get = (name) => lines.filter((l) => l.startsWith(
			    `${name}:`)).map((l) => l.slice(name.length + 1)
			    .trim()).join('\n');
			if (get('event'))
				yield [get('event'), JSON.parse(get('data'))];
		}
	}
}

// The body in the end; tell(text) gets what there is meanwhile.
async function listen(answer, tell) {
	let so = '';
	for await (const [name, data] of events(answer)) {
		if (name === 'delta')
			tell(so += data.text);
		else if (name === 'retry')
			tell(so = '');
		else if (name === 'done')
			return data;
		else if (name === 'error')
			throw new api.ApiError(data.status ?? 502, { detail:
			    data.error ?? data.detail }, NaN, 'assistant');
	}
	throw new api.ApiError(0, null, NaN, 'assistant');
}

async function showAnswer(answer, said, turn) {
	if (!answer.success)
		throw new api.ApiError(422, { detail: answer.error,
		    errors: answer.problems }, NaN, 'assistant');
	setText(said, answer.response ?? answer.config?.message ??
	    (answer.proposal ? 'This is what I propose:' : ''));
	if (answer.problems?.length)
		turn.append(el('ul', { class: 'fault' }, answer.problems.map(
		    (e) => el('li', null, el('code', null, e.pointer), ' ',
			e.detail))));
	if (answer.proposal)
		turn.append(await proposalCard(answer.proposal.id));
}

export async function load() {
	const [providers, keys, nodes, old] = await Promise.all([
	    api.get(`${AI}/providers`), api.get(`${AI}/keys`),
	    api.get('/api/v1/nodes'), api.get(`${AI}/proposals?limit=5`)]);
	const have = new Set(keys.map((k) => k.provider));
	return { nodes, providers: providers.filter((p) => !p.needs_key ||
	    have.has(p.provider)), cards: await Promise.all(old.filter((p) =>
	    !p.undoes || p.state !== 'expired').map((p) =>
	    proposalCard(p.id))) };
}

function talk(ctx, { nodes, providers }, list) {
	let stop = null;
	const stopper = button('Stop', () => stop?.abort());
	show(stopper, false);
	const send = async (doc) => {
		const [path, , member] = KINDS.find((k) => k[0] === doc.kind);
		const said = el('p', { class: 'message' }, '\u2026');
		const turn = el('li', { class: 'turn' }, el('p', { class:
		    'message asked' }, doc.text), said);
		list.append(turn);
		stop = new AbortController();
		show(stopper, true);
		try {
			const answer = await api.call('POST', `${AI}/${path}`,
			    { body: { [member]: doc.text, provider: doc.provider,
				node_id: doc.node_id }, timeout: 300000,
			    accept: 'text/event-stream', signal: AbortSignal.any(
				[ctx.signal, stop.signal]), stream: (a) =>
				listen(a, (text) => setText(said, text)) });
			await showAnswer(answer, said, turn);
		} catch (error) {
			if (stop.signal.aborted)
				setText(said, 'Stopped.');
			else if (ctx.alive)
				said.replaceWith(errorBox(error,
				    'There is no answer'));
		}
		show(stopper, false);
	};
	const f = form({ action: 'Send', extra: stopper, fields: [
		{ name: 'kind', label: 'What for', type: 'select', options:
		    KINDS },
		{ name: 'node_id', label: 'About', type: 'select', options:
		    [['', 'No node in particular'], ...nodes.map((n) =>
			[n.id, n.name])] },
		{ name: 'provider', label: 'Provider', type: 'select', options:
		    providers.map((p) => [p.provider, p.title]) },
		{ name: 'text', label: 'Your words', type: 'textarea', rows: 4,
		  max: 10000, required: true }], submit: send, done: () => {
		f.fields.at(-1).input.value = '';
	    } });
	return f.node;
}

export function render(ctx, data) {
	const list = el('ol', { class: 'talk', 'aria-live': 'polite' });
	return el('div', null, heading('Assistant', el('a', { href:
	    '/ai/settings' }, 'Keys and usage')), section('Conversation', null,
	    el('div', { class: 'body' }, list, data.providers.length ?
		talk(ctx, data, list) : el('p', null, 'First set a key of a ' +
		    'provider under ', el('a', { href: '/ai/settings' },
			'Keys and usage'), '.'))),
	    data.cards.length ? section('Recent proposals', null,
		el('div', { class: 'body' }, data.cards)) : null);
}
