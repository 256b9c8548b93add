// Export and import of the whole installation. A passphrase goes in bodies
// alone, never in an address.

import { saveFile } from './admin.js';
import * as api from './api.js';
import { ask, confirm, dialog } from './dialog.js';
import { el } from './el.js';
import { count, plural } from './format.js';
import { button, facts, section, toast } from './widgets.js';

const LONG = 600000;
const passphrase = (help) => ({ name: 'passphrase', type: 'password',
    label: 'Passphrase', max: 1024, autocomplete: 'new-password', help });

async function exportAll(doc) {
	const { passphrase: secret, events_days: days, ...more } = doc;
	if (more.include_events && days)
		more.events_days = days;
	const opts = { text: true, timeout: LONG };
	const { data } = secret ? await api.call('POST', '/api/v1/export',
	    { ...opts, body: { passphrase: secret, ...more } }) :
	    await api.call('GET', '/api/v1/export' + api.search(more), opts);
	const day = new Date(api.serverNow()).toISOString().slice(0, 10);
	saveFile(`mastkeeper-${day}.json`, 'application/json', [data]);
	return true;
}

const take = () => ask('Export', 'Export', [
    passphrase('With one, the file holds the secrets, encrypted with it. ' +
	'Without, it holds none.'),
    { name: 'include_events', label: 'With events', type: 'checkbox' },
    { name: 'events_days', label: 'Of how many days', type: 'number', min: 1,
      max: 36500, help: 'Empty: all.' },
    { name: 'include_audit', label: 'With the audit', type: 'checkbox' }],
    exportAll).then((did) => did && toast('The file is complete.'));

// The file goes as it is: its checksums are of its text.
async function send(file, doc, dry) {
	const text = await file.text();
	const body = doc.passphrase ? `{"passphrase":${JSON.stringify(
	    doc.passphrase)},${text.replace(/^[^{]*\{/, '')}` : text;
	const { data } = await api.call('POST', '/api/v1/import' + api.search({
	    dry_run: dry, mode: doc.mode }), { raw: body, timeout: LONG });
	return data;
}

function counts(report) {
	const sum = new Map();
	for (const [name, n] of Object.entries(report.sections))
		sum.set(name, typeof n === 'object' ? Object.entries(n).filter(
		    ([, v]) => v).map(([k, v]) => `${k} ${count(v)}`)
		    .join(', ') : count(n));
	return [...sum].map(([k, v]) => [k, v || 'nothing']);
}

const reportView = (r) => el('div', { class: 'stack' },
    facts(counts(r)),
    r.secrets_ignored ? el('p', null, 'Without the passphrase the secrets ' +
	'of the file are ignored.') : null,
    r.nodes_need_tokens ? el('p', null, 'Nodes need new registration tokens ' +
	'afterwards.') : null,
    r.conflicts.length ? el('div', { class: 'fault' }, el('p', null,
	plural(r.conflicts.length, 'conflict', 'conflicts')), el('ul', null,
	r.conflicts.map((c) => el('li', null, el('code', null, c.pointer), ' ',
	    c.detail)))) : null,
    el('div', { class: 'results', tabindex: '0', role: 'group', 'aria-label':
	'Changes' }, el('ul', null, r.changes.map((c) => el('li', null,
	`${c.op} ${c.section} `, el('bdi', null, c.detail ?? c.id ?? ''))))),
    r.complete ? null : el('p', { class: 'soft' }, 'There are more changes ' +
	'than are listed.'));

async function give() {
	const file = el('input', { type: 'file', id: 'import-file', required:
	    true, accept: '.json,application/json' });
	let doc;
	const report = await ask('Import', 'Look what it would do', [
	    { name: 'mode', label: 'How', type: 'select', options: [
		['merge', 'Add and change'],
		['replace', 'Also delete what the file does not have']] },
	    passphrase('To open the secrets of the file.')], (values) => {
		doc = values;
		return send(file.files[0], doc, true);
	    }, { intro: el('p', null, 'Nothing is changed by looking.'),
		extra: el('div', { class: 'field' }, el('label', { for:
		    'import-file' }, 'File'), file) });
	if (!report)
		return;
	let result;
	if (await confirm({ title: 'Import', action: 'Import', name: doc.mode,
	    danger: doc.mode === 'replace', text: [reportView(report)],
	    run: async () => { result = await send(file.files[0], doc); } }))
		dialog('Imported', reportView(result), { wide: true });
}

export const transfer = () => section('Export and import', null,
    el('div', { class: 'body' }, el('p', { class: 'soft' }, 'Everything that ' +
	'this installation knows, as one file.'), el('div', { class: 'tools' },
	button('Export', take), button('Import', give))));
