import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import { readCurl } from '../../src/commands/curl.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { configFile, run } from './run.ts';
import { needs } from './typed.ts';

const dir = mkdtempSync(join(tmpdir(), 'outrider-curl-'));
writeFileSync(join(dir, 'body.json'), '{\r\n  "a": 1\0\n}\n');
writeFileSync(join(dir, 'photo.png'), Buffer.from([0, 1, 2, 255, 13, 10]));
anyTest.after.always(() => rmSync(dir, { recursive: true, force: true }));
const read = (file: string): Buffer => readFileSync(join(dir, file));

/** Each with U for the URL of an upstream. */
const LINES: readonly (readonly string[])[] = [
  ['U/a?b=c'],
  ['-sSXPUT', 'U/a', '-d', 'x=1'],
  ['U', '--data', 'x=1', '-d', 'y=2'],
  ['U/a', '-d@body.json'],
  ['U/a', '--data-binary', '@body.json', '-H', 'content-type: application/json'],
  ['U/a', '--data-raw', '@body.json'],
  ['U/a', '--data-urlencode', 'n=a b&c=é/~', '--data-urlencode', '=x y', '--data-urlencode', 'f@body.json'],
  ['-G', 'U/a', '-d', 'x=1', '--data-urlencode', 'y=a b'],
  ['-G', 'U/a?z=0', '-d', 'x=1'],
  ['U/a', '--json', '{"a":', '--json', '1}'],
  ['--json', '@body.json', 'U/a', '-H', 'Accept: text/plain'],
  ['U/a', '-u', 'me:p:w'],
  ['U/a', '--oauth2-bearer', 'abc'],
  ['U/a', '-A', 'shop/1', '-e', 'http://x.test/', '-b', 'a=1; b=2', '-r', '0-9'],
  ['U/a', '-H', 'User-Agent:', '-H', 'Accept:', '-H', 'X-Empty;', '-H', 'X-B:c  '],
  ['-I', 'U/a'],
  ['-kvi', '-o', '/dev/null', '-m', '5', 'U/a'],
  ['-L', '--compressed', 'U/a', '-H', 'Accept-Encoding: gzip'],
  ['U/a/./b/../c/..'],
  ['U/../../a//b'],
  ['--path-as-is', 'U/a/../b'],
  ['U/a#frag'],
  ['-g', 'U/a{b}[c]'],
  ['-T', 'photo.png', 'U/up'],
  ['U/f', '-F', 'a=b', '-F', 'file=@photo.png', '-F', 'text=<body.json', '--form-string', 's=@x;y'],
  ['U/f', '-F', 'file=@photo.png;type=image/x;filename=other.bin', '-F', 'j={"a":1};type=application/json'],
  ['-X', 'DELETE', '--url', 'U/a'],
  ['--', 'U/a'],
];

