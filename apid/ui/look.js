// The theme: the system's, or the one that was chosen here.

export function theme() {
	return document.documentElement.dataset.theme ?? 'system';
}

export function setTheme(name) {
	if (name === 'system')
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = name;
	try {
		if (name === 'system')
			localStorage.removeItem('theme');
		else
			localStorage.setItem('theme', name);
	} catch {
		// It holds until the page is left.
	}
	document.dispatchEvent(new Event('theme'));
}
