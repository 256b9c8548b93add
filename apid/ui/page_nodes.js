// All nodes in one table, filtered and sorted by the address, with what can
// be done to one or to many.

import { bulkCommand } from './bulk.js';
import { el, setAttr, setText, show } from './el.js';
import { needNodes, watchFleet } from './fleet.js';
import { bitrate, count, local, NONE, plural } from './format.js';
import { offer } from './keys.js';
import { addNode, deeds } from './nodedialogs.js';
import { may, needs } from './session.js';
import { cell, chips, shown, Table, text } from './table.js';
import { button, check, heading, labelled, menu, searchField, select, word }
    from './widgets.js';

export const title = 'Nodes';
const LEVEL_NAMES = [['', 'All'], ['bad', 'In trouble'],
    ['warn', 'With a warning'], ['good', 'Fine'],
    ['mute', 'Pending or unknown']];
const FILTERS = ['q', 'type', 'state', 'level', 'attention'];

function rowMenu() {
	const node = menu({ class: 'menu row-menu' }, el('summary',
	    { 'aria-label': 'Actions' }, '\u22ef'), () => deeds(node.view));
	return node;
}

const name = () => el('div', null, el('a', { class: 'node-name' },
    el('bdi')), el('bdi', { class: 'node-note' }));

function columns(state) {
	const old = (v) => !state.fresh || v.state !== 'online';
	const list = [
		cell('name', 'Name', name, (part, v) => {
			setAttr(part.firstChild, 'href', `/nodes/${v.id}`);
			setText(part.firstChild.firstChild, v.name);
			setText(part.lastChild, v.why || v.description || '');
		}, { sort: (v) => v.name }),
		chips('state', 'State', (v) => {
			const now = state.fresh || !v.item ? v.state : 'unknown';
			return [now === 'online' ? v.level : now, word(now)];
		}, { sort: (v) => ['bad', 'warn', 'mute', 'good'].indexOf(
		    v.level) + v.state }),
		text('type', 'Type', (v) => v.type),
		text('version', 'Version', (v) => v.version || NONE),
		text('flows', 'Flows', (v) => old(v) || !(v.total >= 0) ?
		    NONE : `${count(v.active)} of ${count(v.total)}` +
			(v.flows ? '' : ' tunnels'),
		    { num: true, sort: (v) => v.active ?? -1 }),
		text('rate', 'Bitrate', (v) => old(v) ? NONE : bitrate(v.bps),
		    { num: true, sort: (v) => v.bps ?? -1 }),
		{ id: 'seen', label: 'Last seen', num: true,
		  sort: (v) => -v.seen || 0, show: (td, v) => {
			setText(td, v.seenText);
			setAttr(td, 'title', local(v.seen));
		  } }];
	if (may('admin'))
		list.push(cell('tools', 'Actions', rowMenu, (part, v) => {
			part.view = v;
			setAttr(part.firstChild, 'aria-label',
			    `Actions for ${v.name.slice(0, 80)}`);
		}));
	return list;
}

function filter(views, q) {
	const want = (q.get('q') ?? '').trim().toLowerCase();
	const [type, state, level] = ['type', 'state', 'level'].map((n) =>
	    q.get(n));
	return views.filter((v) => (!type || v.type === type) &&
	    (!state || v.state === state) && (!level || v.level === level) &&
	    (!q.has('attention') || v.attention) && (want === '' ||
	    `${v.name} ${v.description ?? ''} ${v.type} ${v.version} ${v.id}`
		.toLowerCase().includes(want)));
}

const noNodes = () => may('admin') ? 'There is no node here yet. Add one.' :
    'There is no node here that you may see.';

export async function load() {
	await needNodes();
}

export function render(ctx) {
	const state = { fresh: false, views: [] };
	const picked = new Set();
	const found = el('p', { class: 'soft', role: 'status' });
	const bar = el('div', { class: 'bulk', hidden: true });
	const barText = el('span');
	const table = new Table({ caption: 'Nodes with their state, rates and ' +
	    'last contact', columns: columns(state), key: (v) => v.id,
	    name: (v) => v.name.slice(0, 80),
	    sort: ctx.query.get('sort') ?? 'name', onSort: (sort) =>
		ctx.setQuery({ sort: sort === 'name' ? '' : sort }),
	    select: may('operator') ? picked : null, onSelect: () => mark() })
	    .watch(ctx);

	function mark() {
		show(bar, picked.size > 0);
		setText(barText, `${plural(picked.size, 'node', 'nodes')} ` +
		    'selected');
	}

	function pickNone() {
		picked.clear();
		mark();
		draw();
	}

	function draw() {
		const q = ctx.query;
		const match = filter(state.views, q);
		table.empty = state.views.length > 0 ?
		    'No node matches the filter.' : noNodes();
		table.table.classList.toggle('stale', !state.fresh);
		table.set(match);
		setText(found, shown(match.length, state.views.length, 'node',
		    'nodes'));
		const types = new Set(state.views.map((v) => v.type));
		for (const t of types)
			if (t && ![...type.options].some((o) => o.value === t))
				type.append(el('option', { value: t }, t));
		if (type.value !== (q.get('type') ?? ''))
			type.value = q.get('type') ?? '';
	}

	const set = (values) => {
		ctx.setQuery(values);
		draw();
	};
	const q = searchField(ctx, draw, { placeholder: 'Name, type, version' });
	const type = select([['', 'All']], '', (v) => set({ type: v }));
	const states = ['online', 'quiet', 'offline', 'pending', 'expired',
	    'quarantined'].map((s) => [s, word(s)]);
	const attention = check('Needs attention', ctx.query.has('attention'),
	    (on) => set({ attention: on ? '1' : '' }), 'attention');
	const stateBox = select([['', 'All'], ...states],
	    ctx.query.get('state') ?? '', (v) => set({ state: v }));
	const levelBox = select(LEVEL_NAMES, ctx.query.get('level') ?? '',
	    (v) => set({ level: v }));
	const clear = button('Clear', () => {
		q.value = type.value = stateBox.value = levelBox.value = '';
		attention.firstChild.checked = false;
		set(Object.fromEntries(FILTERS.map((f) => [f, ''])));
	});
	const add = may('admin') ? button('Add a node', () =>
	    addNode({ tell: true }), { class: 'primary' }) : null;
	if (add)
		offer(ctx, () => [{ name: 'Add a node', run: () =>
		    add.click() }]);
	bar.append(barText, button('Send a command', async () => {
		if (await bulkCommand(state.views.filter((v) =>
		    picked.has(v.id))))
			pickNone();
	}), button('Select none', pickNone));
	const node = el('div', null, heading('Nodes', add ?? el('span',
	    { class: 'soft' }, `To add nodes: ${needs('admin')}`)),
	    el('section', { class: 'card', id: 'nodes', 'aria-label':
		'Table of nodes' },
		el('div', { class: 'filters' }, labelled('Filter', q),
		    labelled('Type', type), labelled('State', stateBox),
		    labelled('Condition', levelBox), attention, clear, found),
		bar, table.node));
	watchFleet(ctx, ({ views, fresh }) => {
		state.views = views;
		state.fresh = fresh;
		draw();
	});
	return node;
}
