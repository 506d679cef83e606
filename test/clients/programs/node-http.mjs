import http from 'node:http';
import https from 'node:https';

const [url, body] = process.argv.slice(2);
const { request } = url.startsWith('https:') ? https : http;
const call = request(url, { method: body === undefined ? 'GET' : 'POST' }, (answer) => {
  answer.pipe(process.stdout);
  process.exitCode = answer.statusCode === 200 ? 0 : 22;
});
call.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 7;
});
call.end(body);
