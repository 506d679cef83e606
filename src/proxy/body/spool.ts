import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes in a temporary file that has no name any more: it is gone with its descriptor, however the process ends. */
export class SpoolFile {
  readonly #file: FileHandle;
  #size = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Creates a file in `dir`, readable by us alone, and takes its name away. Rejects when the disk won't have it. */
  static async create(dir: string): Promise<SpoolFile> {
    const path = join(dir, `outrider-${process.pid}-${randomBytes(12).toString('hex')}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SpoolFile(file);
  }

  get size(): number {
    return this.#size;
  }

  /** Rejects when not all of it fits; then none of it is ever read. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, this.#size + written);
      written += bytesWritten;
    }
    this.#size += bytes.length;
  }

  /** Up to `maxBytes` from `position` on. */
  async read(position: number, maxBytes: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, this.#size - position));
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it');
    return buffer.subarray(0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
