import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider, OutriderOptions } from '../helpers/outrider.ts';
import { blockOf, yamlOf } from './page.ts';

export interface Given extends OutriderOptions {
  /** What the piece on the page leaves to be said. */
  readonly profile?: object;
  readonly provider?: object;
  /** Further sections of the file. */
  readonly file?: object;
}

/** A file whose one provider, `p`, has the profile that a named piece of the page begins, without `version`. */
export function yamlOfPiece(name: string, upstream: string, { profile, provider, file }: Given = {}): string {
  const config = {
    profiles: { own: { ...(yamlOf(blockOf('piece', name).text) as object), ...profile } },
    providers: { p: { profile: 'own', ...provider } },
    routes: [{ match: { path: '/p' }, provider: 'p', upstream }],
    ...file,
  };
  return Object.entries(config)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');
}

/** A proxy with that file. */
export const startPiece = (t: ExecutionContext, name: string, upstream: string, given: Given = {}): Promise<Outrider> =>
  startOutrider(t, yamlOfPiece(name, upstream, given), given);
