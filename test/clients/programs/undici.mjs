import { EnvHttpProxyAgent, request } from 'undici';
import { sendEach } from './lines.mjs';

const dispatcher = new EnvHttpProxyAgent();
await sendEach(process.argv.slice(2), async (url, body) => {
  const answer = await request(url, { dispatcher, method: body === undefined ? 'GET' : 'POST', body });
  return [answer.statusCode, answer.body];
});
await dispatcher.close();
