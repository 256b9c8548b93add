// One node: what it does now, its history, configuration, commands and
// events, each under its own address.

import * as api from './api.js';
import { el, setAttr, setText, show } from './el.js';
import { EventLog } from './events.js';
import { fleet, needNodes, watchFleet } from './fleet.js';
import { duration, NONE } from './format.js';
import { offer } from './keys.js';
import { wantDetails } from './live.js';
import { deeds } from './nodedialogs.js';
import { go } from './router.js';
import { may } from './session.js';
import { facts, heading, menu, tabs, time, word } from './widgets.js';

export const title = (ctx, node) => node.name.slice(0, 80);

const TABS = [['now', 'Now'], ['history', 'History'],
    ['config', 'Configuration'], ['commands', 'Commands'],
    ['events', 'Events']];
const MODULES = { now: 'nodenow', history: 'nodehistory', config: 'nodeconfig',
    commands: 'nodecommands' };

export async function load(ctx) {
	const [node, module] = await Promise.all([
	    api.get(`/api/v1/nodes/${ctx.params.id}`, { signal: ctx.signal }),
	    ctx.params.tab === 'events' ? null :
		import(`./${MODULES[ctx.params.tab ?? 'now']}.js`),
	    needNodes()]);
	ctx.module = module;
	ctx.more = await module?.prepare?.(ctx, node);
	return node;
}

const tools = (node, again) => may('admin') ? menu({ class: 'menu ' +
    'actions-menu' }, el('summary', { class: 'as-button' }, 'Actions'), () =>
    deeds(fleet.byId.get(node.id) ?? node, () => go('/nodes', { replace:
	true })).map(([name, run]) => [name, () => run().then(again)])) : null;

// The state, why it is so, and the facts that every tab shows.
function summary(ctx, node) {
	const chip = el('span', { class: 'chip', 'data-state': node.status },
	    word(node.status));
	const why = el('p', { class: 'banner', hidden: true });
	const [uptime, seen, version, where] = [1, 2, 3, 4].map(() =>
	    el('bdi', null, NONE));
	watchFleet(ctx, ({ byId, fresh }) => {
		const v = byId.get(node.id);
		if (!v)
			return;
		const state = fresh || !v.item ? v.state : 'unknown';
		setText(chip, word(state));
		setAttr(chip, 'data-state', state === 'online' ? v.level :
		    state);
		const held = v.node?.quarantine;
		const text = held ? `Kept out by ${held.by}: ${held.reason}` :
		    v.state === 'offline' ? 'The node is not connected. What ' +
			'is shown is the last that was heard.' : v.why;
		setText(why, text);
		show(why, text !== '');
		setText(seen, v.seenText);
		setText(version, v.version || NONE);
		setText(uptime, v.state === 'online' ? duration(
		    v.health?.uptime_secs || v.metrics.uptime_secs) : NONE);
		setText(where, v.health?.api_addr ?? NONE);
	});
	return [el('div', { class: 'tagline' }, chip, el('span', null,
	    node.device_type), node.description ? el('bdi', { class:
		'clamp soft' }, node.description) : null), why,
	    el('div', { class: 'card body' }, facts([['Last seen', seen],
		['Version', version], ['Running for', uptime],
		['Its own interface', where], ['Registered',
		    time(node.created_at)], node.expires_at ? ['Let in until',
		    time(node.expires_at)] : null, ['Id', el('code', null,
		    node.id)]]))];
}

export function render(ctx, node) {
	const tab = ctx.params.tab ?? 'now';
	const base = `/nodes/${node.id}`;
	const head = heading('', tools(node, () => {
		const v = fleet.byId.get(node.id);
		if (v)
			setText(h1.firstChild, v.name);
	}));
	const h1 = head.querySelector('h1');
	h1.append(el('bdi', null, node.name));
	h1.className = 'clamp';
	ctx.watch(wantDetails(node.id));
	offer(ctx, () => TABS.map(([id, text]) => ({ name: `${text} of this ` +
	    'node', run: () => go(`${base}/${id}`) })));
	return el('div', { class: 'node-page' }, el('p', { class: 'crumbs' },
	    el('a', { href: '/nodes' }, 'Nodes')), head, summary(ctx, node),
	    tabs('Sides of the node', TABS.map(([id, text]) => ({
		href: id === 'now' ? base : `${base}/${id}`, text,
		current: id === tab }))),
	    tab === 'events' ? new EventLog(ctx, { node_id: node.id }).node :
		ctx.module.side(ctx, node, ctx.more));
}
