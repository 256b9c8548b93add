// The page that the link of mastctl setup leads to. The link's secret stands
// behind the "#", which no browser sends to a server, and leaves the address
// at once. A script of its own: the page is there before anybody signs in.
(() => {
	const at = (id) => document.getElementById(id);
	const secret = location.hash.slice(1);
	const form = at('form');
	const say = (text) => {
		at('fault').textContent = text;
	};

	const refusal = (status, doc) => {
		if (status === 401)
			return 'This link was used or has ended. On the ' +
			    'server, as root: mastctl setup prints a new ' +
			    'one when it has ended, mastctl user passwd sets ' +
			    'a password.';
		if (status === 429)
			return 'Too many attempts. Please wait a minute.';
		if (status === 422)
			return `The password ${doc.errors?.[0]?.detail ??
			    'is not acceptable'}.`;
		return 'The server cannot do it now. Try again in a moment.';
	};

	const send = async () => {
		const answer = await fetch('/api/v1/auth/setup', {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ secret,
			    password: at('password').value }),
		});
		const doc = await answer.json();
		if (!answer.ok) {
			say(refusal(answer.status, doc));
			return;
		}
		form.reset();
		form.hidden = true;
		at('done').textContent =
		    `The password of ${doc.username} is set.`;
		at('next').hidden = false;
	};

	history.replaceState(null, '', location.pathname);
	if (!/^[0-9a-f]{64}$/.test(secret)) {
		say('Open the whole link that mastctl setup printed: the ' +
		    'secret behind the # is missing here.');
		return;
	}
	form.hidden = false;
	at('password').focus();
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		say('');
		if (at('password').value !== at('again').value) {
			say('The two are not the same.');
			return;
		}
		at('set').disabled = true;
		try {
			await send();
		} catch {
			say('The server cannot be reached. Check the ' +
			    'connection and try again.');
		}
		at('set').disabled = false;
	});
})();
