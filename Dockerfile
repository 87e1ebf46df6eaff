# production (the default) is what gets deployed; --target dev is what docker-compose.yml runs.
# Both the classic builder and BuildKit build it.

FROM node:24-bookworm-slim AS base
WORKDIR /app
# The embedded database and a generated key would live here; a volume mounted on it takes its owner over.
RUN mkdir .data && chown node:node .data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/health`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# What an installation reads, so that a change of the sources does not install again.
FROM base AS manifests
RUN npm install --global pnpm@12.21.0
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY patches patches
COPY server/package.json server/
COPY client/package.json client/

FROM manifests AS dev
ENV NODE_ENV=development
RUN pnpm install --frozen-lockfile && rm -rf /root/.local /root/.cache
COPY --chown=node:node drizzle drizzle
COPY --chown=node:node server server
USER node
# docker-compose.yml: the database leaves its password there.
ENTRYPOINT ["sh", "-c", "if [ -r /secrets/postgres ]; then export PGPASSWORD=\"$(cat /secrets/postgres)\"; fi; exec \"$@\"", "sh"]
# Not `node --watch`: on Linux it stops seeing a file once an editor or git has replaced it instead of writing into it.
CMD ["node_modules/.bin/nodemon", "--watch", "server/src", "--ext", "ts,js,css,html", "--ignore", "*.test.ts", "--signal", "SIGTERM", "--exec", "node", "server/src/main.ts"]

FROM manifests AS build
RUN pnpm install --prod --frozen-lockfile --filter @stepwise/server
# The compiler comes as a peer that @trpc/server needs for its types alone; types and source maps are not read at run time.
RUN rm -rf node_modules/.pnpm/typescript@* node_modules/.pnpm/@typescript+* \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
  && find node_modules server/node_modules -name .bin -prune -exec rm -rf {} + \
  && find node_modules server/node_modules -xtype l -delete
COPY drizzle drizzle
COPY server server
# Any user may read it, whatever the umask of the machine that builds.
RUN chmod -R a+rX drizzle server node_modules

FROM base AS production
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compiled
RUN mkdir .compiled && chown node:node .compiled
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/drizzle drizzle
COPY --from=build /app/server server
USER node
# What a start would compile and strip of its types before it listens, a fifth of it, in every new container.
RUN node server/scripts/compile.ts
# Node.js is process 1: SIGTERM reaches it, and it closes with grace. The flag: docs/decisions/0012-runtime.md.
CMD ["node", "--max-semi-space-size=32", "server/src/main.ts"]
