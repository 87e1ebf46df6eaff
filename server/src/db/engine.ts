// The embedded engine's program: 9 MB of WebAssembly.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { PGliteOptions } from '@electric-sql/pglite';

type Program = NonNullable<PGliteOptions['pgliteWasmModule']>;

/** Node.js has it, and its types do not know it. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { compile(bytes: Uint8Array): Promise<Program> };
};

let compiled: Promise<Program> | undefined;

/** Compiles it, once in a process, on threads of V8's own: begun before the server is loaded, it is done when that is. */
export function compileWasm(): Promise<Program> {
  // Read at once: what is read piece by piece waits for modules that are loaded meanwhile.
  compiled ??= WebAssembly.compile(
    readFileSync(createRequire(import.meta.url).resolve('@electric-sql/pglite/pglite.wasm')),
  );
  return compiled;
}
