// Tokens as nobody should accept them, made by hand: a library would refuse to sign most of these.
import { createHmac } from 'node:crypto';

/** What the tests' servers sign with. */
export const SECRET = 'a-secret-for-tests-of-at-least-32-bytes';

const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** @param payload an object, or JSON text that no object can be written as */
export function signed(
  payload: object | string,
  header: object = { alg: 'HS256', typ: 'JWT' },
  hash = 'sha256',
  secret = SECRET,
): string {
  const content = `${base64url(JSON.stringify(header))}.${base64url(typeof payload === 'string' ? payload : JSON.stringify(payload))}`;
  return `${content}.${createHmac(hash, Buffer.from(secret, 'utf8')).update(content).digest('base64url')}`;
}

export const decoded = (part = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

/** @returns the session of an access token */
export const sessionOf = (token: string): number => Number(decoded(token.split('.')[1]).sid);

/** @returns the claims of an access token that name its session */
export function sessionNameOf(token: string): { sid: number; nonce: string } {
  const { sid, nonce } = decoded(token.split('.')[1]);
  return { sid: Number(sid), nonce: String(nonce) };
}

/** Tokens that name the user and yet are not valid, by what is wrong with them. */
export function badTokens(user_id: number, token: string): Record<string, string> {
  const iat = Math.floor(Date.now() / 1000);
  const { sid, nonce } = sessionNameOf(token);
  const claims = { sub: String(user_id), sid, nonce, iat, exp: iat + 600 };
  const { exp: _, ...withoutExp } = claims;
  const { sub: __, ...withoutSub } = claims;
  const { sid: ___, ...withoutSid } = claims;
  const { nonce: ____, ...withoutNonce } = claims;
  const [header, payload = '', signature = ''] = token.split('.');
  const other = base64url(JSON.stringify({ ...decoded(payload), sub: String(user_id + 1) }));
  return {
    expired: signed({ ...claims, iat: iat - 600, exp: iat - 6 }),
    'issued in the future': signed({ ...claims, iat: iat + 60 }),
    'alg none': `${base64url('{"alg":"none","typ":"JWT"}')}.${payload}.`,
    'alg none, with a signature': signed(claims, { alg: 'none' }),
    'alg None': signed(claims, { alg: 'None' }),
    'alg nOnE, without a signature': `${base64url('{"alg":"nOnE"}')}.${payload}.`,
    'HS384 with the right key': signed(claims, { alg: 'HS384', typ: 'JWT' }, 'sha384'),
    'HS512 with the right key': signed(claims, { alg: 'HS512', typ: 'JWT' }, 'sha512'),
    'HS512 in the header alone': signed(claims, { alg: 'HS512', typ: 'JWT' }),
    'another key': signed(claims, undefined, undefined, `${SECRET}.`),
    'a kid that names an empty file, and the empty key': signed(
      claims,
      { alg: 'HS256', kid: '../../../dev/null' },
      'sha256',
      '',
    ),
    'a kid for a query, and another key': signed(claims, { alg: 'HS256', kid: "' or 1=1 --" }, 'sha256', '1'),
    'a kid of 4 KB, and another key': signed(
      claims,
      { alg: 'HS256', kid: 'k'.repeat(4096) },
      'sha256',
      `${SECRET}.`,
    ),
    'another payload': `${header}.${other}.${signature}`,
    'another signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'no signature': `${header}.${payload}.`,
    'older than any token lives': signed({ ...claims, iat: iat - 1806 }),
    'exp 1e400': signed(`{"sub":"${user_id}","sid":${sid},"nonce":"${nonce}","iat":${iat},"exp":1e400}`),
    'exp as a string': signed({ ...claims, exp: String(claims.exp) }),
    'exp null': signed({ ...claims, exp: null }),
    'no exp': signed(withoutExp),
    'not valid before tomorrow': signed({ ...claims, nbf: iat + 86_400 }),
    'no sub': signed(withoutSub),
    'sub empty': signed({ ...claims, sub: '' }),
    'sub with a condition': signed({ ...claims, sub: `${user_id} or 1=1` }),
    'sub of twenty digits': signed({ ...claims, sub: '9'.repeat(20) }),
    'sub as a number': signed({ ...claims, sub: user_id }),
    'sub as an object': signed({ ...claims, sub: { id: user_id } }),
    'sub as an array': signed({ ...claims, sub: [String(user_id)] }),
    'sub with a zero in front': signed({ ...claims, sub: `0${user_id}` }),
    'sub in hexadecimal': signed({ ...claims, sub: `0x${user_id.toString(16)}` }),
    'sub of no user': signed({ ...claims, sub: '2147483647' }),
    'sub beyond 32 bits': signed({ ...claims, sub: String(2 ** 32 + user_id) }),
    'sub of another user': signed({ ...claims, sub: String(user_id + 1) }),
    'no sid': signed(withoutSid),
    'sid as a string': signed({ ...claims, sid: String(sid) }),
    'sid as an array': signed({ ...claims, sid: [sid] }),
    'sid that is no integer': signed({ ...claims, sid: sid + 0.5 }),
    'sid of no session': signed({ ...claims, sid: 2_147_483_647 }),
    'sid beyond 32 bits': signed({ ...claims, sid: 2 ** 32 + sid }),
    'no nonce': signed(withoutNonce),
    'nonce null': signed({ ...claims, nonce: null }),
    'nonce empty': signed({ ...claims, nonce: '' }),
    'nonce of another session': signed({ ...claims, nonce: nonce.split('').reverse().join('') }),
    'nonce as an array': signed({ ...claims, nonce: [nonce] }),
    'nonce that is longer': signed({ ...claims, nonce: `${nonce}A` }),
    'a payload that is no object': signed('"user"'),
    'a critical header nobody knows': signed(claims, { alg: 'HS256', crit: ['x'], x: 1 }),
    'a payload that is not encoded (b64)': signed(claims, { alg: 'HS256', crit: ['b64'], b64: false }),
    'claims of the system before this one': signed({ user: user_id, user_id, expires: iat + 600 }),
    'a key that everybody knows': signed(claims, undefined, undefined, 'SECRET_KEY'),
  };
}

/** Authorization headers that are not exactly `Bearer <token>`. */
export const badHeaders = (token: string): string[] => [
  '',
  'Bearer',
  'Bearer ',
  token,
  `bearer ${token}`,
  `BEARER ${token}`,
  `Bearer  ${token}`,
  `Bearer\t${token}`,
  `Bearer:${token}`,
  `Bearer ${token}=`,
  `Bearer ${token} x`,
  `Bearer "${token}"`,
  `Bearer ${token}, Bearer ${token}`,
  `Basic ${token}`,
  `Token ${token}`,
  `Basic ${Buffer.from(`user:${token}`).toString('base64')}`,
];
