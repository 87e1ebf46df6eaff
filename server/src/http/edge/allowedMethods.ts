import type { FastifyInstance } from 'fastify';

/**
 * Records every route that is registered after this call.
 * @returns `methodsOf(path)`: the methods that the routes of a path answer, an empty list for an unknown path
 */
export function collectAllowedMethods(app: FastifyInstance): { methodsOf(path: string): readonly string[] } {
  const table = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return;
    const pattern = new RegExp(
      `^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replace(/\/$/, '')}/?$`,
    );
    const entry = table.get(url) ?? { pattern, methods: new Set<string>() };
    for (const name of [method].flat()) entry.methods.add(name);
    table.set(url, entry);
  });
  return {
    methodsOf(path) {
      const methods = new Set<string>();
      for (const entry of table.values())
        if (entry.pattern.test(path)) for (const method of entry.methods) methods.add(method);
      return methods.size === 0 ? [] : [...methods.add('OPTIONS')].sort();
    },
  };
}
