// Keys of AI providers, and what was used of the budget.

import * as api from './api.js';
import { ask, sure } from './dialog.js';
import { el } from './el.js';
import { count, duration } from './format.js';
import { reload } from './router.js';
import { act, at, Table, text } from './table.js';
import { button, facts, heading, section, time, toast } from './widgets.js';

export const title = 'AI keys';
const KEYS = '/api/v1/ai/keys';

// What the API answers with 200 and success false is a refusal here.
async function outcome(answer) {
	const a = await answer;
	if (!a.success)
		throw new api.ApiError(422, { detail: a.error }, NaN, KEYS);
	return a;
}

async function set(providers) {
	const done = await ask('Set a key', 'Save', [
		{ name: 'provider', label: 'Provider', type: 'select', options:
		    providers.map((p) => [p.provider, p.title]) },
		{ name: 'api_key', label: 'Key', type: 'password', required:
		    true, max: 256, help: 'It is encrypted at once and never ' +
			'shown again.' },
		{ name: 'model_preference', label: 'Model', max: 128, help:
		    'Empty: the usual one of the provider.' }],
	    (doc) => outcome(api.post(KEYS, doc)));
	if (done) {
		toast('The key was saved.');
		await reload();
	}
}

async function test(k) {
	const a = await outcome(api.post(`${KEYS}/test`,
	    { provider: k.provider }, { timeout: 90000 }));
	toast(`The key is good: ${a.model ?? 'the provider'} answered in ` +
	    `${a.took_ms} ms.`);
}

const forget = async (k) => await sure('Delete the key', 'Delete',
    'The assistant cannot ask this provider any more.', () => outcome(api.del(
	KEYS, { body: { provider: k.provider } })), 'The key was deleted.',
    { name: k.provider }) && reload();

export async function load() {
	const [providers, keys, usage] = await Promise.all([
	    api.get('/api/v1/ai/providers'), api.get(KEYS),
	    api.get('/api/v1/ai/usage')]);
	return { providers, keys, usage };
}

export function render(ctx, { providers, keys, usage }) {
	const names = new Map(providers.map((p) => [p.provider, p]));
	const keyTable = new Table({ caption: 'Keys', key: (k) => k.id,
	    empty: 'You have no key yet.', columns: [
		text('name', 'Provider', (k) => names.get(k.provider)?.title ??
		    k.provider),
		text('hint', 'Key', (k) => k.needs_reentry ?
		    'To be typed again' : k.hint),
		text('model', 'Model', (k) => k.model_preference ??
		    names.get(k.provider)?.default_model ?? ''),
		at('set', 'Set', (k) => k.updated_at),
		act('Test', test, (k) => k.provider),
		act('Delete', forget, (k) => k.provider)] }).watch(ctx);
	const useTable = new Table({ caption: 'Usage by day', empty:
	    'Nothing was asked in the last 30 days.', key: (d) => `${d.day} ` +
		`${d.provider} ${d.model}`, columns: [
		text('day', 'Day', (d) => d.day),
		text('who', 'Provider', (d) => `${d.provider} ${d.model}`),
		...[['calls', 'Calls'], ['failed', 'Failed'], ['input_tokens',
		    'Tokens in'], ['output_tokens', 'Tokens out']].map(
			([id, label]) => text(id, label, (d) => count(d[id]),
			    { num: true, sort: (d) => d[id] })),
		text('took', 'Time', (d) => duration(d.took_ms / 1000),
		    { num: true })] }).watch(ctx);
	keyTable.set(keys);
	useTable.set(usage.days);
	const b = usage.budget;
	return el('div', null, heading('AI keys', button('Set a key', () =>
	    set(providers), { class: 'primary' })),
	    el('section', { class: 'card rows', 'aria-label': 'Keys' },
		keyTable.node),
	    section('Usage', null, el('div', { class: 'body' }, facts([
		['Calls today', `${count(b.used_calls)} of ${count(b.calls)}`],
		['Tokens today', `${count(b.used_tokens)} of ` +
		    count(b.tokens)], ['Anew', time(b.resets_at)]])),
		el('div', { class: 'rows' }, useTable.node)));
}
