// Runs the commands of a JSON file, and writes to another what came of each request, and which variables there were.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const [input, output] = process.argv.slice(2);
const variables = { ...process.env };
const proxy = process.env.HTTPS_PROXY ? new URL(process.env.HTTPS_PROXY) : undefined;
Object.assign(process.env, {
  PROXY_HOST: proxy?.hostname ?? '',
  PROXY_PORT: proxy?.port ?? '',
  CA_FILE: process.env.CA_FILE ?? process.env.SSL_CERT_FILE ?? '',
});
const expand = (text) => text.replaceAll(/\$\{(\w+)\}/g, (_, name) => process.env[name] ?? '');

function run({ command, args, stdin, env = {} }) {
  return new Promise((resolve) => {
    const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, expand(value)]));
    const child = spawn(expand(command), args.map(expand), { env: { ...process.env, ...own }, timeout: 60_000 });
    const parts = [];
    let stderr = '';
    child.stdout.on('data', (chunk) => parts.push(chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', (error) => resolve({ code: 127, stdout: Buffer.alloc(0), stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(parts), stderr: stderr.slice(0, 2000) }));
    child.stdin.on('error', () => undefined);
    if (stdin === undefined) child.stdin.end();
    else child.stdin.write(expand(stdin));
  });
}

const describe = (code, bytes, stderr) => ({
  isOk: code === 0,
  text: bytes.subarray(0, 2000).toString('latin1'),
  said: `exit ${code} ${stderr}`,
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** How a command shows what it got, as results in the order of its requests. */
const READERS = {
  body: ({ code, stdout, stderr }) => [describe(code, stdout, stderr)],
  /** With the head of the answer before it. */
  message({ code, stdout, stderr }) {
    const end = stdout.indexOf('\r\n\r\n');
    const [head] = stdout.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
    return [describe(head.startsWith('HTTP/1.1 200 ') ? code : 1, stdout.subarray(end + 4), `${head} ${stderr}`)];
  },
  /** status, bytes, sha256, text in base64 */
  lines({ code, stdout, stderr }) {
    const lines = stdout.toString('latin1').trim().split('\n');
    return lines.map((line) => {
      const [status = '', bytes, sha256, base64 = ''] = line.split('\t');
      const text = Buffer.from(base64, 'base64').toString('latin1');
      return {
        isOk: status === '200',
        text,
        said: `status ${status}, exit ${code} ${stderr}`,
        bytes: Number(bytes),
        sha256,
      };
    });
  },
};

const { workers, clients } = JSON.parse(readFileSync(input, 'utf8'));
const results = {};
// The slow ones stand last in the table.
const queue = Object.entries(clients).reverse();
/** The commands of one client one after the other. */
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [client, commands] = next;
    results[client] = {};
    for (const command of commands) {
      const found = READERS[command.shows](await run(command));
      for (const [i, check] of command.checks.entries()) if (found[i]) results[client][check] = found[i];
    }
  }
};
await Promise.all(Array.from({ length: workers }, worker));
writeFileSync(output, JSON.stringify({ variables, results }));
