// What of OpenAPI 3.1 the document is made of.

export type Json = Record<string, unknown>;

export interface Parameter extends Json {
  readonly name: string;
  readonly in: string;
  readonly schema: Json;
  readonly required?: boolean;
}

/** A body of one media type. */
export interface MediaType {
  schema: Json;
  example?: unknown;
  examples?: Record<string, { summary?: string; value: unknown }>;
}

export interface Operation extends Json {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, MediaType> };
  responses: Record<string, Json>;
}

export interface OpenApiDocument extends Json {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: Json };
}

export const SCHEMAS = '#/components/schemas/';

export const refTo = (name: string): Json => ({ $ref: SCHEMAS + name });
