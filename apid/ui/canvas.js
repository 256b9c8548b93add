// Drawing on canvas in the page's colours and at the screen's resolution.

// Runs draw(g, width, height, colour) now, when the box changes its size and
// when the theme does, until ctx ends. Returns a function to draw again.
export function paint(ctx, canvas, draw) {
	let due = false;
	const now = () => {
		due = false;
		const box = canvas.getBoundingClientRect();
		if (box.width === 0 || !ctx.alive)
			return;
		const scale = window.devicePixelRatio || 1;
		const w = Math.round(box.width * scale);
		const h = Math.round(box.height * scale);
		if (canvas.width !== w || canvas.height !== h) {
			canvas.width = w;
			canvas.height = h;
		}
		const g = canvas.getContext('2d');
		g.setTransform(scale, 0, 0, scale, 0, 0);
		g.clearRect(0, 0, box.width, box.height);
		const style = getComputedStyle(canvas);
		draw(g, box.width, box.height, (name) =>
		    style.getPropertyValue(`--${name}`));
	};
	const later = () => {
		if (!due && !document.hidden) {
			due = true;
			requestAnimationFrame(now);
		}
	};
	const sizes = new ResizeObserver(later);
	sizes.observe(canvas);
	ctx.watch(() => sizes.disconnect());
	ctx.listen(document, 'theme', later);
	ctx.listen(matchMedia('(prefers-color-scheme: dark)'), 'change', later);
	ctx.listen(document, 'visibilitychange', later);
	later();
	return later;
}

// A band of values at times in milliseconds: the least and most of what falls
// into one column of pixels; NaN, and more than gapMs, is a gap.
export function band(g, w, h, { times, values, from, to, gapMs, line, area }) {
	const columns = [];
	let before = NaN;
	for (const [i, t] of times.entries()) {
		const v = values[i];
		if (t < from || Number.isNaN(v))
			continue;
		const at = Math.round((t - from) / (to - from) * w);
		const last = columns.at(-1);
		if (last && last.x === at) {
			last.min = Math.min(last.min, v);
			last.max = Math.max(last.max, v);
			last.v = v;
		} else {
			columns.push({ x: at, min: v, max: v, v,
			    gap: !(t - before <= gapMs) });
		}
		before = t;
	}
	const top = Math.max(1, ...columns.map((c) => c.max)) * 1.1;
	const y = (v) => h - 1 - v / top * (h - 4);
	g.lineWidth = 1.75;
	g.lineJoin = 'round';
	for (let i = 0; i < columns.length;) {
		let n = i + 1;
		while (n < columns.length && !columns[n].gap)
			n++;
		const run = columns.slice(i, n);
		g.beginPath();
		run.forEach((c) => g.lineTo(c.x, y(c.max)));
		g.lineTo(run.at(-1).x + 0.5, h);
		g.lineTo(run[0].x - 0.5, h);
		g.fillStyle = area;
		g.fill();
		g.beginPath();
		for (const c of run) {
			g.lineTo(c.x, y(c.max));
			if (c.min !== c.max)
				g.lineTo(c.x, y(c.min));
		}
		if (run.length === 1)
			g.rect(run[0].x - 0.5, y(run[0].v) - 0.5, 1, 1);
		g.strokeStyle = line;
		g.stroke();
		i = n;
	}
}
