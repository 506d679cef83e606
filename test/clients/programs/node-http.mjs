import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { sendEach } from './lines.mjs';

await sendEach(process.argv.slice(2), async (url, body) => {
  const { request } = url.startsWith('https:') ? https : http;
  const call = request(url, { method: body === undefined ? 'GET' : 'POST' });
  call.end(body);
  const [answer] = await once(call, 'response');
  return [answer.statusCode, answer];
});
