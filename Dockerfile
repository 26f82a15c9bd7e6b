# syntax=docker/dockerfile:1
# The program without the embedded services, as an unprivileged user. Used by docker-compose.kafka.yml; docs/containers.md.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The sources come after: as long as the lock file is the same, this layer is kept.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages are the PostgreSQL of `syncline up`, which is not for containers.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:24-slim
# Less memory for new objects: a fifth less in all, for little more CPU (docs/benchmarks.md).
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=8
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER node
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 CMD ["node", "/app/dist/cli/live.js"]
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["--help"]
