import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import type { ConfigMap, Container, PodSpec, Secret, Service } from 'kubernetes-types/core/v1.d.ts';
import { runProgram } from '../helpers/programs.ts';
import { KIT } from './kit.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** The objects that a folder of the kit becomes, by kustomize itself. */
export async function render(folder: string): Promise<readonly Manifest[]> {
  const text = await runProgram('kubectl', ['kustomize', join(KIT, 'kubernetes', folder)]);
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

const ofKind = <T>(manifests: readonly Manifest[], kind: string): ReadonlyMap<string, T> =>
  new Map(
    manifests.filter((each) => each.kind === kind).map((each) => [each.metadata.name, each as unknown as T] as const),
  );

export const deployments = (manifests: readonly Manifest[]) => ofKind<Deployment>(manifests, 'Deployment');
export const services = (manifests: readonly Manifest[]) => ofKind<Service>(manifests, 'Service');
export const configMaps = (manifests: readonly Manifest[]) => ofKind<ConfigMap>(manifests, 'ConfigMap');
export const secrets = (manifests: readonly Manifest[]) => ofKind<Secret>(manifests, 'Secret');

export const podOf = ({ spec }: Deployment): PodSpec => spec?.template.spec as PodSpec;

/** All containers of a pod, its sidecars first. */
export const containersOf = ({ initContainers = [], containers }: PodSpec): readonly Container[] => [
  ...initContainers,
  ...containers,
];

/** Where the types of each API are. */
const typesOf = (apiVersion: string): string =>
  `kubernetes-types/${(apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`).replace(/\.k8s\.io\b/, '')}.d.ts`;

/** What the compiler says of objects that are taken for what they claim to be: an unknown key is an error. */
export async function typeErrors(manifests: readonly Manifest[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-manifests-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const lines = manifests.map(
      (each, i) =>
        `import type { ${each.kind} as Kind${i} } from '${typesOf(each.apiVersion)}';\nexport const object${i}: Kind${i} = ${JSON.stringify(each)};\n`,
    );
    writeFileSync(join(dir, 'manifests.ts'), lines.join(''));
    const flags = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'esnext', '--moduleResolution', 'bundler'];
    return await runProgram(join(ROOT, 'node_modules/.bin/tsc'), [...flags, join(dir, 'manifests.ts')]).catch(
      (error: unknown) => (error as Error).message,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
