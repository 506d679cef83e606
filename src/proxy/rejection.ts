import type { Authorized, Authorizer } from '../auth/authorizer.ts';
import type { MaybePromise } from '../core/http.ts';
import { decodedBody } from './answer-decoding.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** The longest body that is read to judge an answer. */
const REJECTION_BODY_BYTES = 64 * 1024;

/** Whether a request carries something that can be renewed: a token, or a JWT that several requests use. */
const isRenewable = ({ generation, reused }: Authorized): boolean => generation !== 0 || reused !== 0;

/**
 * Whether an answer rejects the token in its request. The result is a promise only when the body decides.
 * @param sent The request that was sent; undefined when it had no credential.
 * @param isConditional Whether the caller sent a precondition, to which a 412 may be the answer.
 */
export function isRejection(
  authorizer: Authorizer | undefined,
  sent: Authorized | undefined,
  answer: UpstreamAnswer,
  isConditional: boolean,
): MaybePromise<boolean> {
  const { status, headers } = answer;
  if (!authorizer || !sent || !isRenewable(sent) || !authorizer.rejectStatuses.has(status)) return false;
  // This 412 may answer the caller's own precondition (RFC 9110 §15.5.13). Then it says nothing of the token.
  if (status === 412 && isConditional) return false;
  const judgement = authorizer.judge(status, headers);
  if (judgement !== 'needs_body') return judgement === 'rejected';
  return decodedBody(answer, REJECTION_BODY_BYTES).then(
    (body) => body !== undefined && authorizer.judge(status, headers, body) === 'rejected',
  );
}
