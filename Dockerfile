FROM node:26-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json rolldown.config.ts ./
COPY src src
RUN npm run build

FROM node:26-slim
# Memory: see "Running it for real" in the README.
ENV NODE_ENV=production XDG_STATE_HOME=/var/lib MALLOC_ARENA_MAX=1
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/outrider
WORKDIR /app
COPY --from=build /build/dist dist
COPY package.json ./
COPY config config
# With nothing mounted here the image runs the built-in simulators.
COPY proxy.config.yaml /etc/outrider/proxy.config.yaml
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "dist/outrider.cjs", "health"]
ENTRYPOINT ["node", "--max-semi-space-size=16", "dist/outrider.cjs"]
CMD ["start"]
