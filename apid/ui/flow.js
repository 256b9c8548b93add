// A flow as a signal path: its inputs, the node, its outputs, with the rates
// on the wire, health and its reasons; SRT legs, TR 101 290 and what the
// media is, folded away.

import * as api from './api.js';
import { el, place, setAttr, setText, show } from './el.js';
import { bitrate, bytes, count, decimal, duration, NONE } from './format.js';
import { time } from './widgets.js';

const HEALTH = { Healthy: 'good', Warning: 'warn', Error: 'bad',
    Critical: 'bad' };
const GOOD = new Set(['receiving', 'active', 'connected', 'running',
    'publishing', 'listening']);

// Names and values that change in place; undefined values are left out.
export class Facts {
	constructor() {
		this.node = el('dl', { class: 'facts' });
		this.rows = new Map();
	}

	set(pairs) {
		place(this.node, pairs.filter((p) => p && p[1] !== undefined &&
		    p[1] !== null).map(([name, value]) => {
			let row = this.rows.get(name);
			if (!row) {
				row = { dd: el('dd') };
				row.node = el('div', null, el('dt', null, name),
				    row.dd);
				this.rows.set(name, row);
			}
			setText(row.dd, String(value));
			return row.node;
		}));
	}
}

const address = (e) => e.remote_addr ?? e.dest_addr ?? e.dest_url ??
    e.ingest_url ?? e.whip_url ?? e.rtsp_url ?? e.whep_url ?? e.url ??
    e.listen_addr ?? e.local_addr ?? e.bind_addr ?? '';
const num = (n) => typeof n === 'number' ? count(n) : undefined;

// What the node last pictured: of a flow what it sends out, of an input what
// comes in. The node counts its pictures: a new one is fetched when the
// count moves.
class Picture {
	constructor() {
		this.image = el('img', { width: 320, height: 180 });
		this.age = el('figcaption', { class: 'soft' });
		this.node = el('figure', { hidden: true, class: 'thumb' },
		    this.image, this.age);
	}

	// told: what the node's stats say of its pictures; of: their name.
	async set(path, told, of) {
		const n = told?.has_thumbnail ? told.total_captured : null;
		if (n === this.n || document.hidden)
			return;
		this.n = n;
		try {
			const at = n !== null && await api.call('GET', path, {
			    quiet: true, stream: (answer) => this.take(answer,
				of) });
			show(this.node, at);
			if (at)
				this.age.replaceChildren(time(at));
		} catch {
			show(this.node, false);	// the next one may come
		}
	}

	async take(answer, of) {
		if (answer.status !== 200)
			return null;
		const url = URL.createObjectURL(await answer.blob());
		this.image.onload = () => URL.revokeObjectURL(url);
		this.image.src = url;
		this.image.alt = `Picture of ${of}`;
		return new Date(api.serverNow() - 1000 * Number(
		    answer.headers.get('Age'))).toISOString();
	}
}

// An input or an output.
class End {
	constructor() {
		this.picture = new Picture();
		this.name = el('bdi', { class: 'end-name' });
		this.chip = el('span', { class: 'chip' });
		this.rate = el('span', { class: 'end-rate live-text' });
		this.how = el('bdi', { class: 'soft' });
		this.loss = el('span', { class: 'end-loss' });
		this.node = el('li', { class: 'end' }, el('div', null, this.name,
		    this.chip), el('div', null, this.rate, this.loss),
		    this.how, this.picture.node);
	}

	set(e, name, type, { standby = false, old = false, lost } = {}) {
		setText(this.name, name);
		const state = String(e.state ?? '');
		setText(this.chip, standby ? 'Standby' : state || NONE);
		setAttr(this.chip, 'data-state', old || standby ? 'mute' :
		    GOOD.has(state.toLowerCase()) ? 'good' : 'warn');
		setText(this.rate, old ? NONE : bitrate(e.bitrate_bps));
		setText(this.how, [type, e.mode, address(e)].filter(Boolean)
		    .join(' \u00b7 '));
		setText(this.loss, lost > 0 ? `${count(lost)} lost` : '');
		setAttr(this.node, 'data-standby', standby ? '' : null);
	}
}

const TR = [['Priority 1', 'priority1_ok', [['Sync loss',
    'sync_loss_count'], ['Sync byte', 'sync_byte_errors'], ['PAT',
    'pat_errors'], ['Continuity', 'cc_errors'], ['PMT', 'pmt_errors'],
    ['PID', 'pid_errors']]], ['Priority 2', 'priority2_ok', [['Transport',
    'tei_errors'], ['CRC', 'crc_errors'], ['PCR repetition',
    'pcr_repetition_errors'], ['PCR discontinuity',
    'pcr_discontinuity_errors'], ['PCR accuracy', 'pcr_accuracy_errors'],
    ['PTS', 'pts_errors'], ['CAT', 'cat_errors']]], ['Priority 3',
    'priority3_ok', [['NIT', 'nit_errors'], ['SI repetition',
    'si_repetition_errors'], ['SDT', 'sdt_errors'], ['EIT', 'eit_errors'],
    ['RST', 'rst_errors'], ['TDT', 'tdt_errors']]]];