const { test, why } = needs('curl');
for (const line of LINES) {
  test(`curl ${line.join(' ')} is read as curl sends it${why}`, async (t) => {
    const upstream = await startUpstream(t);
    const words = line.map((word) => word.replace(/^U/, upstream.origin));
    const child = spawn('curl', ['-q', ...words], { cwd: dir, stdio: 'ignore', env: { PATH: process.env['PATH'] } });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const arrival = await upstream.request(1);
    const { bytes } = await arrival.body();
    await arrival.reply(200, {});
    await ended;

    const found = readCurl(words, read);
    const boundaryOf = (text: string): string => /boundary=(\S+)/.exec(text)?.[1] ?? '-';
    const sentHeaders = arrival.headers.join('\n');
    const plain = (text: string, boundary: string): string => text.replaceAll(boundary, 'BOUNDARY');
    const url = new URL(upstream.origin);
    t.is(`${found.method} ${found.url.slice(url.origin.length)}`, `${arrival.method} ${arrival.target}`);
    t.is(
      plain(found.body?.toString('latin1') ?? '', boundaryOf(found.headers.join('\n'))),
      plain(Buffer.from(bytes).toString('latin1'), boundaryOf(sentHeaders)),
    );
    const own = new Set(['host', 'content-length', 'expect', 'user-agent']);
    const fields = (list: readonly string[], boundary: string): string[] =>
      list
        .flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${plain(list[i + 1] ?? '', boundary)}`] : []))
        .filter((field) => !own.has(field.split(':')[0] as string) || field.includes('shop/1'))
        .toSorted();
    t.deepEqual(
      fields(found.headers, boundaryOf(found.headers.join('\n'))),
      fields(arrival.headers, boundaryOf(sentHeaders)),
    );
  });
}

for (const [line, expected] of [
  [['--foo', 'http://a.test'], /option --foo is not understood/],
  [['-K', 'x', 'http://a.test'], /option -K is not understood/],
  [['--http2', 'http://a.test'], /option --http2 /],
  [['--proxytunnel', 'http://a.test'], /option --proxytunnel /],
  [['-sZ', 'http://a.test'], /option -Z /],
  [['--next', 'http://a.test'], /option --next /],
  [['--data=x', 'http://a.test'], /option --data is not/],
  [['http://a.test', '-x', 'me:%@127.0.0.1:8080'], /of -x are not/],
  [[], /names no URL/],
  [['http://a.test', 'http://b.test'], /one URL at a time/],
  [['http://a.test/{a,b}'], /one URL at a time/],
  [['http://a.test', '-d'], /-d wants a value/],
  [['http://a.test', '--header'], /--header wants a value/],
  [['http://a.test', '-u', 'me'], /-u is written name:password/],
  [['http://a.test', '-b', 'jar.txt'], /-b with a file/],
  [['http://a.test', '-H', '@file'], /-H @file/],
  [['http://a.test', '-H', 'no colon'], /-H is written/],
  [['http://a.test', '-H', 'a: b\r\nc: d'], /-H is written/],
  [['http://a.test', '-X', 'get'], /"get" is not a method/],
  [['http://a.test', '-d', 'a', '-F', 'b=c'], /several methods at once/],
  [['http://a.test', '-I', '-d', 'a'], /several methods at once/],
  [['http://a.test', '-F', 'b'], /-F is written/],
  [['http://a.test', '-F', 'b=c;headers=x'], /only type= and filename=/],
] as const) {
  anyTest(`a line that is not understood is an error: curl ${line.join(' ')}`, (t) => {
    t.throws(() => readCurl(line, read), { message: expected, code: 'bad_curl_line' });
  });
}

const YAML = `version: 1
providers: { signed: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: M1, salt_key: salty-salt-salt } } }
forward: { mode: plain }
routes: [{ provider: signed, match: { path: /signed } }]
`;

anyTest.serial('a pasted curl line is explained as the request that it makes', async (t) => {
  const { dir: place, file } = configFile(t, YAML);
  writeFileSync(join(place, 'body.json'), '{\n"a":1}\n');
  const url = 'http://127.0.0.1:8080/signed/pg/v1/pay';
  const explain = (...words: string[]) => run(t, ['explain', '--config', file, ...words], { cwd: place });
  const json = ['-H', 'content-type: application/json'];
  const plain = await explain('POST', '/signed/pg/v1/pay', ...json, '-d', '{"a":1}');
  t.regex(plain.stdout, /^ {2}text +eyJhIjoxfQ==\/pg\/v1\/pay<salt_key>$/m);
  const pasted = await explain('--', 'curl', '-s', url, ...json, '--data', '@body.json');
  t.is(pasted.stderr, '');
  t.is(pasted.stdout, plain.stdout);
  t.is((await explain('POST', '/signed/pg/v1/pay', ...json, '-d', '@body.json')).stdout, plain.stdout);
  const throughUs = await explain(
    '--',
    'curl',
    '-x',
    '127.0.0.1:8080',
    'https://api-preprod.phonepe.com/apis/pg-sandbox/pg/v1/status/M1/1',
  );
  t.regex(throughUs.stdout, /^door +forward proxy$/m);
});

const shell = needs('sh');
shell.test(`-d @- is stdin${shell.why}`, async (t) => {
  const { file } = configFile(t, YAML);
  const under = ['sh', '-c', `printf '{"a":\\n1}\\n' | exec "$@"`, 'sh'];
  const { stdout, stderr } = await run(t, ['explain', 'POST', '/signed/pg/v1/pay', '-d', '@-', '--config', file], {
    under,
  });
  t.is(stderr, '');
  t.regex(stdout, /^ {2}text +eyJhIjoxfQ==\/pg\/v1\/pay<salt_key>$/m);
});

for (const [words, code] of [
  [['POST', '/signed/x', '-d', '@nowhere'], 'unreadable_file'],
  [['POST', '/signed/x', '-d', '@/'], 'unreadable_file'],
  [['--', 'curl', '-d', '@nowhere', 'http://127.0.0.1:8080/signed/x'], 'unreadable_file'],
  [['--', 'curl', '--wrong', 'http://127.0.0.1:8080/signed/x'], 'bad_curl_line'],
  [['--', 'curl', '-x', 'http://corp.test:3128', 'http://127.0.0.1:8080/signed/x'], 'foreign_proxy'],
] as const) {
  anyTest.serial(`a line that can't be explained is told as data too: ${words.join(' ')}`, async (t) => {
    const { file } = configFile(t, YAML);
    const { code: exit, stdout, stderr } = await run(t, ['explain', '--json', '--config', file, ...words]);
    t.is(exit, 1);
    t.is((JSON.parse(stdout) as { error: { code: string } }).error.code, code);
    t.regex(stderr, new RegExp(`^error\\[${code}\\]: .*\\n  = help: `));
  });
}
