import { PassThrough } from 'node:stream';
import test from 'ava';
import { demo } from '../../src/commands/demo.ts';
import { needs } from './typed.ts';
import { run } from './run.ts';

/** What the demo measured. */
function figures(text: string) {
  const [, answered, tokenCalls, seen] =
    /^(\d+) of 200 answered · (\d+) token calls? · (\d+) callers? saw the 401$/m.exec(text) ?? [];
  const reasons = [...text.matchAll(/^ {3}Not answered: (\d+) × (.*)$/gm)].map(([, count, why]) => [
    Number(count),
    why,
  ]);
  return { answered: Number(answered), tokenCalls: Number(tokenCalls), seen: Number(seen), reasons };
}

/** Runs the demo with a control call of the simulators between the revocation and the requests. */
async function disturbed(control: string) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  stderr.resume();
  const code = await demo(
    { stdout, stderr, json: false, env: {}, cwd: '/', color: false },
    {
      afterRevoking: async (origin) => {
        const answer = await fetch(`${origin}/_control/${control}`, { method: 'POST' });
        await answer.text();
        if (!answer.ok) throw new Error(`${control}: ${answer.status}`);
      },
    },
  );
  return { code, text, ...figures(text) };
}

test.serial(
  'the demo needs no config, no proxy of the environment gets in its way, and it ends by itself',
  async (t) => {
    const env = { OUTRIDER_CONFIG: '/nowhere', HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' };
    const { code, stdout, stderr } = await run(t, ['demo'], { env });
    t.is(stderr, '');
    t.is(code, 0, stdout);
    t.regex(stdout, /^200 of 200 answered · 1 token call · 0 callers saw the 401$/m);
    const [, rejected] = /rejected (\d+) requests? with 401/.exec(stdout) ?? [];
    t.true(Number(rejected) > 0, 'the revocation was felt');
    t.regex(stdout.trimEnd().split('\n').at(-1) ?? '', /`outrider init \w+`/);
  },
);

test.serial('where no token is to be had, it says so and fails', async (t) => {
  const { code, answered, tokenCalls, reasons, text } = await disturbed('fail?target=token&status=503');
  t.is(code, 1);
  t.is(answered, 0, text);
  t.true(tokenCalls >= 1);
  t.is(
    reasons.reduce((sum, [count]) => sum + Number(count), 0),
    200,
  );
});

test.serial('where callers see the rejection, it counts them and fails', async (t) => {
  const { code, answered, seen, reasons, text } = await disturbed('fail?target=api&status=401');
  t.is(code, 1, text);
  t.deepEqual([answered, seen], [0, 200]);
  t.deepEqual(reasons, [[200, 'status 401']]);
});

test.serial('where some of the requests fail, it counts the others and fails', async (t) => {
  const { code, answered, seen, text } = await disturbed('fail?target=api&status=503&count=7');
  t.is(code, 1, text);
  t.deepEqual([answered, seen], [193, 0]);
  t.deepEqual(figures(text).reasons, [[7, 'status 503']]);
});

const shell = needs('bash');
shell.test(`without enough file descriptors it fails, with true figures${shell.why}`, async (t) => {
  const under = ['bash', '-c', 'ulimit -n 120; exec "$@"', 'bash'];
  const { code, stdout } = await run(t, ['demo'], { under });
  t.is(code, 1, stdout);
  const { answered, reasons } = figures(stdout);
  t.true(answered < 200);
  t.is(answered + reasons.reduce((sum, [count]) => sum + Number(count), 0), 200);
});