// One cell for each check: the count, and whether it counts now.
class Tr101290 {
	constructor() {
		this.cells = new Map();
		this.node = el('div', { class: 'tr' }, TR.map(([name, ok, list]) =>
		    el('div', null, el('h3', null, name, ' ', this.cell(ok)),
			el('dl', null, list.map(([label, key]) => el('div',
			    null, el('dt', null, label), el('dd', null,
				this.cell(key))))))));
	}

	cell(key) {
		const node = el('span');
		this.cells.set(key, node);
		return node;
	}

	set(tr) {
		for (const [key, node] of this.cells) {
			const value = tr[key];
			const now = tr[`window_${key}`];
			const bad = typeof value === 'boolean' ? !value :
			    value > 0 && now !== 0;
			setText(node, typeof value === 'boolean' ? value ?
			    'good' : 'errors' : count(value));
			setAttr(node, 'data-bad', bad ? '' : null);
		}
	}
}

function srt(s) {
	const received = (s.pkt_recv_total ?? 0) + (s.byte_recv_total ?? 0) > 0 ||
	    s.recv_rate_mbps > 0;
	return [['State', s.state], ['Round trip', `${decimal(s.rtt_ms, 1)} ms`],
	    ['Rate', `${decimal(received ? s.recv_rate_mbps :
		s.send_rate_mbps, 2)} Mb/s`],
	    ['Bandwidth', `${decimal(s.bandwidth_mbps, 0)} Mb/s`],
	    ['Lost', num(s.pkt_loss_total)],
	    ['Resent', num(s.pkt_retransmit_total)],
	    ['Dropped', num((s.pkt_recv_drop_total ?? 0) +
		(s.pkt_send_drop_total ?? 0))],
	    ['Not decrypted', num(s.pkt_recv_undecrypt_total)],
	    ['In flight', num(s.pkt_flight_size)],
	    ['Buffer', `${count(Math.max(s.ms_recv_buf ?? 0,
		s.ms_send_buf ?? 0))} ms`],
	    ['Latency', `${count(Math.max(s.ms_recv_tsbpd_delay ?? 0,
		s.ms_send_tsbpd_delay ?? 0))} ms`],
	    ['Repaired by FEC', num(s.pkt_recv_filter_supply_total)],
	    ['Up', duration(s.uptime_ms / 1000)]];
}

function media(m) {
	const list = [['Payload', m.payload_format], ['Total', bitrate(
	    m.total_bitrate_bps)], ['Programs', num(m.program_count)]];
	for (const v of m.video_streams ?? [])
		list.push([`Video ${v.pid}`, [v.codec, v.resolution,
		    v.frame_rate && `${v.frame_rate} fps`, v.profile && `${
			v.profile} ${v.level ?? ''}`, bitrate(v.bitrate_bps)]
		    .filter(Boolean).join(', ')]);
	for (const a of m.audio_streams ?? [])
		list.push([`Audio ${a.pid}`, [a.codec, a.language, a.channels &&
		    `${a.channels} ch`, a.sample_rate_hz && `${a.sample_rate_hz /
			1000} kHz`, bitrate(a.bitrate_bps)].filter(Boolean)
		    .join(', ')]);
	if (m.fec)
		list.push(['FEC', `${m.fec.standard ?? ''} ${m.fec.columns}\u00d7${
		    m.fec.rows}`]);
	return list;
}

// A part that is folded away and only filled while it is open.
class Fold {
	constructor(title, part) {
		this.part = part;
		this.last = null;
		this.node = el('details', { class: 'fold' }, el('summary', null,
		    title), part.node);
		this.node.addEventListener('toggle', () => this.fill());
	}

	set(value) {
		this.last = value;
		show(this.node, value !== null && value !== undefined);
		this.fill();
	}

	fill() {
		if (this.node.open && this.last)
			this.part.set(this.last);
	}
}

export class FlowCard {
	// edit: the address of the editor, without the flow's id.
	constructor(node, edit) {
		this.picture = new Picture();
		this.pictures = `/api/v1/nodes/${node}/thumbnail`;
		this.edit = edit && el('a', null, 'Edit');
		this.where = edit;
		this.name = el('h2', { class: 'clamp' }, el('bdi'));
		this.chip = el('span', { class: 'chip' });
		this.why = el('p', { class: 'soft' });
		this.ins = el('ul', { class: 'ends', 'aria-label': 'Inputs' });
		this.outs = el('ul', { class: 'ends', 'aria-label': 'Outputs' });
		this.middle = new Facts();
		this.made = new Map();
		this.folds = new Map();
		this.foldBox = el('div', { class: 'folds' });
		this.node = el('article', { class: 'card flow' },
		    el('header', { class: 'section-head' }, this.name,
			this.edit, this.chip), this.why, el('div', { class: 'path' },
		    this.ins, el('div', { class: 'hub' }, this.picture.node,
			this.middle.node),
		    this.outs), this.foldBox);
		new IntersectionObserver((all) => {
			this.seen = all.at(-1).isIntersecting;
		}).observe(this.node);
	}

