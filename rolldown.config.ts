import { chmodSync, copyFileSync } from 'node:fs';
import license from 'rollup-plugin-license';
import { defineConfig } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const DIST = 'dist';
const OUTPUT = { dir: DIST, format: 'esm', chunkFileNames: 'chunks/[name].js' } as const;
const LIBRARY = { index: 'src/index.ts', simulator: 'src/simulator/index.ts' };

/** The libraries go into what is built: a tenth of what they install is used. */
export default defineConfig([
  {
    input: { ...LIBRARY, cli: 'src/cli.ts' },
    platform: 'node',
    // @redis/client does without it.
    external: ['@node-rs/xxhash'],
    output: { ...OUTPUT, cleanDir: true },
    plugins: [license({ thirdParty: { output: `${DIST}/licenses.txt` } })],
  },
  {
    // In one file and apart from the rest: each file that is opened counts where an answer is waited for.
    input: { launch: 'src/launch.ts' },
    platform: 'node',
    output: { ...OUTPUT, chunkFileNames: 'chunks/launch-[name].js' },
    plugins: [
      {
        name: 'launcher',
        resolveId: (id) => (id === './cli.ts' ? { id: './cli.js', external: true } : undefined),
        writeBundle() {
          copyFileSync('src/outrider.cjs', `${DIST}/outrider.cjs`);
          chmodSync(`${DIST}/outrider.cjs`, 0o755);
        },
      },
    ],
  },
  { input: LIBRARY, output: OUTPUT, plugins: [dts({ dtsOnly: true, generator: 'oxc' })] },
]);
