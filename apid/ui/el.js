// Elements from data. Text always becomes a text node, so nothing a node or
// a person typed can ever be read as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attrs, kids) {
	for (const [name, value] of Object.entries(attrs ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		node.setAttribute(name, value === true ? '' : String(value));
	}
	node.append(...kids.filter((kid) => kid !== null));
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
	if (value === null) {
		if (node.hasAttribute(name))
			node.removeAttribute(name);
	} else if (node.getAttribute(name) !== value) {
		node.setAttribute(name, value);
	}
}

export function show(node, yes) {
	if (node.hidden === yes)
		node.hidden = !yes;
}
