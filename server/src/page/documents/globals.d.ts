// What the scripts of Swagger UI and ReDoc leave in the window.
declare function SwaggerUIBundle(options: object): unknown;

declare const Redoc: { init(source: object | string, options: object, element: HTMLElement | null): void };

interface SwaggerUISystem {
  readonly specSelectors: { specJson(): { hasIn(path: readonly string[]): boolean } };
}
