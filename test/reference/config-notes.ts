import type { Part } from './page.ts';

/** What a section of the config does beyond what its single keys say, below its table. */
export const CONFIG_NOTES: Readonly<Record<string, Part>> = {
  forward: `[Clients](clients.md) says what a program has to set for each mode. With \`environment: simulator\` the API and token URLs of the profile's other environments lead to
the simulator, at both forward doors. A route that you wrote for such a URL goes first.`,

  store: `With \`memory\`, tokens live as long as the process. A directory (\`file\`) serves the processes of one machine, and Redis serves replicas. With both of these
tokens survive a restart, and all who share a store make one token call among them.`,

  state_dir: `It is a directory of Outrider's own that nobody else can write to. On a mounted volume, name one below the mount point.`,

  timeouts: `\`timeouts.caller\` sees only that the kernel's buffer empties, in steps of some hundred KiB. A caller that reads less than that within the timeout counts as
reading nothing. While the provider accepts no more of a body, Outrider doesn't read from the caller either. A caller that leaves then is noticed when the provider
goes on, or after \`timeouts.response\`. What happens on SIGTERM is told under [\`start\`](commands.md#start).`,

  tracing: `Spans go out over OTLP/HTTP, as protobuf, or as JSON with \`OTEL_EXPORTER_OTLP_PROTOCOL=http/json\`. They are named by the conventions of OpenTelemetry for HTTP: the request,
\`wait for token\`, \`renew\`, and each attempt. They hold no query, no header and no secret. The caller's \`traceparent\` and \`tracestate\` (W3C) are taken up and passed on,
with the span of the attempt in place of the caller's; without them a new trace begins. A trace that comes with a request is sampled if its caller says so. A tunnel
that is passed on unseen has no span. \`headers: { remove: [traceparent, tracestate] }\` on a route keeps traces from its provider.

Where the file says nothing, the variables of OpenTelemetry hold: \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_HEADERS\`, \`OTEL_EXPORTER_OTLP_TIMEOUT\`, each of
them with \`OTEL_EXPORTER_OTLP_TRACES_\` in front too, \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\`, \`OTEL_SERVICE_NAME\` and \`OTEL_RESOURCE_ATTRIBUTES\`. \`OTEL_SDK_DISABLED=true\`
and \`OTEL_TRACES_EXPORTER=none\` switch traces off. A collector that is slow or away delays no request: 2 048 spans wait for it (\`OTEL_BSP_MAX_QUEUE_SIZE\`), and the log tells
once a minute how many were lost. It is reached as providers are, through \`HTTPS_PROXY\` and \`HTTP_PROXY\` where \`NO_PROXY\` doesn't say otherwise, and directly on this machine.`,

  audit: `One JSON document a line, in a file of mode 0600: a \`request\` for each one that carried a credential, written before the last byte of its answer goes out; a \`token\` for
each token call; a \`caller\` for each one that came, went or changed; and \`reload\`, \`start\` and \`stop\`. A line has its number in the trail (\`seq\`), its time, and the SHA-256 of the line before it (\`prev\`). With \`key\` its last
member is an HMAC-SHA256 of the line without that member. A request's line names its \`caller\`, and has no query, no header and no body, but \`body_sha256\`, the SHA-256 of the caller's body, where that
is held whole. [\`outrider audit verify\`](commands.md#audit-verify) finds the first line that was changed, dropped, inserted or swapped. That the end was cut off, it finds with a
\`--head\` that somebody else has kept: \`/api/status\` tells the newest one. Without \`key\`, whoever may write the file can write all of it anew; then only a kept head shows that.

With \`sync: 1s\` a killed process loses no line, and a machine without power those of the last second. With \`always\` each answer waits until its line is on the disk;
answers that end at the same time share one sync.

**Rotation**: rename the file, by logrotate or by hand. Within a second, and at once on SIGHUP, a new one is begun; its first line (\`begin\`) has the head of the one before in \`prev\`.
So \`outrider audit verify audit.jsonl.1 --head PREV\` shows that nothing is missing between the two. logrotate needs neither \`create\` nor \`postrotate\`; \`copytruncate\` loses the
lines in between, and \`verify\` finds that.

A process has a trail of its own: a second one on the same file is refused (\`audit_in_use\`), and replicas need a path each. While lines can't be written (a full disk), requests go on.
The log warns, \`outrider_audit_gaps_total\` counts, and when there is room again, a \`gap\` line says how many are missing. A line that a crash tore is kept; a \`torn\` line behind it says so.
\`outrider token\`, when no proxy runs, and \`outrider doctor\` make token calls of their own, which no trail has.
A file has one key: to change it, move the file away while the proxy is stopped. A new trail begins then.`,

  replay: `A body of up to \`replay.spool\` is kept for a replay: in memory up to \`replay.memory\` each, and \`limits.body_memory\` for all
together, beyond that in a file without a name. Larger bodies stream through, and their rejection is passed on. A body that is signed must be whole, up to
\`limits.signed_body\`.`,

  scrub: `Looked for are the secret credentials and tokens that went into a request, in each of its attempts, and each value that was made of one, if they have 12 characters
or more: as they are, written for URLs, forms or JSON, and in base64. Each one is overwritten with as many \`*\`, in the answer's headers and in the first MiB of its body, so that
lengths stay. Signatures are no secrets. A body with a content coding passes unsearched. With \`strict\` the provider is asked for none (\`Accept-Encoding: identity\`) and for
no ranges, and what comes with one all the same is answered with 502 \`upstream_bad_response\`. The end of a piece that may begin a secret waits for the next one; a finished event
of \`text/event-stream\` never does. Use \`off\` on a route whose answers are meant to hold the secret. What passes through a WebSocket is not searched, but the answer to its handshake.
This protects against accidents: a caller or provider that means harm can write a secret in another way.`,

  routes: `With \`websocket: true\` a WebSocket passes, at every door. The guard judges the handshake like any other request (a browser sends its \`Origin\`), and the credential is
put on it. Nothing else passes before the provider's 101. After it, everything passes unchanged both ways. No idle timeout closes an open WebSocket. It outlives a
reload, and after SIGTERM it has \`timeouts.drain\` to end. A handshake is never replayed: a 401 is passed on, with the token renewed for the next one. \`node:http\`
reads the answer to a handshake. So Node decides on bytes above 127 in the reason phrase, on the limit of the head, and on the words of an error. On all other routes
\`Upgrade\` is stripped.`,
};
