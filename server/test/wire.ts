// HTTP as bytes on a connection: requests are written as they are, answers are read until the server closes.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Writes the parts one after the other and reads until the server closes the connection. */
export async function exchangeWith(port: number, ...parts: (string | Buffer)[]): Promise<RawAnswer[]> {
  const socket = connect(port, '127.0.0.1');
  const text = received(socket);
  for (const part of parts) if (!socket.write(part)) await Promise.race([once(socket, 'drain'), text]);
  return answersIn(await text);
}

/** @returns everything that arrives; a connection that is reset counts as closed */
export async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

/** Splits what arrived by content lengths: an answer without one would swallow the next. `100 Continue` is no answer yet. */
export function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    const [line, ...fields] = rest.subarray(0, end).toString('latin1').split('\r\n') as [string, ...string[]];
    const headers = Object.fromEntries(
      fields.map((field) => [field.split(':', 1)[0]?.toLowerCase(), field.replace(/^[^:]*: */, '')]),
    );
    const status = Number(line.split(' ')[1]);
    const bodyEnd =
      end + 4 + (status === 100 || status === 204 ? 0 : Number(headers['content-length'] ?? rest.length));
    if (status !== 100) answers.push({ status, headers, body: rest.subarray(end + 4, bodyEnd).toString() });
    rest = rest.subarray(bodyEnd);
  }
  return answers;
}

export const head = (line: string, headers: Record<string, string | number> = {}) =>
  [
    `${line} HTTP/1.1`,
    ...Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');
export const chunked = (body: string, size = 4096) => {
  const chunks = body.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
};
