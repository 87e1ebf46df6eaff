// Starts Swagger UI, whose script comes before this one.

/** Where all paths begin, also behind a path prefix that a proxy cuts off. */
const root = new URL('..', import.meta.url).href.replace(/\/$/, '');

/** The server that this page comes from is the only one that its policy lets it call, whatever the document names. */
const callsThisServer = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec:
          (/** @type {(document: object) => unknown} */ original) => (/** @type {object} */ document) =>
            original({ ...document, servers: [{ url: root }] }),
      },
    },
  },
};

/** Swagger UI shows an answer when it is complete, and a stream never is. */
const triesNoStreams = {
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor:
          (/** @type {unknown} */ _original, /** @type {SwaggerUISystem} */ { specSelectors }) =>
          (/** @type {unknown} */ _state, /** @type {string} */ path, /** @type {string} */ method) =>
            !specSelectors
              .specJson()
              .hasIn(['paths', path, method, 'responses', '200', 'content', 'text/event-stream']),
      },
    },
  },
};

SwaggerUIBundle({
  url: `${root}/openapi.json`,
  dom_id: '#swagger-ui',
  deepLinking: true,
  // Swagger UI would send the document to a host of its own for that.
  validatorUrl: null,
  plugins: [callsThisServer, triesNoStreams],
});
