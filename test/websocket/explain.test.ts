import test from 'ava';
import { configFile, run } from '../commands/run.ts';

const YAML = `
version: 1
routes:
  - { name: open, match: { path: /open }, upstream: "http://127.0.0.1:9", websocket: true }
  - { name: shut, match: { path: /shut }, upstream: "http://127.0.0.1:9" }
`;

test.serial('explain counts Upgrade among what is dropped only where WebSocket does not pass', async (t) => {
  const { file } = configFile(t, YAML);
  const droppedBy = async (route: string, method: string): Promise<unknown> => {
    const args = ['explain', method, `/${route}/socket`, '--config', file, '--json'];
    const { stdout } = await run(t, [...args, '-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket']);
    return (JSON.parse(stdout) as { dropped: unknown }).dropped;
  };
  t.deepEqual(await droppedBy('open', 'GET'), []);
  t.deepEqual(await droppedBy('open', 'POST'), ['Connection', 'Upgrade']);
  t.deepEqual(await droppedBy('shut', 'GET'), ['Connection', 'Upgrade']);
});
