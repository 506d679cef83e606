import test from 'ava';
import { ERRORS, OutriderError } from '../../src/core/errors.ts';
import { problemJson } from '../../src/core/problem.ts';

test('a problem tells code, detail, remedy and outcome, in that spelling', (t) => {
  const error = new OutriderError('upstream_timeout', { detail: 'no answer within 60 s', outcome: 'not_sent' });
  t.deepEqual(JSON.parse(problemJson(error, 'abc', 'phonepe')), {
    type: 'urn:outrider:error:upstream_timeout',
    title: ERRORS.upstream_timeout.title,
    status: 504,
    code: 'upstream_timeout',
    detail: 'no answer within 60 s',
    remedy: ERRORS.upstream_timeout.remedy,
    request_id: 'abc',
    outcome: 'not_sent',
    route: 'phonepe',
  });
});

test('a problem without a route has no `route`, and a replaced status is the one shown', (t) => {
  const error = new OutriderError('client_unauthenticated', { detail: 'no token', status: 407 });
  const body = JSON.parse(problemJson(error, 'abc')) as Record<string, unknown>;
  t.false('route' in body);
  t.is(body['status'], 407);
});

test('the cause of an error is not in its answer', (t) => {
  const error = new OutriderError('internal_error', { detail: 'it broke', cause: new Error('hush-hush') });
  t.notRegex(problemJson(error, 'abc'), /hush/);
});
