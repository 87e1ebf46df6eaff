// The fields that more than one contract is made of.
import { z } from 'zod';

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Text that survives the way to the database and back: no NUL (PostgreSQL refuses it), no half surrogate (it would become U+FFFD). */
const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** Something a reader would see: not only white space, control or format characters. */
const isBlank = (text: string): boolean => !/[^\p{White_Space}\p{Cc}\p{Cf}]/u.test(text);

/** Text of at most `max` characters (code points), which may be empty. Kept byte for byte. */
export const textOrEmpty = (max: number) =>
  z
    .string()
    .refine(storable, 'must be well-formed Unicode without NUL')
    .refine((text) => text.length <= max || codePoints(text) <= max, `must have at most ${max} characters`)
    .meta({ maxLength: max });

/** Text of 1 to `max` characters (code points) that is not blank. Kept byte for byte. */
export const text = (max: number) =>
  textOrEmpty(max)
    .refine((value) => !isBlank(value), 'must not be blank')
    .meta({ minLength: 1, maxLength: max });

/** A password as it is chosen. The server's settings can ask for more characters. */
export const newPassword = z
  .string()
  .refine(storable, 'must be well-formed Unicode without NUL')
  .refine((value) => value.length <= 256 && codePoints(value) <= 128, 'must have at most 128 characters')
  .meta({ minLength: 8, maxLength: 128, format: 'password', examples: ['correct horse battery'] });

/** A password as it is typed in again: its length is nobody's hint. */
export const password = z
  .string()
  .refine(storable, 'must be well-formed Unicode without NUL')
  .refine((value) => value.length > 0 && value.length <= 1024, 'must have 1 to 1024 characters')
  .meta({ minLength: 1, maxLength: 1024, format: 'password', examples: ['correct horse battery'] });

/** @returns whether `value` has at least `min` characters (code points) */
export const hasLength = (value: string, min: number): boolean => codePoints(value) >= min;

export const id = z.int().min(1).max(2_147_483_647);

/** `{ id }`: the object that a procedure is about. On REST it comes from the path. */
export const ById = z.object({ id });

/** A page of a list, newest first. */
export const Page = z.object({
  limit: z
    .int()
    .min(1)
    .max(500)
    .default(100)
    .describe('How many rows at most; where texts are long there are fewer, and only an empty page is the end'),
  before_id: id.optional().describe('Only rows older than this one: the last id of the page before'),
});

/** The caller's own id, which old clients send along; any other is "not found" (procedures.ts). */
export const user_id = id.optional().describe('The id of the caller; may be left out');

/** Of a version, where a client names one. */
export const MAX_VERSION = 999_999_999;

/** The version of an object that a change is meant for. On REST it is the header If-Match, which may name several. */
export const if_match = z.int().min(1).max(MAX_VERSION).optional().describe('Only if the version is still this one');

export const version = z.int().describe('Counts the changes');

export const message = z.string();