	end(key, ...args) {
		let e = this.made.get(key);
		if (!e)
			this.made.set(key, e = new End());
		e.set(...args);
		return e;
	}

	// Of what is in sight; of longer ids the server keeps none.
	shoot(picture, old, { flow_id }, told, of, input_id) {
		const short = (id) => encodeURIComponent(id).length <= 256;
		if (this.seen && !old && short(flow_id) && short(input_id ?? ''))
			void picture.set(this.pictures + api.search({ flow_id,
			    input_id }), told, of);
	}

	fold(key, title, make, value) {
		if (value === undefined || value === null) {
			this.folds.get(key)?.set(null);
			return;
		}
		let f = this.folds.get(key);
		if (!f) {
			this.folds.set(key, f = new Fold(title, make()));
			this.foldBox.append(f.node);
		}
		f.set(value);
	}

	inputs(f, old) {
		const main = f.input ?? {};
		const list = Array.isArray(f.inputs_live) && f.inputs_live.length ?
		    f.inputs_live : [main];
		return list.map((e, i) => {
			const active = list.length === 1 ||
			    e.input_id === f.active_input_id;
			const merged = active ? { ...main, ...e } : e;
			const name = e.input_id ?? 'Input';
			const end = this.end(`i${e.input_id ?? i}`, merged, name,
			    e.input_type ?? '', { standby: !active, old, lost:
				merged.packets_lost });
			this.shoot(end.picture, old, f, e.thumbnail, name,
			    e.input_id);
			return end.node;
		});
	}

	set(f, old) {
		setText(this.name.firstChild, f.flow_name || f.flow_id);
		if (this.edit)
			setAttr(this.edit, 'href', this.where +
			    encodeURIComponent(f.flow_id));
		setText(this.chip, old ? 'Unknown' : f.state !== 'Running' &&
		    f.state ? f.state : f.health ?? NONE);
		setAttr(this.chip, 'data-state', old ? 'mute' : f.state !==
		    'Running' && f.state ? 'mute' : HEALTH[f.health] ?? 'mute');
		setText(this.why, old ? '' : this.reasons(f));
		show(this.why, this.why.textContent !== '');
		place(this.ins, this.inputs(f, old));
		this.shoot(this.picture, old, f, f.thumbnail, f.flow_name ||
		    f.flow_id);
		place(this.outs, (f.outputs ?? []).filter(Boolean).map((o, i) =>
		    this.end(`o${o.output_id ?? i}`, o, o.output_name ||
			o.output_id || 'Output', o.output_type ?? '', { old,
			lost: o.packets_dropped }).node));
		const inp = f.input ?? {};
		this.middle.set([['In', old ? NONE : bitrate(inp.bitrate_bps)],
		    ['Packets', num(inp.packets_received)],
		    ['Lost', num(inp.packets_lost)],
		    ['Repaired', inp.packets_recovered_fec > 0 ?
			count(inp.packets_recovered_fec) : undefined],
		    ['Switched', inp.redundancy_switches > 0 ?
			count(inp.redundancy_switches) : undefined],
		    ['Jitter', f.pdv_jitter_us !== undefined ? `${decimal(
			f.pdv_jitter_us / 1000, 2)} ms` : undefined],
		    ['Up', duration(f.uptime_secs)],
		    ['Received', bytes(inp.bytes_received)]]);
		this.fold('srt', 'SRT of the input', () => new Facts(),
		    inp.srt_stats && srt(inp.srt_stats));
		this.fold('srt2', 'SRT of the input, second leg', () =>
		    new Facts(), inp.srt_leg2_stats && srt(inp.srt_leg2_stats));
		for (const o of f.outputs ?? []) {
			const name = o?.output_name || o?.output_id;
			this.fold(`s${o?.output_id}`, `SRT of ${name}`, () =>
			    new Facts(), o?.srt_stats && srt(o.srt_stats));
			this.fold(`t${o?.output_id}`, `SRT of ${name}, second ` +
			    'leg', () => new Facts(), o?.srt_leg2_stats &&
			    srt(o.srt_leg2_stats));
		}
		this.fold('tr', 'TR 101 290', () => new Tr101290(), f.tr101290);
		this.fold('media', 'Media', () => new Facts(),
		    f.media_analysis && media(f.media_analysis));
	}

	// What speaks against a flow, as far as its numbers tell.
	reasons(f) {
		const why = [];
		for (const r of Array.isArray(f.health_reasons) ?
		    f.health_reasons : [])
			if (r?.detail || r?.code)
				why.push(r.detail ?? r.code);
		if (f.input?.packets_lost > 0)
			why.push(`${count(f.input.packets_lost)} packets lost`);
		const tr = f.tr101290;
		if (tr)
			for (const [name, ok] of TR)
				if (tr[ok] === false)
					why.push(`TR 101 290 ${name.toLowerCase()}` +
					    ' errors');
		for (const o of f.outputs ?? [])
			if (o?.packets_dropped > 0)
				why.push(`${o.output_name || o.output_id} ` +
				    `dropped ${count(o.packets_dropped)}`);
		return why.join(' \u00b7 ');
	}
}
