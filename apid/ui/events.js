// The last events, newest first.

import { el, by, setText, show } from './el.js';
import { ago, local, when } from './format.js';
import { serverNow } from './api.js';

const WORDS = { info: 'Info', warning: 'Warning', critical: 'Critical' };

export class Events {
	constructor() {
		this.list = el('ol', { class: 'events', role: 'list' });
		this.note = el('p', { class: 'empty' }, 'Loading events');
		this.times = [];
		this.shown = '';
		by('events').append(this.note, this.list);
		show(this.list, false);
	}

	reset() {
		this.set([], () => '');
		setText(this.note, 'Loading events');
	}

	set(events, nameOf) {
		const key = JSON.stringify(events);
		if (key === this.shown)
			return;
		this.shown = key;
		this.times = [];
		this.list.replaceChildren(...events.map((e) =>
		    this.item(e, nameOf(e))));
		show(this.list, events.length > 0);
		show(this.note, events.length === 0);
		setText(this.note, 'Nothing has happened yet.');
		this.tick();
	}

	failed(text) {
		if (this.list.hidden)
			setText(this.note, text);
	}

	item(event, name) {
		const at = when(event.created_at);
		const time = el('time', { datetime: event.created_at,
		    title: local(at) });
		this.times.push([time, at]);
		return el('li', null,
		    el('span', { class: 'chip', 'data-severity': event.severity },
			WORDS[event.severity] ?? event.severity),
		    el('span', { class: 'event-text' },
			el('strong', null, name), ' ', event.message,
			event.acknowledged ? el('span', { class: 'node-note' },
			    'Acknowledged') : null),
		    el('span', { class: 'event-when' },
			el('span', { class: 'event-kind' }, event.category),
			time));
	}

	tick() {
		for (const [node, at] of this.times)
			setText(node, ago((serverNow() - at) / 1000));
	}
}
