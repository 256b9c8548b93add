// The form of a command: what the drivers of the node know, its fields, or
// the whole action as JSON.

import { may } from './session.js';

// For each field name of the drivers: how it is asked for.
const FIELDS = {
	flow_id: { label: 'Flow id' }, output_id: { label: 'Output id' },
	input_id: { label: 'Input id' }, tunnel_id: { label: 'Tunnel id' },
	edge_id: { label: 'Edge id' },
	flow: { label: 'Flow', type: 'json' },
	output: { label: 'Output', type: 'json' },
	input: { label: 'Input', type: 'json' },
	config: { label: 'Configuration', type: 'json' },
	tunnel: { label: 'Tunnel', type: 'json' },
};

function guess(name) {
	if (/(_flow|_stream)$/.test(name) && !/^create|^update/.test(name))
		return ['flow_id'];
	return [];
}

const fieldsOf = (command) => Array.isArray(command.fields) ?
    command.fields.map((f) => ({ name: f.name ?? f, required:
	f.required ?? true, type: f.type })) :
    guess(command.name).map((name) => ({ name, required: true }));

// types: rows of /device-types that must all know the command; preset: {type,
// values}. {fields of a form, order(what it gave): {action, queue}}
export function actionFields(types, preset) {
	const common = (types[0]?.supported_commands ?? []).filter((c) =>
	    types.every((t) => t.supported_commands.some((o) =>
		o.name === c.name)));
	const allowed = common.filter((c) => may(c.requires_role));
	const names = [...new Set(allowed.flatMap((c) => fieldsOf(c).map((f) =>
	    f.name)))];
	const of = (type) => allowed.find((c) => c.name === type);
	return { fields: [
		{ name: 'type', label: 'Command', type: 'select', required: true,
		  value: preset?.type, options: [...allowed.map((c) => [c.name,
			c.description ? `${c.name}: ${c.description.slice(0, 60)}` :
			c.name]), ['', 'Another, as JSON']] },
		...names.map((name) => ({ name: `action/${name}`, label: name,
		  ...FIELDS[name], value: preset?.values?.[name],
		  show: (now) => Boolean(of(now('type')) && fieldsOf(of(now(
			'type'))).some((f) => f.name === name)) })),
		{ name: 'json', label: 'Action', type: 'json', rows: 8,
		  value: { type: '' }, show: (now) => now('type') === '' },
		{ name: 'more', label: 'More members, as JSON', type: 'json',
		  rows: 3, show: (now) => now('type') !== '',
		  help: 'An object, if the command takes what has no field ' +
			'here.' },
		{ name: 'queue', label: 'May wait for the node',
		  type: 'checkbox' }],
	    order: (doc) => ({ queue: doc.queue, action: doc.type ?
		{ ...doc.more, ...doc.action, type: doc.type } : doc.json }) };
}
