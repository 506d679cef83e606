import type { ExecutionContext } from 'ava';
import type { Outrider } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import type { RawAnswer } from '../helpers/raw.ts';
import type { Arrival, Upstream } from '../helpers/upstream.ts';
import { givenPlain } from '../contract/given.ts';

/** What an upstream does with one request; it writes and closes as it likes. */
export type Script = (arrival: Arrival) => unknown;

/** What a caller made of it. */
export type Seen =
  | { readonly kind: 'answer'; readonly answer: RawAnswer }
  | { readonly kind: 'problem'; readonly status: number; readonly code: string; readonly outcome: string }
  /** The connection closed before a whole answer had come. */
  | { readonly kind: 'cut'; readonly text: string };

export interface Stage {
  readonly outrider: Outrider;
  readonly upstream: Upstream;
  /** Sends one request that the upstream answers by `script`. */
  readonly play: (script: Script, options?: PlayOptions) => Promise<Seen>;
  /** Sends one more request, and asserts that it gets its own answer. */
  readonly next: (what: string) => Promise<void>;
}

export interface PlayOptions {
  readonly method?: string;
  /** Headers and body, as bytes. */
  readonly rest?: string;
  readonly ms?: number;
}

/** Writes the bytes (latin1), then leaves the connection, ends it or resets it. */
export const writes =
  (bytes: string, then: 'stay' | 'end' | 'reset' = 'stay'): Script =>
  async (arrival) => {
    await arrival.write(bytes);
    if (then !== 'stay') arrival[then]();
  };

export interface Callers {
  /** One request on a connection of its own. */
  readonly ask: (target: string, options: PlayOptions) => Promise<Seen>;
}

export const givenCallers = (t: ExecutionContext, port: number): Callers => ({
  async ask(target, { method = 'GET', rest = '\r\n', ms = 10_000 }) {
    const client = await rawClient(t, port);
    try {
      const answer = client.answer({ toHead: method === 'HEAD', ms });
      await client.send(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${rest}`);
      return seenOf(await answer);
    } catch (error) {
      if (!/connection closed/.test(String(error))) throw error;
      return { kind: 'cut', text: client.received().toString('latin1') };
    } finally {
      client.socket.destroy();
    }
  },
});

/** The proxy before an upstream that answers each request by a script of its own. */
export async function givenStage(t: ExecutionContext, extra = ''): Promise<Stage> {
  const scripts = new Map<string, Script>();
  let played = 0;
  const { outrider, upstream } = await givenPlain(t, {
    extra,
    handler: async (arrival) => {
      const script = scripts.get(arrival.target);
      await (script ? script(arrival) : arrival.reply(200, { body: `for ${arrival.target}` }));
    },
  });
  const { ask } = givenCallers(t, outrider.port);
  return {
    outrider,
    upstream,
    async play(script, options = {}) {
      const target = `/play/${++played}`;
      scripts.set(target, script);
      try {
        return await ask(`/api${target}`, options);
      } finally {
        scripts.delete(target);
      }
    },
    async next(what) {
      const target = `/next/${++played}`;
      const seen = await ask(`/api${target}`, {});
      t.is(seen.kind === 'answer' ? seen.answer.text : JSON.stringify(seen), `for ${target}`, `after ${what}`);
    },
  };
}

function seenOf(answer: RawAnswer): Seen {
  if (answer.header('content-type') !== 'application/problem+json' || answer.text === '')
    return { kind: 'answer', answer };
  const { code, outcome } = JSON.parse(answer.text) as { code: string; outcome: string };
  return { kind: 'problem', status: answer.status, code, outcome };
}

/** In one line, for a table: `200 ab`, `502 upstream_bad_response unknown`, `cut`. */
export function told(seen: Seen): string {
  if (seen.kind === 'cut') return 'cut';
  if (seen.kind === 'problem') return `${seen.status} ${seen.code} ${seen.outcome}`;
  const { status, text } = seen.answer;
  return text === '' ? String(status) : `${status} ${text}`;
}

export const REFUSED = '502 upstream_bad_response unknown';
