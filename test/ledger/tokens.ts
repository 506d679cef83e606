/** The clients that the provider knows, and what its token endpoint does to each. */
export const CLIENTS = { shop: 'answers', till: 'answers', unlucky: 'fails' } as const;
export type Client = keyof typeof CLIENTS;

const REFUSAL = '{"error":"invalid_client"}';

export interface TokenAnswer {
  readonly status: number;
  readonly body: string;
}

/** The tokens that one provider has given out. */
export class Tokens {
  lifetimeMs: number;
  /** While set, the endpoint answers this. */
  failure: number | undefined;
  calls = 0;
  revocations = 0;
  /** The number of the one call that fails, whoever makes it. */
  readonly #unluckyCall: number | undefined;
  #valid = new Map<string, number>();

  constructor(lifetimeMs: number, unluckyCall?: number) {
    this.lifetimeMs = lifetimeMs;
    this.#unluckyCall = unluckyCall;
  }

  isGood(authorization: string | undefined): boolean {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
    return Date.now() < (this.#valid.get(token ?? '') ?? 0);
  }

  revoke(): void {
    this.revocations += 1;
    this.#valid.clear();
  }

  /** Client credentials in a form. */
  answer(form: URLSearchParams): TokenAnswer {
    this.calls += 1;
    const client = form.get('client_id') ?? '';
    if (!Object.hasOwn(CLIENTS, client)) return { status: 401, body: REFUSAL };
    const isUnlucky = CLIENTS[client as Client] === 'fails' || this.calls === this.#unluckyCall;
    const status = isUnlucky ? 503 : this.failure;
    if (status !== undefined) return { status, body: '{"error":"temporarily_unavailable"}' };
    const token = `token-${client}-${this.calls}`;
    const now = Date.now();
    for (const [old, endsAt] of this.#valid) if (endsAt < now) this.#valid.delete(old);
    this.#valid.set(token, now + this.lifetimeMs);
    const body = { access_token: token, token_type: 'Bearer', expires_in: this.lifetimeMs / 1_000 };
    return { status: 200, body: JSON.stringify(body) };
  }
}
