// A proposal of the assistant: what it would change, applying it, what became
// of each step, and what undoes it.

import * as api from './api.js';
import { change, differences } from './diff.js';
import { el } from './el.js';
import { may, needs } from './session.js';
import { announce, button, chip, time } from './widgets.js';

const PROPOSALS = '/api/v1/ai/proposals';
const STATES = { open: ['info', 'Open'], expired: ['mute', 'Expired'],
    applying: ['warn', 'At work'], applied: ['good', 'Applied'],
    failed: ['bad', 'Failed'], unknown: ['warn', 'Not known how it ended'],
    dismissed: ['mute', 'Dismissed'] };
const STEPS = { done: ['good', 'Done'], failed: ['bad', 'Failed'],
    skipped: ['mute', 'Skipped'] };
const words = (action) => action.replaceAll('_', ' ');

const difference = (diff) => differences(diff.map((d) => el('div', null,
    el('strong', null, words(d.action)), ' ', el('bdi', null, d.flow_id ??
	d.tunnel_id ?? ''), d.changes.map((c) => change(c.path,
	    c.before ?? undefined, c.after ?? undefined)))));

const steps = (result) => el('ol', { class: 'plain-list' }, result.steps.map(
    (s) => el('li', null, el('div', null, words(s.action), s.error ?
	el('p', { class: 'error' }, el('bdi', null, s.error)) : null,
    s.no_undo ? el('p', { class: 'soft' }, el('bdi', null, s.no_undo)) :
	null), chip(...STEPS[s.state]))));

function tools(p, card) {
	const open = p.state === 'open';
	const list = [];
	if (open && may(p.requires_role))
		list.push(button(p.undoes ? 'Undo now' : 'Apply', async () => {
			try {
				await api.post(`${PROPOSALS}/${p.id}/apply`,
				    undefined, { key: api.newKey(),
				    timeout: 120000 });
			} finally {
				await card.draw();
			}
			announce('The proposal was applied; see its steps.');
			card.node.querySelector('h3').focus();
		}, { class: 'primary' }));
	else if (open)
		list.push(el('span', { class: 'soft' },
		    needs(p.requires_role)));
	if (open)
		list.push(button('Dismiss', async () => {
			await api.del(`${PROPOSALS}/${p.id}`);
			await card.draw();
		}));
	if (p.result?.inverse_id)
		list.push(button('Undo\u2026', async (node) => {
			const undo = await proposalCard(p.result.inverse_id);
			card.node.after(undo);
			node.remove();
			undo.querySelector('h3').focus();
		}));
	return el('div', { class: 'tools' }, list);
}

// The card of a proposal, as it is now.
export async function proposalCard(id) {
	const card = { node: el('article', { class: 'card note proposal' }) };
	card.draw = async () => {
		const p = await api.get(`${PROPOSALS}/${id}`);
		const head = p.actions.map(words).join(', ');
		card.node.replaceChildren(el('h3', { tabindex: '-1' },
		    p.undoes ? `Undo: ${head}` : head, ' ',
		    chip(...STATES[p.state])), el('p', { class: 'soft' },
			el('bdi', null, p.node_name ?? 'No node'), ', ',
			`${p.provider} ${p.model}, `, time(p.created_at),
			p.state === 'open' ? [', until ', time(p.expires_at)] :
			    null),
		    p.message ? el('p', { class: 'message' }, p.message) : '',
		    p.diff ? difference(p.diff) : '',
		    p.result ? steps(p.result) : '', tools(p, card));
	};
	await card.draw();
	return card.node;
}
