// A change of a node's configuration: what would be different is shown
// before it is sent, then the node is asked what it runs, and there is a way
// back.

import * as api from './api.js';
import { confirm } from './dialog.js';
import { diffView } from './diff.js';
import { el } from './el.js';
import { button, chip, toast } from './widgets.js';

const CHECK_MS = 20000;
const LONG = { timeout: 30000 };
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export class Change {
	// done() is called when the node took something.
	constructor(ctx, node, done) {
		this.ctx = ctx;
		this.path = `/api/v1/nodes/${node.id}/config`;
		this.done = done;
		this.node = el('div', { class: 'stack', hidden: true });
	}

	// {text, etag, headers} of what the node has.
	async read() {
		const { data, etag, headers } = await api.call('GET', this.path,
		    { signal: this.ctx.signal, text: true });
		return { text: data, etag, headers };
	}

	// What a configuration would change; check: by the driver's rules.
	async differences(text, check) {
		return (await api.call('PUT', `${this.path}?dry_run=${check ?
		    'check' : true}`, { raw: text })).data;
	}

	// before: what was read, and must still be so. True when it was sent.
	put(title, diff, text, before, name) {
		return this.offer(title, diff, () => api.call('PUT', this.path,
		    { raw: text, etag: before.etag, ...LONG }), before, name);
	}

	async restore(version) {
		const send = (more) => api.post(`${this.path}/restore`,
		    { version, ...more }, { key: api.newKey(), ...LONG });
		await this.offer(`Restore version ${version}`,
		    await send({ dry_run: true }), () => send(),
		    await this.read());
	}

	// before.text: what Undo goes back to; none: there is no Undo.
	async offer(title, diff, send, before, name) {
		if (diff.equal) {
			toast('Nothing is different.', 'warn');
			return false;
		}
		const was = await this.ordered();
		if (!await confirm({ title, name, action: 'Send it to the node',
		    text: [el('p', null, 'This is what changes:'),
			diffView(diff)], run: send }))
			return false;
		void this.after(before, was);
		return true;
	}

	async undo(before) {
		const now = await this.read();
		await this.put('Back to the configuration before',
		    await this.differences(before.text), before.text,
		    { etag: now.etag });
	}

	async after(before, was) {
		const say = el('p', { role: 'status', tabindex: '-1' },
		    'The node took it. Asking what it runs now.');
		this.node.hidden = false;
		this.node.replaceChildren(el('section', { class:
		    'card body outcome', 'aria-label': 'The change' }, say,
		    before?.text === undefined ? null : el('div', null,
			button('Undo', () => this.undo(before)))));
		this.done();
		say.focus();
		const drift = await this.verify(was);
		if (this.ctx.alive && say.isConnected)
			say.replaceChildren(...!drift ? [chip('warn',
			    'Not checked'), ' The node has not said what it ' +
				'runs now.'] : drift.state === 'none' ?
			    [chip('good', 'Checked'), ' The node runs what ' +
				'was sent.'] : [chip('bad', 'Different'),
				' The node runs something else: ', el('code',
				    null, ['missing', 'extra', 'changed']
				    .flatMap((k) => drift[k]).join(', '))]);
		this.done();
	}

	// When what is ordered now was ordered.
	async ordered() {
		try {
			const d = await api.get(`${this.path}/drift`);
			return d.desired_at;
		} catch {
			return undefined;
		}
	}

	// The drift as it is once the order is noted, which was so before, and
	// the node has spoken; or null. What differs is asked for until the
	// time is up: it may be from before.
	async verify(was) {
		const end = performance.now() + CHECK_MS;
		let last = null;
		while (this.ctx.alive && performance.now() < end) {
			try {
				await this.read();
				const d = await api.get(`${this.path}/drift`);
				if (d.desired_at !== was &&
				    Date.parse(d.reported_at) >=
				    Date.parse(d.desired_at))
					last = d;
				if (last?.state === 'none')
					break;
			} catch {
				// It is asked again until the time is up.
			}
			await pause(500);
		}
		return last;
	}
}
