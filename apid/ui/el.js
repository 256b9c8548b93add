// Elements from data. Text always becomes a text node, so nothing a node or
// a person typed can ever be read as markup.

const SVG = 'http://www.w3.org/2000/svg';

// Attributes: null, undefined and false are left out, true is empty; "on"
// holds listeners by event name. Children: nodes, texts, null, or arrays.
function fill(node, attrs, kids) {
	for (const [name, value] of Object.entries(attrs ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name === 'on')
			for (const [type, fn] of Object.entries(value))
				node.addEventListener(type, fn);
		else
			node.setAttribute(name, value === true ? '' :
			    String(value));
	}
	node.append(...kids.flat(Infinity).filter((kid) =>
	    kid !== null && kid !== undefined && kid !== false));
	return node;
}

export function el(tag, attrs, ...kids) {
	return fill(document.createElement(tag), attrs, kids);
}

export function svg(tag, attrs, ...kids) {
	return fill(document.createElementNS(SVG, tag), attrs, kids);
}

export const by = (id) => document.getElementById(id);

// Touches the document only when something is different: an update of many
// rows costs what really changed, and a selection survives it.
export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

export function setAttr(node, name, value) {
	if (value === null || value === undefined) {
		if (node.hasAttribute(name))
			node.removeAttribute(name);
	} else if (node.getAttribute(name) !== String(value)) {
		node.setAttribute(name, value);
	}
}

export function show(node, yes) {
	if (node.hidden === Boolean(yes))
		node.hidden = !yes;
}

let last = 0;
export const uid = () => `u${++last}`;

// Makes the children of a node those given, moving as few as possible.
export function place(parent, kids) {
	let at = parent.firstChild;
	for (const kid of kids) {
		if (at === kid)
			at = at.nextSibling;
		else
			parent.insertBefore(kid, at);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}
