import test from 'ava';
import { ERRORS } from '../../src/core/errors.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { ADMIN_ENDPOINTS } from './admin-endpoints.ts';

const YAML = `
admin: { address: 127.0.0.1:0 }
providers: { phonepe: { profile: phonepe, environment: simulator } }
routes: [{ provider: phonepe, match: { path: /phonepe } }]
`;

const detailOf = ({ text }: { readonly text: string }): string => (JSON.parse(text) as { detail: string }).detail;

test('the reference has every resource of the admin address, each with its method, and no other', async (t) => {
  const { adminOrigin = '' } = await startOutrider(t, YAML);
  const served = detailOf(await httpCall(adminOrigin, '/nothing')).match(/\/[\w/]*/g);
  t.deepEqual(
    ADMIN_ENDPOINTS.map(({ path }) => path),
    served,
  );
  for (const { method, path } of ADMIN_ENDPOINTS) {
    const refused = await httpCall(adminOrigin, path, { method: 'DELETE' });
    t.is(refused.header('allow'), method === 'GET' ? 'GET, HEAD' : method, path);
  }
});

test('the reference has every parameter of the requests, and each error of a resource exists', async (t) => {
  const { adminOrigin = '' } = await startOutrider(t, YAML);
  const detail = detailOf(await httpCall(adminOrigin, '/api/requests?nothing=1'));
  const [, names = ''] = /^the parameters are (.*), each of them once$/.exec(detail) ?? [];
  const { query = {} } = ADMIN_ENDPOINTS.find(({ path }) => path === '/api/requests') ?? {};
  t.deepEqual(Object.keys(query), names.split(', '));
  const errors = ADMIN_ENDPOINTS.flatMap(({ errors: own = [] }) => own);
  t.deepEqual(
    errors.filter((code) => !Object.hasOwn(ERRORS, code)),
    [],
  );
});
