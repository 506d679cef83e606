import { CLI, configFile, SIMULATED } from './run.ts';
import { needs, typed } from './typed.ts';

const { test, why } = needs('python3');
/** In `auto` the log is for people on a terminal. */
const YAML = SIMULATED.replace('log: { format: json }', 'log: { format: pretty }');
const start = (file: string): readonly string[] => [process.execPath, CLI, 'start', '--config', file];

test(`\`start\` ends when its terminal is closed${why}`, async (t) => {
  const { file } = configFile(t, YAML);
  const { code } = await typed([['Try it:', null]], start(file));
  t.is(code, 0);
});

test(`SIGHUP reloads while the terminal is there${why}`, async (t) => {
  const { file } = configFile(t, YAML);
  const steps = [
    ['Try it:', 'SIGHUP'],
    ['the config was reloaded', '\x03'],
  ] as const;
  const { code } = await typed(steps, start(file));
  t.is(code, 0);
});

test(`a proxy that reads from and writes to no terminal outlives the one that it was started in${why}`, async (t) => {
  const { file, dir } = configFile(t, YAML);
  const log = `${dir}/log`;
  // Its own SIGHUP comes once the terminal is gone; then it is ended, and says how.
  const script = `
    nohup "$@" </dev/null >"${log}" 2>&1 &
    proxy=$!
    trap 'kill -HUP $proxy; until grep -q "was reloaded" "${log}"; do sleep 0.05; done; kill -TERM $proxy; wait $proxy; exit $?' HUP
    until grep -q "Try it:" "${log}"; do sleep 0.05; done
    echo it runs
    while :; do sleep 0.05; done`;
  const { code } = await typed([['it runs', null]], ['bash', '-c', script, 'bash', ...start(file)]);
  t.is(code, 0);
});
