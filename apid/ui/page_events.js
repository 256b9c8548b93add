// Everything that was reported, newest first.

import { el } from './el.js';
import { EventLog } from './events.js';
import { heading, tabs } from './widgets.js';

export const title = 'Events';

export const eventTabs = (current) => tabs('Events and alarms', [
    { href: '/alarms', text: 'Alarms', current: current === 'alarms' },
    { href: '/events', text: 'Events', current: current === 'events' }]);

export function render(ctx) {
	return el('div', null, heading('Events'), eventTabs('events'),
	    new EventLog(ctx).node);
}
