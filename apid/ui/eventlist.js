// The last events, newest first, as a short list.

import { el, setText, show } from './el.js';
import { chip, time } from './widgets.js';

export const nodeLink = (id, name, on) => el('a', { href: `/nodes/${id}`,
    on: on ?? {} }, el('bdi', null, name || id));

export class EventList {
	constructor() {
		this.list = el('ol', { class: 'events' });
		this.none = el('p', { class: 'empty' }, 'Loading events');
		this.node = el('div', { id: 'events' }, this.none, this.list);
		this.key = '';
	}

	set(events) {
		const key = JSON.stringify(events);
		if (key === this.key)
			return;
		this.key = key;
		this.list.replaceChildren(...events.map((e) => el('li', null,
		    chip(e.severity),
		    el('div', { class: 'event-text' },
			nodeLink(e.node_id, e.node_name), ' ',
			el('bdi', { class: 'clamp' }, e.message),
			e.acknowledged ? el('span', { class: 'node-note' },
			    'Acknowledged') : null),
		    el('div', { class: 'event-when' },
			el('bdi', { class: 'event-kind' }, e.category),
			time(e.created_at)))));
		show(this.none, events.length === 0);
		setText(this.none, 'Nothing has happened yet.');
	}
}
