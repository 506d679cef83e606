import test from 'ava';
import type { Container } from 'kubernetes-types/core/v1.d.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configFile } from '../commands/run.ts';
import { httpCall } from '../helpers/outrider.ts';
import { testWith } from '../helpers/programs.ts';
import { redisTest, startRedis } from '../helpers/redis.ts';
import { kitFile, problemsOf, renewsAndReplays, secretsIn, someSecrets, startKit, withSecrets } from './kit.ts';
import { configMaps, containersOf, deployments, podOf, render, secrets, services, typeErrors } from './manifests.ts';

const rendered = testWith('kubectl');
const FOLDERS = { base: 'shop', shared: 'outrider' } as const;
type Folder = keyof typeof FOLDERS;

const envOf = ({ env = [] }: Container): Record<string, string> =>
  Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));

/** A folder's objects, and what of them is Outrider's. */
async function given(folder: Folder) {
  const manifests = await render(folder);
  const deployment = deployments(manifests).get(FOLDERS[folder]);
  if (!deployment) throw new Error(`${folder} has no Deployment ${FOLDERS[folder]}`);
  const pod = podOf(deployment);
  const container = containersOf(pod).find(({ name }) => name === 'outrider') as Container;
  const [configMap] = [...configMaps(manifests).values()];
  const config = configMap?.data?.['proxy.config.yaml'] ?? '';
  return { manifests, deployment, pod, container, config };
}

for (const folder of Object.keys(FOLDERS) as Folder[]) {
  rendered(`kubernetes/${folder}: every object has the fields of its kind, and no others`, async (t) => {
    t.timeout(120_000);
    const { manifests } = await given(folder);
    t.is(await typeErrors(manifests), '');
    const misspelt = JSON.stringify(manifests).replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem');
    t.regex(await typeErrors(JSON.parse(misspelt) as typeof manifests), /readOnlyRootFileSystem/, 'positive control');
  });

  rendered(`kubernetes/${folder}: what refers to something finds it`, async (t) => {
    const { manifests } = await given(folder);
    for (const deployment of deployments(manifests).values()) {
      const pod = podOf(deployment);
      const volumes = pod.volumes ?? [];
      const mounted = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
      t.deepEqual([...new Set(mounted)].toSorted(), volumes.map(({ name }) => name).toSorted());
      for (const { configMap, secret } of volumes) {
        if (configMap) t.true(configMaps(manifests).has(configMap.name ?? ''), configMap.name);
        if (!secret) continue;
        const { stringData = {} } = secrets(manifests).get(secret.secretName ?? '') ?? {};
        t.true(Object.keys(stringData).length > 0, secret.secretName);
        for (const { key } of secret.items ?? []) t.true(key in stringData, key);
        // For the group of the pod, and nobody else.
        t.is(secret.defaultMode, 0o440);
        t.is(pod.securityContext?.fsGroup, 1000);
      }
      for (const { ports = [], startupProbe, livenessProbe, readinessProbe } of containersOf(pod)) {
        for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
          const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
          if (port !== undefined)
            t.true(
              ports.some(({ name }) => name === port),
              `${port}`,
            );
        }
      }
      t.deepEqual(deployment.spec?.selector.matchLabels, deployment.spec?.template.metadata?.labels);
    }
    for (const { metadata, spec } of services(manifests).values()) {
      const behind = [...deployments(manifests).values()].filter(({ spec: own }) =>
        Object.entries(spec?.selector ?? {}).every(([key, value]) => own?.template.metadata?.labels?.[key] === value),
      );
      t.is(behind.length, 1, metadata?.name);
      const open = behind.flatMap((each) => containersOf(podOf(each))).flatMap(({ ports = [] }) => ports);
      for (const { targetPort } of spec?.ports ?? []) t.true(open.some(({ name }) => name === targetPort));
    }
  });

  rendered(
    `kubernetes/${folder}: nothing runs as root or writes to its image, and no image is left unnamed`,
    async (t) => {
      const { manifests, pod, container } = await given(folder);
      for (const each of [...deployments(manifests).values()].flatMap((one) => containersOf(podOf(one)))) {
        t.regex(each.image ?? '', /:.*\d/);
        t.not(each.image, 'your-application');
        if (each.name === 'shop') continue;
        t.like(each.securityContext, {
          runAsNonRoot: true,
          runAsUser: 1000,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
      }
      t.is(container.restartPolicy, folder === 'base' ? 'Always' : undefined);
      t.is((pod.initContainers ?? []).length, folder === 'base' ? 1 : 0);
    },
  );

  rendered(
    `kubernetes/${folder}: the mounted config is good with the Secret's values, and with none of them as it stands there`,
    async (t) => {
      t.timeout(120_000);
      const { manifests, pod, container, config } = await given(folder);
      const { stringData = {} } = secrets(manifests).get('outrider') ?? {};
      const names = Object.keys(stringData).toSorted();
      t.deepEqual(secretsIn(config).toSorted(), names);
      const mounts = Object.fromEntries((container.volumeMounts ?? []).map(({ name, mountPath }) => [mountPath, name]));
      for (const path of ['/etc/outrider', '/run/secrets/outrider', '/tmp']) t.true(path in mounts, path);

      const values = someSecrets(names);
      const env = envOf(container);
      t.deepEqual(await problemsOf(t, withSecrets(t, config, values), env), []);
      for (const name of names) {
        // Redis without a password refuses to start by itself.
        if (name === 'redis_password') continue;
        const problems = await problemsOf(
          t,
          withSecrets(t, config, { ...values, [name]: stringData[name] as string }),
          env,
        );
        t.true(problems.length > 0, name);
      }

      const { file } = configFile(t, withSecrets(t, config, values));
      const read = loadConfig(file, { env }).config;
      if (!read || read.admin === false || !('port' in read.admin.address)) throw new Error('no config');
      t.is(read.admin.address.port, container.ports?.find(({ name }) => name === 'admin')?.containerPort ?? 0);
      const { lameDuckMs, drainMs } = read.timeouts;
      t.true((pod.terminationGracePeriodSeconds ?? 0) * 1_000 > lameDuckMs + drainMs + 5_000);
      for (const name of services(manifests).keys()) {
        if (name === 'outrider') t.true(read.listen.allowedHosts.includes(name));
      }
    },
  );
}

test('kubernetes/base: the sidecar renews and replays, and is ready', async (t) => {
  const config = kitFile('kubernetes/base/proxy.config.yaml');
  const running = await startKit(t, withSecrets(t, config, someSecrets(secretsIn(config))), {});
  await renewsAndReplays(t, running, []);
});

redisTest(
  'kubernetes/shared: replicas renew and replay, let nobody in without the token, and keep what they have in Redis',
  async (t) => {
    t.timeout(120_000);
    const config = kitFile('kubernetes/shared/proxy.config.yaml');
    const values = someSecrets(secretsIn(config));
    const redis = await startRedis(t, ['--requirepass', values['redis_password'] as string]);
    const yaml = withSecrets(t, config, values);
    const env = { OUTRIDER_ALLOWED_HOSTS: 'outrider' };
    const running = await startKit(t, yaml, env, `127.0.0.1:${redis.port}`);
    const origin = running.origin.replace('0.0.0.0', '127.0.0.1');
    t.is((await httpCall(origin, '/phonepe/checkout/v2/order/order-1/status')).status, 401);
    const metrics = await renewsAndReplays(t, running, ['X-Outrider-Token', values['access_token'] as string]);
    t.regex(metrics, /^outrider_store_up\{kind="redis"\} 1$/m);
  },
);
