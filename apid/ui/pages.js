// Every page: its path, its module (page_*.js, loaded when it is first
// shown), where the navigation has it, and the least role that can use it.
//
// A module exports
//   title          a text, or (ctx, data) => text
//   load(ctx)      optional; what it returns is given to render. A refusal
//                  is shown by the router, with a way to try again.
//   render(ctx, data)  the element to show; it has one h1
//   leave(ctx)     optional; ctx ends by itself (router.js)

export const PAGES = [
	{ path: '/dashboard', module: 'page_overview', name: 'Overview',
	  group: 'Fleet', key: 'o' },
	{ path: '/nodes', module: 'page_nodes', name: 'Nodes',
	  group: 'Fleet', key: 'n' },
	{ path: '/topology', module: 'page_topology', name: 'Topology',
	  group: 'Fleet', key: 't' },
	{ path: '/alarms', module: 'page_alarms', name: 'Alarms',
	  group: 'Fleet', key: 'a' },
	{ path: '/events', module: 'page_events', name: 'Events',
	  group: 'Fleet', key: 'e' },
	{ path: '/nodes/:id', module: 'page_node', name: 'Node' },
	{ path: '/nodes/:id/:tab', module: 'page_node', name: 'Node' },
	{ path: '/admin/nodes', module: 'page_nodes', name: 'Nodes' },
	{ path: '/admin/users', module: 'page_users', name: 'Users',
	  group: 'Administration', role: 'admin', key: 'u' },
	{ path: '/admin/tokens', module: 'page_tokens', name: 'API tokens',
	  group: 'Administration' },
	{ path: '/tunnels', module: 'page_tunnels', name: 'Tunnels',
	  group: 'Fleet', role: 'operator' },
	{ path: '/ai/assistant', module: 'page_assistant', name: 'Assistant',
	  group: 'AI' },
	{ path: '/ai/settings', module: 'page_keys', name: 'AI keys',
	  group: 'AI' },
	{ path: '/admin/audit', module: 'page_audit', name: 'Audit',
	  group: 'Administration', role: 'admin' },
	{ path: '/admin/settings', module: 'page_settings', name: 'Settings',
	  group: 'Administration', role: 'admin' },
	{ path: '/api', module: 'page_api', name: 'API',
	  group: 'Administration' },
	{ path: '/account', module: 'page_account', name: 'My account',
	  group: 'Administration' },
	{ path: '/login', module: 'page_login', name: 'Sign in', open: true },
];

function match(pattern, path) {
	const want = pattern.split('/'), have = path.split('/');
	if (want.length !== have.length)
		return null;
	const params = {};
	for (let i = 0; i < want.length; i++) {
		if (want[i].startsWith(':'))
			params[want[i].slice(1)] = have[i];
		else if (want[i] !== have[i])
			return null;
	}
	return params;
}

export function find(path) {
	for (const page of PAGES) {
		const params = match(page.path, path);
		if (params)
			return { page, params };
	}
	return null;
}
