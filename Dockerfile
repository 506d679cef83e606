# A base of your own will do: any with Node 26 and Debian's programs.
ARG BASE=node:26.10.0-trixie-slim@sha256:ec7758ee051e457b468b32bde57b0879010b325bb9862718e9615225ce4aaae1

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json rolldown.config.ts ./
COPY src src
RUN npm run build

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Outrider" \
      org.opencontainers.image.description="An HTTP proxy that puts the right credentials on outbound requests." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The first process of a container has to reap what others leave behind, which Node doesn't.
RUN command -v tini || (apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*)
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/outrider
# The last two keep memory small under a flood: see "Running it for real" in the README.
ENV NODE_ENV=production \
    XDG_STATE_HOME=/var/lib \
    OUTRIDER_LISTEN=0.0.0.0:8080 \
    MALLOC_ARENA_MAX=1 \
    NODE_OPTIONS=--max-semi-space-size=16
WORKDIR /app
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY config config
# With nothing mounted here the image runs the built-in simulators.
COPY proxy.config.yaml /etc/outrider/proxy.config.yaml
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "dist/outrider.cjs", "health"]
ENTRYPOINT ["tini", "-s", "--", "node", "dist/outrider.cjs"]
CMD ["start"]
