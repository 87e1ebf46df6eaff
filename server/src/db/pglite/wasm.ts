// Compiles the embedded engine: 9 MB of WebAssembly.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { PGliteOptions } from '@electric-sql/pglite';

type Program = NonNullable<PGliteOptions['pgliteWasmModule']>;

/** Node.js has it, and its types do not know it. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { compile(bytes: Uint8Array): Promise<Program> };
};

let compiled: Promise<Program> | undefined;

/** Compiles it once per process, on threads of V8: if it begins before the server is loaded, both are done at the same time. */
export function compileWasm(): Promise<Program> {
  // Read synchronously: asynchronous reads would wait for the modules that are loaded meanwhile.
  compiled ??= WebAssembly.compile(
    readFileSync(createRequire(import.meta.url).resolve('@electric-sql/pglite/pglite.wasm')),
  );
  return compiled;
}
