// The header If-Match (RFC 9110 §13.1.1): the versions that a change over REST applies to.
import { z } from 'zod';
import { AppError } from '../../trpc/errors.ts';
import { MAX_VERSION } from '../../trpc/fields.ts';

/** More versions than any client knows of one object. */
const MAX_TAGS = 100;

/** One entity tag with the comma behind it, or an empty place in the list. */
const TAG = /[ \t]*(?:(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y;

/** Compressing proxies weaken a tag or add a suffix: `"1-gzip"` (Apache), `"1--gzip"` (Jetty), `"1;br"`. */
const VERSION = /^(0|[1-9]\d*)(?:(?:--?|;)(?:gzip|br|zstd|deflate))?$/;

/** @returns the contract of a change for REST, which takes several versions. Over tRPC a change takes one */
export const acceptSeveralVersions = <S extends z.ZodRawShape>(contract: z.ZodObject<S>) =>
  contract.extend({ if_match: z.union([z.int(), z.array(z.int())]).optional() });

/**
 * Versions are exact, so a weak tag counts as a strong one, unlike in the RFC. A foreign tag matches nothing.
 * @returns the version or versions; undefined for any: without the header, and for `*`
 * @throws AppError VALIDATION if the header is not a list of entity tags
 */
export function parseIfMatch(header: string | undefined): number | number[] | undefined {
  if (header === undefined || header === '*') return undefined;
  const tags = parseTags(header);
  if (tags.length === 0)
    throw new AppError('VALIDATION', 'If-Match must hold ETags as they were given, or *');
  if (tags.length > MAX_TAGS) throw new AppError('VALIDATION', `If-Match may hold ${MAX_TAGS} ETags`);
  const versions = tags
    .map((tag) => Number(VERSION.exec(tag)?.[1]))
    .filter((version) => version <= MAX_VERSION);
  const [only] = versions;
  return versions.length === 1 ? only : versions;
}

/** @returns the tags without quotes; undefined if one of them is not an entity tag */
function parseTags(header: string): string[] {
  const tags: string[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < header.length) {
    const match = TAG.exec(header);
    if (!match) return [];
    if (match[1] !== undefined) tags.push(match[1]);
  }
  return tags;
}
