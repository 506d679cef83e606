import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../helpers/programs.ts';

const PROGRAMS = ['dash', 'env', 'install', 'rm', 'tini'];
const DIRECTORIES = ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'usr/local/bin', 'usr/local/lib/node_modules'];
const EMPTY = ['dev', 'etc', 'home/node', 'proc', 'root', 'run', 'sys', 'tmp', 'var/lib'];
/** Libraries of glibc that none of these programs names. An official image has them, and the builder's native module asks for them. */
const GLIBC = ['librt.so.1'];
const PASSWD = 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n';

const pathOf = async (program: string): Promise<string> => (await runProgram('which', [program])).trim();

/** Copies a file, links followed, to the same place below `root`. */
function copyBelow(root: string, file: string, to = file): void {
  if (existsSync(join(root, to))) return;
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(realpathSync(file), join(root, to));
}

/** The same for a program and the libraries that it needs. */
async function copyProgram(root: string, file: string, to = file): Promise<void> {
  copyBelow(root, file, to);
  for (const [library] of (await runProgram('ldd', [file])).matchAll(/\/\S+/g)) {
    if (existsSync(library)) copyBelow(root, library);
  }
}

/**
 * Makes a root directory of this machine's own files that stands in for an official image of Node: Node and npm, a shell, what
 * the Dockerfile calls, and an init. So the image can be built with no registry of images.
 */
export async function makeBase(root: string): Promise<void> {
  for (const dir of [...DIRECTORIES, ...EMPTY]) mkdirSync(join(root, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${dir}`, join(root, dir));
  chmodSync(join(root, 'tmp'), 0o1777);
  writeFileSync(join(root, 'etc/passwd'), PASSWD);
  for (const program of PROGRAMS) await copyProgram(root, await pathOf(program), `/usr/bin/${program}`);
  symlinkSync('dash', join(root, 'usr/bin/sh'));
  await copyProgram(root, process.execPath, '/usr/local/bin/node');
  const [libraries = ''] = /\/\S+(?=\/libc\.so\.6 )/.exec(await runProgram('ldd', [process.execPath])) ?? [];
  for (const library of GLIBC) copyBelow(root, join(libraries, library));
  const { NODE_EXTRA_CA_CERTS: certificates } = process.env;
  if (certificates !== undefined) copyBelow(root, certificates);
  const npm = dirname(dirname(realpathSync(await pathOf('npm'))));
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
}
