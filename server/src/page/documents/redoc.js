// Starts ReDoc, whose script comes before this one.

/** Where all paths begin, also behind a path prefix that a proxy cuts off. */
const root = new URL('..', import.meta.url).href.replace(/\/$/, '');
const url = `${root}/openapi.json`;

const answer = await fetch(url);
// ReDoc says itself what is wrong with a document that it cannot read.
const source = answer.ok ? { ...(await answer.json()), servers: [{ url: root }] } : url;
Redoc.init(source, { downloadUrls: [{ title: 'OpenAPI document', url }] }, document.getElementById('redoc'));
