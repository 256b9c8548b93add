// Runs before anything is painted, so that a chosen theme does not flash.
// A classic script: modules wait until the document is read.
(() => {
	try {
		const theme = localStorage.getItem('theme');
		if (theme === 'light' || theme === 'dark')
			document.documentElement.dataset.theme = theme;
	} catch {
		// Storage may be forbidden; then it is the system's theme.
	}
})();
