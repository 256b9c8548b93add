// Sign in: name and password, then the second factor where there is one.

import { el, setText, show } from './el.js';
import { go, safePath } from './router.js';
import { signIn } from './session.js';

export const title = 'Sign in';

const REASONS = {
	ended: 'Your session has ended. Please sign in again.',
	invalid: 'User name or password is wrong.',
	totp_required: 'A code of your second factor is needed, too.',
	rate_limited: 'Too many attempts. Please wait a minute.',
	internal: 'Signing in is not possible now.',
};

function refusal(error) {
	if (error.status === 429)
		return 'Too many attempts. Please wait' +
		    (error.retryAfter > 0 ? ` ${error.retryAfter} s.` :
			' a minute.');
	if (error.status === 400 || error.status === 401)
		return REASONS.invalid;
	if (error.status)
		return `Signing in is not possible now (${error.message}).`;
	return 'The server cannot be reached. Check the connection and try ' +
	    'again.';
}

const field = (id, label, attrs, help) => el('div', { class: 'field' },
    el('label', { for: id }, label), el('input', { id, name: id, ...attrs,
	'aria-describedby': 'sign-in-error' }),
    help ? el('p', { class: 'help' }, help) : null);

export function render(ctx) {
	const fault = el('p', { class: 'error', id: 'sign-in-error',
	    role: 'alert' }, REASONS[ctx.query.get('why') ??
	    ctx.query.get('error')] ?? '');
	const name = field('username', 'User name', { autocomplete: 'username',
	    autocapitalize: 'none', spellcheck: 'false', required: true,
	    maxlength: 64, autofocus: true });
	const word = field('password', 'Password', { type: 'password',
	    autocomplete: 'current-password', required: true, maxlength: 128 });
	const code = field('totp', 'Code', { autocomplete: 'one-time-code',
	    inputmode: 'text', maxlength: 64, spellcheck: 'false' },
	    'Six digits from your authenticator, or a recovery code.');
	const act = el('button', { type: 'submit', class: 'primary',
	    id: 'sign-in-button' }, 'Sign in');
	const back = el('button', { type: 'button', class: 'quiet' },
	    'Use another account');
	const input = (node) => node.querySelector('input');
	const step = (second) => {
		show(name, !second);
		show(word, !second);
		show(code, second);
		show(back, second);
		input(code).required = second;
		setText(act, second ? 'Verify' : 'Sign in');
		(second ? input(code) : input(name)).focus();
	};
	const form = el('form', { autocomplete: 'on', id: 'sign-in-form' },
	    name, word, code, fault, act, back);
	show(code, false);
	show(back, false);
	back.addEventListener('click', () => {
		input(word).value = input(code).value = '';
		setText(fault, '');
		step(false);
	});
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		act.disabled = true;
		setText(fault, '');
		try {
			const second = !code.hidden;
			await signIn(input(name).value, input(word).value,
			    second ? input(code).value.trim() : undefined);
			input(word).value = '';
			go(safePath(ctx.query.get('next')), { replace: true });
		} catch (error) {
			const asks = error.type === 'totp-required';
			if (asks && code.hidden) {
				step(true);
			} else {
				setText(fault, asks ?
				    'This code is not right. Try the next one.' :
				    refusal(error));
				input(code.hidden ? word : code).select();
			}
		}
		act.disabled = false;
	});
	return el('section', { class: 'card narrow', id: 'sign-in',
	    'aria-labelledby': 'sign-in-head' },
	    el('h1', { id: 'sign-in-head' }, 'Sign in'), form);
}
