import { sendEach } from './lines.mjs';

const [name, ...requests] = process.argv.slice(2);
const { default: axios } = await import(name);
await sendEach(requests, async (url, data) => {
  const method = data === undefined ? 'get' : 'post';
  const answer = await axios({ url, method, data, responseType: 'stream', validateStatus: null });
  return [answer.status, answer.data];
});
