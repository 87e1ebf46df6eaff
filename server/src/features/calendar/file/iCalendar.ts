// Writes iCalendar (RFC 5545, with the properties of RFC 7986): entries of whole days and nothing else, so that no time
// zone has to be described. docs/decisions/0022-calendar-file.md says why no package does it.

/** An entry of a whole day. */
export interface CalendarEntry {
  /** Of all entries of all calendars there is one with it. */
  readonly uid: string;
  /** `YYYY-MM-DD` */
  readonly date: string;
  readonly summary: string;
  /** Empty: none. */
  readonly description: string;
}

export interface CalendarFile {
  readonly name: string;
  /** When what the entries tell was last changed. */
  readonly changed_at: Date;
  readonly entries: readonly CalendarEntry[];
}

/** How often a program should ask for the file again. */
const REFRESH = 'PT1H';

/** Octets of a line, without its end. */
const MAX_LINE_OCTETS = 75;

const DAY_MS = 86_400_000;

/** @returns the file: lines end with CRLF, and the same content is always the same text */
export function writeCalendar({ name, changed_at, entries }: CalendarFile): string {
  const title = escapeText(name);
  const stamp = `${changed_at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Stepwise//Stepwise//EN',
    'CALSCALE:GREGORIAN',
    `NAME:${title}`,
    `X-WR-CALNAME:${title}`,
    `REFRESH-INTERVAL;VALUE=DURATION:${REFRESH}`,
    `X-PUBLISHED-TTL:${REFRESH}`,
    ...entries.flatMap((entry) => linesOf(entry, stamp)),
    'END:VCALENDAR',
  ]
    .map((line) => `${folded(line)}\r\n`)
    .join('');
}

const linesOf = ({ uid, date, summary, description }: CalendarEntry, stamp: string): string[] => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  `DTSTAMP:${stamp}`,
  `DTSTART;VALUE=DATE:${dateValue(date)}`,
  // Not included: the entry ends with its day.
  `DTEND;VALUE=DATE:${dateValue(new Date(Date.parse(date) + DAY_MS).toISOString())}`,
  `SUMMARY:${escapeText(summary)}`,
  ...(description === '' ? [] : [`DESCRIPTION:${escapeText(description)}`]),
  // The day stays free for other things.
  'TRANSP:TRANSPARENT',
  'END:VEVENT',
];

const dateValue = (date: string): string => date.slice(0, 10).replaceAll('-', '');

/**
 * A value of the type TEXT. Whatever any program takes for the end of a line becomes `\n`; other control characters have
 * no escape and are dropped.
 */
const escapeText = (text: string): string =>
  text
    .replaceAll(/\r\n|[\r\n\u0085\u2028\u2029]/g, '\n')
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '')
    .replaceAll(/[\\;,]/g, (character) => `\\${character}`)
    .replaceAll('\n', '\\n');

/** Breaks a long line between characters; the space at the beginning of the next line is not part of it. */
function folded(line: string): string {
  if (Buffer.byteLength(line) <= MAX_LINE_OCTETS) return line;
  let [text, octets] = ['', 0];
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > MAX_LINE_OCTETS) {
      text += '\r\n ';
      octets = 1;
    }
    text += character;
    octets += size;
  }
  return text;
}
